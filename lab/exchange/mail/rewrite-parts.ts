import { withCrlf } from '../../../domain/mime/lines.ts';
import { type HeaderSegment, type Segment, segmentsOf } from '../../../domain/mime/structure.ts';
import { decodeQuotedPrintable, encodeBase64 } from '../../../domain/mime/transfer-encoding.ts';

/**
 * A message with its texts in another transfer encoding and every part still there: the same content, not the same bytes. What is
 * signed or encrypted stays as it is (exchange.md §1.1 for the fact that parts are encoded anew; that it is base64 is a guess).
 */
export function rewriteParts(raw: Buffer): Buffer {
  const segments = segmentsOf(raw);
  const pieces = segments.flatMap((segment, at) => {
    if (segment.kind === 'header' && isRewritten(segment) && hasBody(segment, segments[at + 1])) {
      return headerFor(raw, segment);
    }
    const isText = segment.kind === 'body' && isRewritten(segment.header) && !segment.sealed;
    return [isText ? bodyFor(raw, segment.header, segment) : raw.subarray(segment.start, segment.end)];
  });
  return Buffer.concat(pieces);
}

function isRewritten({ type, encoding, sealed }: HeaderSegment): boolean {
  return !sealed && type.value.startsWith('text/') && ['7bit', '8bit', 'quoted-printable'].includes(encoding);
}

function hasBody(header: HeaderSegment, next: Segment | undefined): boolean {
  return next?.kind === 'body' && next.header === header && !next.sealed;
}

function headerFor(raw: Buffer, { fields, blankAt, end }: HeaderSegment): Buffer[] {
  const kept = fields.filter(({ name }) => name !== 'content-transfer-encoding');
  return [
    ...kept.map((field) => raw.subarray(field.start, field.end)),
    Buffer.from('Content-Transfer-Encoding: base64\r\n'),
    raw.subarray(blankAt, end),
  ];
}

function bodyFor(raw: Buffer, { encoding }: HeaderSegment, { start, end }: Segment): Buffer {
  const body = raw.subarray(start, end);
  return encodeBase64(encoding === 'quoted-printable' ? decodeQuotedPrintable(body) : withCrlf(body));
}
