import type { ByteReader } from './byte-reader.ts';

/** An argument of a command, RFC 3501 §9. Atoms keep their spelling; `BODY[HEADER.FIELDS (A B)]<0.9>` is one atom. */
export type Token =
  | { kind: 'atom'; text: string }
  | { kind: 'string'; value: Buffer; literal: boolean; literal8: boolean }
  | { kind: 'list'; items: Token[] };

export interface ParsedCommand {
  tag: string;
  /** Upper case, `UID FETCH` as one name. */
  name: string;
  args: Token[];
  /** The command line for people and hooks; literals as `{n}`. */
  text: string;
}

/** A part of a command as it comes over the wire: text, or a literal. */
type Segment = string | { bytes: Buffer; literal8: boolean };

export interface LiteralPolicy {
  /** Whether `{n+}` is offered (RFC 7888). */
  nonSynchronising: boolean;
  /** Text of a refusal (`NO [TOOBIG] …`) for a literal of this many bytes, null to take it. */
  refuse: (sizeBytes: number, commandText: string) => string | null;
  /** Sends the continuation request that a synchronising literal waits for. */
  invite: () => void;
}

export type ReadResult =
  | { kind: 'command'; command: ParsedCommand }
  /** The client sent something to refuse; the stream stands at the next command. */
  | { kind: 'refused'; tag: string; text: string }
  | { kind: 'end' };

/** Exchange's MaxCommandSize is 10,240 and far too small for UID sets; Dovecot takes 64 KiB (imap_max_line_length). */
const LINE_LIMIT_BYTES = 1 << 20;
const LITERAL_MARK = /(~?)\{(\d+)(\+?)\}$/;

export async function readCommand(reader: ByteReader, policy: LiteralPolicy): Promise<ReadResult> {
  const segments: Segment[] = [];
  let text = '';
  let refusal: string | null = null;
  for (;;) {
    const line = (await reader.readLine(LINE_LIMIT_BYTES))?.toString('latin1');
    if (line === undefined) return { kind: 'end' };
    text += line;
    const mark = LITERAL_MARK.exec(line);
    if (mark === null) {
      segments.push(line);
      break;
    }
    segments.push(line.slice(0, mark.index));
    const sizeBytes = Number(mark[2]);
    const synchronising = mark[3] === '';
    refusal ??= policy.refuse(sizeBytes, text);
    if (!synchronising && !policy.nonSynchronising) refusal ??= 'BAD Non-synchronising literals are not offered';
    if (synchronising) {
      // The client waits for our word, so a refusal here saves the bytes and ends the command.
      if (refusal !== null) break;
      policy.invite();
    }
    const bytes = await reader.readExactly(sizeBytes);
    if (bytes === null) return { kind: 'end' };
    segments.push({ bytes, literal8: mark[1] === '~' });
  }
  const tag = /^[^\s(){%*"\\+]+/.exec(text)?.[0] ?? '*';
  if (refusal !== null) return { kind: 'refused', tag, text: refusal };
  const tokens = new Tokenizer(segments).all();
  if (tokens === null || tag === '*') return { kind: 'refused', tag, text: 'BAD Syntax error' };
  const [, verb, ...rest] = tokens;
  if (verb?.kind !== 'atom') return { kind: 'refused', tag, text: 'BAD Command missing' };
  const args = [...rest];
  let name = verb.text.toUpperCase();
  if (name === 'UID' && args[0]?.kind === 'atom') {
    name = `UID ${args[0].text.toUpperCase()}`;
    args.shift();
  }
  return { kind: 'command', command: { tag, name, args, text } };
}

/** One line with literals in between, to tokens; null where it breaks the grammar. */
class Tokenizer {
  readonly #segments: Segment[];
  #segment = 0;
  #at = 0;

  constructor(segments: Segment[]) {
    this.#segments = segments;
  }

  all(): Token[] | null {
    return this.#sequence(false);
  }

  #sequence(inList: boolean): Token[] | null {
    const tokens: Token[] = [];
    for (;;) {
      const segment = this.#segments[this.#segment];
      if (segment === undefined) return inList ? null : tokens;
      if (typeof segment !== 'string') {
        tokens.push({ kind: 'string', value: segment.bytes, literal: true, literal8: segment.literal8 });
        this.#next();
        continue;
      }
      const char = segment[this.#at];
      if (char === undefined) this.#next();
      else if (char === ' ') this.#at += 1;
      else if (char === ')') {
        this.#at += 1;
        return inList ? tokens : null;
      } else if (char === '(') {
        this.#at += 1;
        const items = this.#sequence(true);
        if (items === null) return null;
        tokens.push({ kind: 'list', items });
      } else {
        const token = char === '"' ? this.#quoted(segment) : this.#atom(segment);
        if (token === null) return null;
        tokens.push(token);
      }
    }
  }

  #next(): void {
    this.#segment += 1;
    this.#at = 0;
  }

  #quoted(segment: string): Token | null {
    const match = /"((?:[^"\\]|\\.)*)"/y;
    match.lastIndex = this.#at;
    const found = match.exec(segment);
    if (found === null) return null;
    this.#at = match.lastIndex;
    const value = Buffer.from((found[1] ?? '').replace(/\\(.)/g, '$1'), 'latin1');
    return { kind: 'string', value, literal: false, literal8: false };
  }

  #atom(segment: string): Token | null {
    const match = /(?:BODY|BINARY)(?:\.PEEK)?\[[^\]]*\](?:<[\d.]+>)?|[^\s()"]+/iy;
    match.lastIndex = this.#at;
    const found = match.exec(segment);
    if (found === null) return null;
    this.#at = match.lastIndex;
    return { kind: 'atom', text: found[0] };
  }
}

/** Text of an atom or a string; null for a list and for what is missing. */
export function textOf(token: Token | undefined): string | null {
  if (token === undefined || token.kind === 'list') return null;
  return token.kind === 'atom' ? token.text : token.value.toString('latin1');
}
