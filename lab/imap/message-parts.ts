/** The few views on a message that FETCH and SEARCH need. The message itself is never rewritten. */

/** Where the body starts: after the first empty line, or at the end where there is none. */
export function bodyOffset(raw: Buffer): number {
  for (let at = 0; at < raw.length; ) {
    const end = raw.indexOf(0x0a, at);
    if (end < 0) return raw.length;
    if (end === at || (end === at + 1 && raw[at] === 0x0d)) return end + 1;
    at = end + 1;
  }
  return raw.length;
}

/** `HEADER.FIELDS` and, with `invert`, `HEADER.FIELDS.NOT`: the lines as they are, then an empty line (RFC 3501 §6.4.5). */
export function selectFields(raw: Buffer, names: readonly string[], invert: boolean): Buffer {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  const kept = fieldsOf(raw).filter((field) => wanted.has(field.name) !== invert);
  return Buffer.concat([...kept.map((field) => field.raw), Buffer.from('\r\n')]);
}

/** Unfolded values of a header field, each byte one character. */
export function fieldValues(raw: Buffer, name: string): readonly string[] {
  const wanted = name.toLowerCase();
  return fieldsOf(raw)
    .filter((field) => field.name === wanted)
    .map((field) => field.raw.toString('latin1').slice(name.length).replace(/^\s*:/, '').replace(/\r?\n/g, '').trim());
}

interface Field {
  name: string;
  raw: Buffer;
}

function fieldsOf(raw: Buffer): readonly Field[] {
  const fields: Field[] = [];
  const end = bodyOffset(raw);
  for (let at = 0; at < end; ) {
    let next = lineEnd(raw, at, end);
    while (next < end && (raw[next] === 0x20 || raw[next] === 0x09)) next = lineEnd(raw, next, end);
    const colon = raw.indexOf(0x3a, at);
    if (colon > at && colon < next) {
      fields.push({ name: raw.toString('latin1', at, colon).trim().toLowerCase(), raw: raw.subarray(at, next) });
    }
    at = next;
  }
  return fields;
}

function lineEnd(raw: Buffer, at: number, end: number): number {
  const found = raw.indexOf(0x0a, at);
  return found < 0 || found >= end ? end : found + 1;
}
