import { bodyOffset, fieldValues } from '../../imap/message-parts.ts';
import { contentOf } from './content.ts';
import { renderMime } from './render.ts';

/** Parts whose octets a signature or a cipher covers; Exchange leaves them alone (exchange.md §1.1). */
const UNTOUCHED = /^\s*(?:multipart\/(?:signed|encrypted)|application\/(?:x-)?pkcs7-mime)\b/i;

/**
 * What Exchange makes of MIME that it takes apart and puts together again: the header stays, the parts are encoded anew, other
 * boundaries, other order of nested parts (exchange.md §1.1; how exactly is a guess).
 */
export async function reencode(raw: Buffer): Promise<Buffer> {
  if (UNTOUCHED.test(fieldValues(raw, 'Content-Type')[0] ?? '')) return raw;
  const header = raw.toString('latin1', 0, bodyOffset(raw));
  const rendered = await renderMime(
    { ...(await contentOf(raw)), headers: [] },
    Buffer.from(header, 'latin1').toString(),
  );
  return rendered;
}
