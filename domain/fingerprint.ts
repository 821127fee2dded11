import { createHash } from 'node:crypto';
import { withCrlf, withoutLastCrs } from './mime/lines.ts';

const NUL = 0x00;
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
  return sha256Hex(withCrlf(withoutLastCrs(replaceNul(raw))));
}

/** The same Buffer comes back where there is no NUL. */
export function replaceNul(raw: Buffer): Buffer {
  let at = raw.indexOf(NUL);
  if (at < 0) return raw;
  const repaired = Buffer.from(raw);
  for (; at >= 0; at = repaired.indexOf(NUL, at + 1)) repaired[at] = NUL_STAND_IN;
  return repaired;
}

/** SHA-256 of the very bytes, lower-case hex; a string counts as UTF-8. */
export function sha256Hex(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
