import { findField, readValue } from './fields.ts';
import { fileNameOf } from './file-name.ts';
import { withCrlf } from './lines.ts';
import { type Parameterized, readParameters } from './parameters.ts';
import { type HeaderSegment, type Segment, segmentsOf } from './structure.ts';
import { decodeBase64, decodeQuotedPrintable } from './transfer-encoding.ts';

/** A leaf of a message: a text, an attachment, or a message that is attached whole. */
export interface Part {
  readonly header: HeaderSegment;
  /** Still encoded. */
  readonly start: number;
  readonly end: number;
  /** The multiparts that it is in, the outermost first. */
  readonly within: readonly HeaderSegment[];
  /** A message with its header, not encoded. */
  readonly isMessage: boolean;
}

export interface Parts {
  /** Of the message itself. */
  readonly header: HeaderSegment | null;
  readonly multiparts: readonly HeaderSegment[];
  readonly leaves: readonly Part[];
}

/** The leaves of a message, in order. An attached message is one of them, and is not looked into. Memory is a few numbers a part. */
export function partsOf(raw: Buffer): Parts {
  const segments = segmentsOf(raw);
  const open: HeaderSegment[] = [];
  const multiparts: HeaderSegment[] = [];
  const leaves: Part[] = [];
  for (let at = 0; at < segments.length; at += 1) {
    const header = segments[at];
    if (header?.kind !== 'header') continue;
    const next = segments[at + 1];
    open.length = header.level;
    const leaf = { header, within: [...open] };
    if (header.type.value.startsWith('multipart/') && (next?.level ?? 0) > header.level) {
      open.push(header);
      multiparts.push(header);
    } else if (next?.kind === 'header' && next.ofMessage) {
      const endsAt = endOfMessage(segments, at);
      leaves.push({ ...leaf, start: header.end, end: segments[endsAt]?.start ?? raw.length, isMessage: true });
      at = endsAt - 1;
    } else {
      const end = next?.kind === 'body' ? next.end : header.end;
      leaves.push({ ...leaf, start: header.end, end, isMessage: false });
    }
  }
  const [first] = segments;
  return { header: first?.kind === 'header' ? first : null, multiparts, leaves };
}

/** Where the boundary after an attached message is: of the multipart around it, or of one further out. */
function endOfMessage(segments: readonly Segment[], headerAt: number): number {
  const level = segments[headerAt]?.level ?? 0;
  for (let at = headerAt + 2; at < segments.length; at += 1) {
    const [segment, next] = [segments[at], segments[at + 1]];
    if (segment === undefined || segment.level < level) return at;
    const opensNext = next?.kind === 'header' && !next.ofMessage && next.level === level;
    if (segment.kind === 'glue' && segment.level === level && opensNext) return at;
  }
  return segments.length;
}

/** Content without its transfer encoding. */
export function readPart(raw: Buffer, { header, start, end }: Part): Buffer {
  const content = raw.subarray(start, end);
  if (header.encoding === 'base64') return decodeBase64(content);
  return header.encoding === 'quoted-printable' ? decodeQuotedPrintable(content) : withCrlf(content);
}

export function readField(raw: Buffer, { fields }: HeaderSegment, name: string): string {
  const field = findField(fields, name);
  return field === undefined ? '' : readValue(raw, field);
}

/** Decoded; null where it has none. */
export function nameOfPart(raw: Buffer, { header }: Part): string | null {
  return fileNameOf(readField(raw, header, 'content-disposition'), readField(raw, header, 'content-type'));
}

export function dispositionOf(raw: Buffer, { header }: Part): Parameterized {
  return readParameters(readField(raw, header, 'content-disposition'));
}
