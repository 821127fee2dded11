import { createHash } from 'node:crypto';

/**
 * SHA-256 of a message, blind to what Dovecot 2.3 changes by itself (measured over the corpus): a bare LF comes back as CRLF, NUL
 * as 0x80, and of bare CRs at the very end the last one is gone, all of them in the end when copied again and again. Nothing else
 * is forgiven.
 */
export function digestOf(raw: Buffer): string {
  const text = raw.toString('latin1').replace(/\r?\n/g, '\r\n').replaceAll('\0', '\x80').replace(/\r+$/, '');
  return createHash('sha256').update(text, 'latin1').digest('hex');
}
