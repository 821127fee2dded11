import { createHash } from 'node:crypto';

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const NUL_STAND_IN = 0x80;

/**
 * What tells whether two messages are the same mail: SHA-256, lower-case hex, over the raw bytes, in which a lone CR or LF
 * reads as CRLF and NUL as 0x80. Servers change just these two on the way in, so a copy of a message with them would not be
 * known again (measured against Dovecot 2.3: it stores bare LF as a line end and 0x80 for NUL; RFC 9051 §9 forbids NUL in a
 * literal and wants CRLF).
 */
export function fingerprintOf(raw: Buffer): string {
  return createHash('sha256')
    .update(withCrlf(replaceNul(raw)))
    .digest('hex');
}

/**
 * The bytes that an APPEND may carry: NUL becomes 0x80, as Dovecot itself does (RFC 9051 §9: CHAR8 is %x01-ff). Nothing else
 * changes. The same Buffer comes back where there is no NUL.
 */
export function replaceNul(raw: Buffer): Buffer {
  let at = raw.indexOf(NUL);
  if (at < 0) return raw;
  const repaired = Buffer.from(raw);
  for (; at >= 0; at = repaired.indexOf(NUL, at + 1)) repaired[at] = NUL_STAND_IN;
  return repaired;
}

/** Only messages with a lone CR or LF are built anew; the others, nearly all, are looked through without a copy. */
function withCrlf(raw: Buffer): Buffer {
  if (!hasLoneLineEnd(raw)) return raw;
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = 0; at < raw.length; at += 1) {
    const byte = raw[at];
    if (byte !== CR && byte !== LF) continue;
    parts.push(raw.subarray(start, at), CRLF);
    if (byte === CR && raw[at + 1] === LF) at += 1;
    start = at + 1;
  }
  parts.push(raw.subarray(start));
  return Buffer.concat(parts);
}

const CRLF = Buffer.from('\r\n');

function hasLoneLineEnd(raw: Buffer): boolean {
  for (let at = raw.indexOf(LF); at >= 0; at = raw.indexOf(LF, at + 1)) if (raw[at - 1] !== CR) return true;
  for (let at = raw.indexOf(CR); at >= 0; at = raw.indexOf(CR, at + 1)) if (raw[at + 1] !== LF) return true;
  return false;
}
