import { type Field, fieldsOf, findField, readValue } from './fields.ts';
import { Lines } from './lines.ts';
import { findParameter, type Parameterized, readParameters } from './parameters.ts';

/**
 * A stretch of a message. All segments, in order, are the whole message:
 * - `header`: fields and the blank line after them, of the message, of an attached message or of a part;
 * - `body`: the content of the part whose header came just before, without the line end that belongs to the boundary after it;
 * - `glue`: boundaries, and what stands before the first and after the last one.
 *
 * What is sealed must not change by a byte: the first part of multipart/signed (RFC 1847 §2.1), S/MIME and PGP/MIME bodies.
 */
export type Segment = HeaderSegment | BodySegment | GlueSegment;

interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly sealed: boolean;
  /** How many multiparts are open around it. */
  readonly level: number;
}

export interface HeaderSegment extends Stretch {
  readonly kind: 'header';
  readonly fields: readonly Field[];
  /** Where the blank line starts; `end` where there is none. */
  readonly blankAt: number;
  /** Of a message rather than of a part: MIME-Version, From and Subject mean something here. */
  readonly ofMessage: boolean;
  /** `type/subtype`, lower-case; the default of RFC 2045 §5.2 where none is given. */
  readonly type: Parameterized;
  /** Content-Transfer-Encoding, lower-case; `7bit` where none is given. */
  readonly encoding: string;
}

export interface BodySegment extends Stretch {
  readonly kind: 'body';
  readonly header: HeaderSegment;
}

export interface GlueSegment extends Stretch {
  readonly kind: 'glue';
}

/** A multipart that is open. */
interface Frame {
  readonly boundary: string;
  readonly sealed: boolean;
  readonly signed: boolean;
  readonly digest: boolean;
  children: number;
}

export const SEALED_TYPES = [
  'application/pkcs7-mime',
  'application/x-pkcs7-mime',
  'application/pgp-encrypted',
  'multipart/encrypted',
];
/** RFC 2046 §5.1.1 allows 70. */
const MAX_BOUNDARY = 1000;
const DASH = 0x2d;

/**
 * Cuts a message into segments, in one pass over its lines and without recursion, so that neither a thousand nested multiparts
 * nor a million lines that look like boundaries cost more than their bytes. A boundary must be the whole line (RFC 2046 §5.1.1 lets it
 * be a beginning, but then `--a` would end a part whose boundary is `ab`); one of an outer multipart closes the inner ones.
 */
export function segmentsOf(raw: Buffer): Segment[] {
  return new Cutter(raw).cut();
}

class Cutter {
  readonly #raw: Buffer;
  readonly #segments: Segment[] = [];
  readonly #frames: Frame[] = [];
  /** Depths at which a boundary is open: the same one may be used twice. */
  readonly #depths = new Map<string, number[]>();
  #mode: 'header' | 'body' | 'glue' = 'header';
  #start = 0;
  #ofMessage = true;
  #sealed = false;
  #defaultType = 'text/plain';
  #header: HeaderSegment | null = null;

  constructor(raw: Buffer) {
    this.#raw = raw;
  }

