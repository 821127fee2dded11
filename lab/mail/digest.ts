import { createHash } from 'node:crypto';

/**
 * SHA-256 of a message, blind to what a server changes by itself: Dovecot 2.3 gives a bare LF back as CRLF and stores NUL as 0x80
 * (measured). Nothing else is forgiven.
 */
export function digestOf(raw: Buffer): string {
  const text = raw.toString('latin1').replace(/\r?\n/g, '\r\n').replaceAll('\0', '\x80');
  return createHash('sha256').update(text, 'latin1').digest('hex');
}
