import { graphRefusal } from '../refusal.ts';

/** A literal of OData: text, number, boolean, time (as epoch ms) or null. */
export type Value = string | number | boolean | null;

/** What a filter asks of one thing. */
export type Filter =
  | { readonly op: 'and' | 'or'; readonly of: readonly Filter[] }
  | { readonly op: 'not'; readonly of: readonly [Filter] }
  | { readonly op: 'compare'; readonly path: string; readonly by: Comparison; readonly value: Value }
  | { readonly op: 'startswith' | 'contains'; readonly path: string; readonly value: string }
  | { readonly op: 'any'; readonly path: string; readonly variable: string; readonly where: Filter }
  /** `cast(path, Edm.Int32) ge 17`. */
  | {
      readonly op: 'cast';
      readonly path: string;
      readonly type: string;
      readonly by: Comparison;
      readonly value: Value;
    };

export type Comparison = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le';
const COMPARISONS: readonly string[] = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] satisfies Comparison[];

const TOKEN =
  /\s*(?:('(?:[^']|'')*')|(\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?)|(-?\d+(?:\.\d+)?)|([A-Za-z_@][\w.@]*(?:\/[\w.@]+)*)|([(),:]))/y;

/** The part of OData's `$filter` that mail needs. @throws Refusal 400 for what is not understood */
export function parseFilter(text: string): Filter {
  return new Parser(text).parse();
}

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    const tokens: string[] = [];
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < text.trimEnd().length) {
      const found = TOKEN.exec(text);
      if (found === null) throw notUnderstood();
      tokens.push(found[0].trim());
    }
    this.#tokens = tokens;
  }

  parse(): Filter {
    const filter = this.#either();
    if (this.#at < this.#tokens.length) throw notUnderstood();
    return filter;
  }

  #either(): Filter {
    return this.#joined('or', () => this.#joined('and', () => this.#one()));
  }

  #joined(op: 'and' | 'or', next: () => Filter): Filter {
    const first = next();
    const of = [first];
    while (this.#peek() === op) {
      this.#at += 1;
      of.push(next());
    }
    return of.length === 1 ? first : { op, of };
  }

  #one(): Filter {
    const token = this.#take();
    if (token === 'not') return { op: 'not', of: [this.#one()] };
    if (token === '(') {
      const inner = this.#either();
      this.#expect(')');
      return inner;
    }
    const lower = token.toLowerCase();
    if (lower === 'startswith' || lower === 'contains') {
      this.#expect('(');
      const path = this.#take();
      this.#expect(',');
      const value = literalOf(this.#take());
      this.#expect(')');
      if (typeof value !== 'string') throw notUnderstood();
      return { op: lower, path, value };
    }
    if (lower === 'cast') {
      this.#expect('(');
      const path = this.#take();
      this.#expect(',');
      const type = this.#take();
      this.#expect(')');
      return { op: 'cast', path, type, ...this.#comparison() };
    }
    const collection = /^(.+)\/any$/i.exec(token)?.[1];
    if (collection !== undefined) {
      this.#expect('(');
      const variable = this.#take();
      this.#expect(':');
      const where = this.#either();
      this.#expect(')');
      return { op: 'any', path: collection, variable, where };
    }
    return { op: 'compare', path: token, ...this.#comparison() };
  }

  #comparison(): { by: Comparison; value: Value } {
    const by = this.#take();
    if (!COMPARISONS.includes(by)) throw notUnderstood();
    return { by: by as Comparison, value: literalOf(this.#take()) }; // one of them, as just seen
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  #take(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw notUnderstood();
    this.#at += 1;
    return token;
  }

  #expect(token: string): void {
    if (this.#take() !== token) throw notUnderstood();
  }
}

function literalOf(token: string): Value {
  if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'");
  if (/^\d{4}-\d\d-\d\d/.test(token)) return Date.parse(token);
  if (/^-?\d/.test(token)) return Number(token);
  if (token === 'true' || token === 'false') return token === 'true';
  if (token === 'null') return null;
  throw notUnderstood();
}

/** Text is compared without regard to case, as Exchange does (exchange.md §3). */
export function compare(left: Value, by: Comparison, right: Value): boolean {
  if (left === null || right === null) return by === 'eq' ? left === right : by === 'ne' ? left !== right : false;
  if (typeof left !== typeof right) throw notUnderstood();
  const [one, other] = [left, right].map((value) => (typeof value === 'string' ? value.toLowerCase() : value)) as [
    string | number,
    string | number,
  ];
  switch (by) {
    case 'eq':
      return one === other;
    case 'ne':
      return one !== other;
    case 'gt':
      return one > other;
    case 'ge':
      return one >= other;
    case 'lt':
      return one < other;
    case 'le':
      return one <= other;
  }
}

export function notUnderstood(): Error {
  return graphRefusal(400, 'ErrorInvalidUrlQueryFilter', 'The query filter contains one or more invalid nodes.');
}
