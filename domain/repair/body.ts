import { Lines } from '../mime/lines.ts';
import type { BodySegment, HeaderSegment } from '../mime/structure.ts';
import { breakBase64, breakQuotedPrintable, encodeBase64, encodeQuotedPrintable } from '../mime/transfer-encoding.ts';
import { Edits } from './edits.ts';

export interface RepairedBody {
  readonly content: Buffer;
  /** The new Content-Transfer-Encoding; null where the old one stays. */
  readonly encoding: 'quoted-printable' | 'base64' | null;
}

/**
 * The body of a part without lines that are too long. Its content, once decoded, is the same: base64 and quoted-printable get
 * more lines, and anything else is encoded, text as quoted-printable, so that it can still be read.
 *
 * @returns null where it cannot be done: composite types have to stay 7bit, 8bit or binary (RFC 2045 §6.4), we do not know the
 * encoding, base64 holds something else, or the header has lines that readers take for the start of the body.
 */
export function repairBody(
  bytes: Buffer,
  { header, start, end }: BodySegment,
  maxLineOctets: number,
): RepairedBody | null {
  const body = bytes.subarray(start, end);
  if (header.encoding === 'base64') return breakLongLines(body, maxLineOctets, breakBase64);
  if (header.encoding === 'quoted-printable') return breakLongLines(body, maxLineOctets, breakQuotedPrintable);
  if (!['7bit', '8bit', 'binary'].includes(header.encoding) || header.fields.some(({ name }) => name === ''))
    return null;
  if (/^(?:multipart|message)\//.test(header.type.value)) return null;
  if (header.type.value.startsWith('text/'))
    return { content: encodeQuotedPrintable(body), encoding: 'quoted-printable' };
  return { content: encodeBase64(body), encoding: 'base64' };
}

/** The fields to change so that the header says how its body is encoded now. */
export function changeEncoding(header: HeaderSegment, encoding: string, edits: Edits): void {
  const line = `Content-Transfer-Encoding: ${encoding}\r\n`;
  const old = header.fields.filter(({ name }) => name === 'content-transfer-encoding');
  for (const [at, { start, end }] of old.entries()) edits.replace(start, end, at === 0 ? line : '');
  // Without MIME-Version a strict reader takes the body as it stands (RFC 2045 §4).
  const version = header.ofMessage && !header.fields.some(({ name }) => name === 'mime-version');
  const added = (version ? 'MIME-Version: 1.0\r\n' : '') + (old.length === 0 ? line : '');
  if (added !== '') edits.replace(header.blankAt, header.blankAt, added);
}

function breakLongLines(
  body: Buffer,
  maxLineOctets: number,
  broken: (line: Buffer) => Buffer | null,
): RepairedBody | null {
  const edits = new Edits(body);
  for (const lines = new Lines(body); lines.advance(); ) {
    if (lines.end - lines.start <= maxLineOctets) continue;
    const pieces = broken(body.subarray(lines.start, lines.end));
    if (pieces === null) return null;
    edits.replace(lines.start, lines.end, pieces);
  }
  return { content: edits.apply(), encoding: null };
}
