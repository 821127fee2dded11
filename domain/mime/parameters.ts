export interface Parameter {
  /** Lower-case, with the stars of RFC 2231. */
  readonly name: string;
  /** Without quotes and backslashes, one character a byte. */
  readonly value: string;
  /** Where it stands in the text it was read from, quotes included. */
  readonly start: number;
  readonly end: number;
}

export interface Parameterized {
  /** What stands before the first semicolon, without comments, lower-case: `text/plain`, `attachment`. */
  readonly value: string;
  readonly parameters: readonly Parameter[];
}

const MAX_PARAMETERS = 1000;
/** More is no header any more but an attack, and patterns need stack for each character. */
export const MAX_PARAMETER_TEXT = 65_536;
/** A comment, white space, a semicolon or an equals sign: what may stand between parameters. */
const BETWEEN = /(?:\((?:[^()\\]|\\[\s\S])*\)|[ \t\r\n;=])*/y;
const NAME = /[^ \t\r\n;=()"]+/y;
const EQUALS = /[ \t\r\n]*=[ \t\r\n]*/y;
const VALUE = /"((?:[^"\\]|\\[\s\S])*)(?:"|\\?$)|([^ \t\r\n;"]*)/y;

/**
 * Reads `value; name=value; name="value"` (RFC 2045 §5.1), and goes on after what it does not understand. What is after the
 * first {@link MAX_PARAMETER_TEXT} characters is not read.
 */
export function readParameters(field: string): Parameterized {
  const text = field.slice(0, MAX_PARAMETER_TEXT);
  const semicolon = text.indexOf(';');
  const head = semicolon < 0 ? text : text.slice(0, semicolon);
  const value = head
    .replace(/\([^()]*\)/g, '')
    .replace(/[ \t\r\n]/g, '')
    .toLowerCase();
  const parameters: Parameter[] = [];
  for (let at = semicolon < 0 ? text.length : semicolon; at < text.length && parameters.length < MAX_PARAMETERS; ) {
    at = endOf(BETWEEN, text, at);
    const nameEnd = endOf(NAME, text, at);
    const start = endOf(EQUALS, text, nameEnd);
    if (nameEnd === at || start === nameEnd) {
      at = Math.max(nameEnd, at + 1);
      continue;
    }
    VALUE.lastIndex = start;
    const match = VALUE.exec(text);
    const end = start + (match?.[0].length ?? 0);
    const found = match?.[1]?.replace(/\\([\s\S])/g, '$1') ?? match?.[2] ?? '';
    parameters.push({ name: text.slice(at, nameEnd).toLowerCase(), value: found, start, end });
    at = Math.max(end, start);
  }
  return { value, parameters };
}

export function findParameter({ parameters }: Parameterized, name: string): string | null {
  return parameters.find((parameter) => parameter.name === name)?.value ?? null;
}

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  return at + (match?.[0].length ?? 0);
}