  cut(): Segment[] {
    let textEnd = 0;
    for (const lines = new Lines(this.#raw); lines.advance(); textEnd = lines.end) {
      const hit = this.#boundaryAt(lines);
      if (hit !== null) this.#passBoundary(hit, textEnd, lines);
      else if (this.#mode === 'header' && lines.end === lines.start) this.#endHeader(lines.start, lines.next);
    }
    if (this.#mode === 'header') this.#endHeader(this.#raw.length, this.#raw.length);
    this.#push(this.#raw.length);
    return this.#segments;
  }

  #boundaryAt({ start, end }: Lines): { depth: number; closes: boolean } | null {
    if (this.#frames.length === 0 || this.#raw[start] !== DASH || this.#raw[start + 1] !== DASH) return null;
    let textEnd = end;
    while (textEnd > start && isBlank(this.#raw[textEnd - 1])) textEnd -= 1;
    if (textEnd - start > MAX_BOUNDARY + 4) return null;
    const text = this.#raw.toString('latin1', start + 2, textEnd);
    const opens = this.#depths.get(text)?.at(-1);
    if (opens !== undefined) return { depth: opens, closes: false };
    const closes = text.endsWith('--') ? this.#depths.get(text.slice(0, -2))?.at(-1) : undefined;
    return closes === undefined ? null : { depth: closes, closes: true };
  }

  #passBoundary({ depth, closes }: { depth: number; closes: boolean }, textEnd: number, { start, next }: Lines): void {
    if (this.#mode === 'header') this.#endHeader(start, start);
    // The line end before a boundary is the boundary's, unless it is the blank line of a header.
    this.#push(Math.max(textEnd, this.#start));
    while (this.#frames.length > depth + (closes ? 0 : 1)) this.#close();
    const frame = this.#frames[depth];
    this.#mode = 'glue';
    if (closes || frame === undefined) return;
    this.#sealed = frame.sealed;
    this.#push(next);
    frame.children += 1;
    this.#openHeader(false, frame.sealed || (frame.signed && frame.children === 1));
    this.#defaultType = frame.digest ? 'message/rfc822' : 'text/plain';
  }

  #close(): void {
    const frame = this.#frames.pop();
    if (frame === undefined) return;
    const depths = this.#depths.get(frame.boundary);
    depths?.pop();
    if (depths?.length === 0) this.#depths.delete(frame.boundary);
    this.#sealed = frame.sealed;
  }

  #openHeader(ofMessage: boolean, sealed: boolean): void {
    this.#mode = 'header';
    this.#ofMessage = ofMessage;
    this.#sealed = sealed;
    this.#defaultType = 'text/plain';
  }

  #endHeader(blankAt: number, end: number): void {
    const fields = fieldsOf(this.#raw, this.#start, blankAt);
    const read = (name: string) => {
      const field = findField(fields, name);
      return field === undefined ? '' : readValue(this.#raw, field);
    };
    const given = readParameters(read('content-type'));
    const type = given.value.includes('/') ? given : { ...given, value: this.#defaultType };
    const encoding = readParameters(read('content-transfer-encoding')).value || '7bit';
    const inherited = this.#sealed;
    const sealed = inherited || SEALED_TYPES.includes(type.value);
    const header: HeaderSegment = {
      kind: 'header',
      ...{ start: this.#start, end, blankAt, fields, type, encoding, ofMessage: this.#ofMessage },
      // The header of a sealed part goes with it; that of a message does not: servers add to it.
      sealed: inherited || (sealed && !this.#ofMessage),
      level: this.#frames.length,
    };
    this.#segments.push(header);
    this.#start = end;
    this.#openBody(header, sealed);
  }

  #openBody(header: HeaderSegment, sealed: boolean): void {
    const type = header.type.value;
    const boundary = findParameter(header.type, 'boundary')?.trimEnd() ?? '';
    this.#header = header;
    this.#sealed = sealed;
    this.#mode = 'body';
    if (SEALED_TYPES.includes(type)) return;
    if (type.startsWith('multipart/') && boundary !== '' && boundary.length <= MAX_BOUNDARY) {
      const signed = type === 'multipart/signed';
      this.#frames.push({ boundary, sealed, signed, digest: type === 'multipart/digest', children: 0 });
      const depths = this.#depths.get(boundary);
      if (depths === undefined) this.#depths.set(boundary, [this.#frames.length - 1]);
      else depths.push(this.#frames.length - 1);
      this.#mode = 'glue';
    } else if (type === 'multipart/signed') {
      this.#sealed = true; // without its boundary nobody can tell where the signed part is
    } else if (type === 'message/rfc822' && ['7bit', '8bit', 'binary'].includes(header.encoding)) {
      this.#openHeader(true, sealed);
    }
  }

  /** The present body or glue is over. */
  #push(end: number): void {
    const [start, sealed, level] = [this.#start, this.#sealed, this.#frames.length];
    this.#start = end;
    if (end <= start) return;
    if (this.#mode === 'body' && this.#header !== null) {
      this.#segments.push({ kind: 'body', start, end, sealed, level, header: this.#header });
    } else {
      this.#segments.push({ kind: 'glue', start, end, sealed, level });
    }
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}
