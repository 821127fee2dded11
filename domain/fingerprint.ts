import { createHash } from 'node:crypto';

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const NUL_STAND_IN = 0x80;

/**
 * What tells whether two messages are the same mail: SHA-256, lower-case hex, over the raw bytes, in which NUL reads as 0x80,
 * a lone CR or LF and any run of CRs before an LF read as CRLF, and CRs at the very end read as nothing.
 *
 * Servers change just these on the way in, so a copy of a message with them would not be known again. Measured against
 * Dovecot 2.3: it stores bare LF as CRLF and 0x80 for NUL, drops one CR of `CR CR LF`, and a lone CR at the end. RFC 9051 §9
 * forbids NUL in a literal.
 */
export function fingerprintOf(raw: Buffer): string {
  return createHash('sha256')
    .update(withCrlf(replaceNul(raw)))
    .digest('hex');
}

/** The same Buffer comes back where there is no NUL. */
export function replaceNul(raw: Buffer): Buffer {
  let at = raw.indexOf(NUL);
  if (at < 0) return raw;
  const repaired = Buffer.from(raw);
  for (; at >= 0; at = repaired.indexOf(NUL, at + 1)) repaired[at] = NUL_STAND_IN;
  return repaired;
}

/** Only messages with odd line ends are built anew; the others, nearly all, are looked through without a copy. */
function withCrlf(raw: Buffer): Buffer {
  if (!hasOddLineEnd(raw)) return raw;
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = 0; at < raw.length; ) {
    const end = endOfLineEnd(raw, at);
    if (end > at) {
      parts.push(raw.subarray(start, at));
      if (end < raw.length || raw[end - 1] === LF) parts.push(CRLF);
      start = end;
    }
    at = Math.max(end, at + 1);
  }
  parts.push(raw.subarray(start));
  return Buffer.concat(parts);
}

const CRLF = Buffer.from('\r\n');

/** Where the line end that starts at `at` is over: LF, CR, a run of CRs with its LF, or a run of CRs at the very end. */
function endOfLineEnd(raw: Buffer, at: number): number {
  if (raw[at] === LF) return at + 1;
  if (raw[at] !== CR) return at;
  let end = at + 1;
  while (raw[end] === CR) end += 1;
  if (raw[end] === LF) return end + 1;
  return end === raw.length ? end : at + 1;
}

function hasOddLineEnd(raw: Buffer): boolean {
  for (let at = raw.indexOf(LF); at >= 0; at = raw.indexOf(LF, at + 1)) if (raw[at - 1] !== CR) return true;
  for (let at = raw.indexOf(CR); at >= 0; at = raw.indexOf(CR, at + 1)) if (raw[at + 1] !== LF) return true;
  return false;
}

/** SHA-256 of the very bytes, lower-case hex; a string counts as UTF-8. */
export function sha256Hex(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
