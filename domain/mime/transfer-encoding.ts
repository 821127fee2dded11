import { Lines } from './lines.ts';

const EQUALS = 0x3d;
const DASH = 0x2d;
const SPACE = 0x20;
const TAB = 0x09;
const CRLF = '\r\n';
const HEX = '0123456789ABCDEF';
/** RFC 2045 §6.7 (5) and §6.8. */
const MAX_LINE = 76;

/** The bytes of a quoted-printable body. Line ends become CRLF, blanks before them go (RFC 2045 §6.7), errors stand for themselves. */
export function decodeQuotedPrintable(body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(body.length * 2);
  let size = 0;
  for (const lines = new Lines(body); lines.advance(); ) {
    let end = trimmedEnd(body, lines.start, lines.end);
    const soft = end > lines.start && body[end - 1] === EQUALS;
    if (soft) end -= 1;
    for (let at = lines.start; at < end; at += 1) {
      const byte = body[at] === EQUALS && at + 2 < end ? hexAt(body, at + 1) : null;
      out[size++] = byte ?? body[at] ?? 0;
      if (byte !== null) at += 2;
    }
    if (!soft && lines.next > lines.end) size += out.write(CRLF, size, 'latin1');
  }
  return out.subarray(0, size);
}

/** Text with CRLF line ends as quoted-printable (RFC 2045 §6.7). No line starts with `--`, so none can be taken for a boundary. */
export function encodeQuotedPrintable(text: Buffer): Buffer {
  const out = new QuotedLines(text.length);
  for (const lines = new Lines(text); lines.advance(); ) {
    for (let at = lines.start; at < lines.end; at += 1) {
      const byte = text[at] ?? 0;
      const blank = byte === SPACE || byte === TAB;
      const plain = blank ? at + 1 < lines.end : byte > SPACE && byte < 0x7f && byte !== EQUALS;
      out.add(byte, plain);
    }
    if (lines.next > lines.end) out.endLine();
  }
  return out.bytes();
}

/** The same quoted-printable line with soft line breaks. `line` is without its line end. */
export function breakQuotedPrintable(line: Buffer): Buffer {
  const out = new QuotedLines(line.length);
  let end = trimmedEnd(line, 0, line.length);
  const soft = line[end - 1] === EQUALS;
  if (soft) end -= 1;
  for (let at = 0; at < end; at += 1) {
    const encoded = line[at] === EQUALS && at + 2 < end ? hexAt(line, at + 1) : null;
    // What was encoded stays so; an 8-bit byte or a lone `=` is none of the encoding's business, yet it is the content.
    out.add(encoded ?? line[at] ?? 0, encoded === null && line[at] !== EQUALS && !isLastBlank(line, at, end));
    if (encoded !== null) at += 2;
  }
  if (soft) out.softBreakAtEnd();
  return out.bytes();
}

/** The bytes of a base64 body; what is not of its alphabet is passed over (RFC 2045 §6.8). */
export function decodeBase64(body: Buffer): Buffer {
  return Buffer.from(body.toString('latin1').replace(/[^A-Za-z0-9+/=]+/g, ''), 'base64');
}

/** Base64 in lines of 76 characters, with a line end after each but the last. */
export function encodeBase64(bytes: Buffer): Buffer {
  return breakLines(Buffer.from(bytes.toString('base64'), 'latin1'));
}

/** A long line of base64 as lines of 76, or null where it holds anything else. */
export function breakBase64(line: Buffer): Buffer | null {
  return /^[A-Za-z0-9+/= \t]*$/.test(line.toString('latin1')) ? breakLines(line) : null;
}

function breakLines(text: Buffer): Buffer {
  const count = Math.max(1, Math.ceil(text.length / MAX_LINE));
  const out = Buffer.allocUnsafe(text.length + (count - 1) * 2);
  let size = 0;
  for (let at = 0; at < text.length; at += MAX_LINE) {
    if (at > 0) size += out.write(CRLF, size, 'latin1');
    size += text.copy(out, size, at, at + MAX_LINE);
  }
  return out;
}

/** Grows by doubling, since up to three characters a byte would be asked for at once otherwise. */
class QuotedLines {
  #out: Buffer;
  #size = 0;
  #width = 0;

  constructor(sizeBytes: number) {
    this.#out = Buffer.allocUnsafe(sizeBytes + (sizeBytes >> 3) + 128);
  }

  add(byte: number, plain: boolean): void {
    const literal = plain && !(byte === DASH && this.#width === 0);
    if (this.#width + (literal ? 1 : 3) > MAX_LINE - 1) {
      this.#write(`=${CRLF}`);
      this.#width = 0;
    }
    const bare = plain && !(byte === DASH && this.#width === 0);
    if (bare) this.#put(byte);
    else {
      this.#put(EQUALS);
      this.#put(HEX.charCodeAt(byte >> 4));
      this.#put(HEX.charCodeAt(byte & 15));
    }
    this.#width += bare ? 1 : 3;
  }

  endLine(): void {
    this.#write(CRLF);
    this.#width = 0;
  }

  softBreakAtEnd(): void {
    this.#write('=');
  }

  bytes(): Buffer {
    return this.#out.subarray(0, this.#size);
  }

  #write(text: string): void {
    for (let at = 0; at < text.length; at += 1) this.#put(text.charCodeAt(at));
  }

  #put(byte: number): void {
    if (this.#size === this.#out.length) this.#out = Buffer.concat([this.#out, Buffer.allocUnsafe(this.#out.length)]);
    this.#out[this.#size++] = byte;
  }
}

function trimmedEnd(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && (bytes[at - 1] === SPACE || bytes[at - 1] === TAB)) at -= 1;
  return at;
}

function isLastBlank(line: Buffer, at: number, end: number): boolean {
  return at === end - 1 && (line[at] === SPACE || line[at] === TAB);
}

function hexAt(bytes: Buffer, at: number): number | null {
  const [high, low] = [hexDigit(bytes[at]), hexDigit(bytes[at + 1])];
  return high < 0 || low < 0 ? null : high * 16 + low;
}

function hexDigit(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
