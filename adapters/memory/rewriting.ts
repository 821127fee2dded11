import { segmentsOf } from '../../domain/mime/structure.ts';
import { encodeBase64 } from '../../domain/mime/transfer-encoding.ts';

/**
 * What a server gives back that keeps what a message says and writes its bytes anew: a trace of its own on top, no Message-ID (T36),
 * and a single text in another encoding. What is signed or encrypted keeps its bytes but for the header.
 */
export function rewrite(raw: Buffer): Buffer {
  const [header, body, ...more] = segmentsOf(raw);
  if (header?.kind !== 'header') return raw;
  const dropped = ['message-id', ...(isEncodable() ? ['content-transfer-encoding'] : [])];
  const kept = header.fields
    .filter(({ name }) => !dropped.includes(name))
    .map(({ start, end }) => raw.subarray(start, end));
  const trace = Buffer.from('Received: by memory; Wed, 25 Nov 2026 12:00:00 +0000\r\n');
  const head = [trace, ...kept];
  if (!isEncodable() || body === undefined) return Buffer.concat([...head, raw.subarray(header.blankAt)]);
  const encoding = Buffer.from('Content-Transfer-Encoding: base64\r\n\r\n');
  return Buffer.concat([...head, encoding, encodeBase64(raw.subarray(body.start, body.end))]);

  function isEncodable(): boolean {
    if (header?.kind !== 'header' || body?.kind !== 'body' || more.length > 0 || body.sealed) return false;
    return header.type.value.startsWith('text/') && ['7bit', '8bit'].includes(header.encoding);
  }
}
