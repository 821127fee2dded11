import { Lines } from './lines.ts';

const COLON = 0x3a;

/** One field of a header by offsets, so that 100,000 of them cost little and bytes are copied only when wanted. */
export interface Field {
  /** Lower-case; empty for a line that is no field and continues none, which readers pass over. */
  readonly name: string;
  readonly start: number;
  readonly valueStart: number;
  /** After the last line end. */
  readonly end: number;
}

/** The fields of a header, up to its blank line (RFC 5322 §2.2; `Name :` of §4.5 is read as well). */
export function fieldsOf(bytes: Buffer, from: number, to: number): Field[] {
  const fields: Field[] = [];
  for (const lines = new Lines(bytes, from, to); lines.advance() && lines.end > lines.start; ) {
    const last = fields.at(-1);
    if (isBlank(bytes[lines.start]) && last !== undefined) fields[fields.length - 1] = { ...last, end: lines.next };
    else fields.push(fieldAt(bytes, lines));
  }
  return fields;
}

/** The value without line ends of its folds, one character a byte. */
export function readValue(bytes: Buffer, field: Field): string {
  let [start, end] = [field.valueStart, field.end];
  while (start < end && isSpace(bytes[start])) start += 1;
  while (end > start && isSpace(bytes[end - 1])) end -= 1;
  return bytes.toString('latin1', start, end).replace(/[\r\n]/g, '');
}

export function findField(fields: readonly Field[], name: string): Field | undefined {
  return fields.find((field) => field.name === name);
}

/** Names are printable ASCII without colon (RFC 5322 §2.2); none that is longer than a line is one. */
function fieldAt(bytes: Buffer, { start, end, next }: Lines): Field {
  const head = bytes.toString('latin1', start, Math.min(end, start + 1000));
  const name = /^([!-9;-~]+)[ \t]*:/.exec(head)?.[1]?.toLowerCase() ?? '';
  return { name, start, valueStart: name === '' ? start : bytes.indexOf(COLON, start) + 1, end: next };
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** Not what `trim` takes for one: 0xA0 is a byte of UTF-8. */
function isSpace(byte: number | undefined): boolean {
  return isBlank(byte) || byte === 0x0d || byte === 0x0a;
}
