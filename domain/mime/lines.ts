const LF = 0x0a;
const CR = 0x0d;

/**
 * Walks over the lines of a buffer without copying them. What ends a line is what {@link fingerprintOf} takes for CRLF: LF, a lone
 * CR, and any run of CRs before an LF. So the lines stay the same when their ends are put right. Linear, whatever the bytes are:
 * each byte is looked at once for LF, once for CR.
 */
export class Lines {
  /** Where the present line starts. */
  start: number;
  /** Where its text is over. */
  end: number;
  /** Where the next line starts. */
  next: number;
  readonly #bytes: Buffer;
  #lf = -1;
  #cr = -1;
  /** Where a run of CRs without an LF is over: inside it each CR is a line end of its own. */
  #runEnd = -1;

  constructor(bytes: Buffer, from = 0, to = bytes.length) {
    this.#bytes = bytes.subarray(0, to);
    this.start = from;
    this.end = from;
    this.next = from;
  }

  /** Goes to the next line. @returns false where there is none. */
  advance(): boolean {
    const size = this.#bytes.length;
    this.start = this.next;
    if (this.start >= size) return false;
    if (this.#lf < this.start) this.#lf = this.#find(LF);
    if (this.#cr < this.start) this.#cr = this.#find(CR);
    this.end = Math.min(this.#lf, this.#cr);
    if (this.end === size || this.#lf < this.#cr) this.next = Math.min(size, this.end + 1);
    else this.next = this.#afterCr();
    return true;
  }

  #find(byte: number): number {
    const at = this.#bytes.indexOf(byte, this.start);
    return at < 0 ? this.#bytes.length : at;
  }

  #afterCr(): number {
    if (this.end < this.#runEnd) return this.end + 1;
    let end = this.end + 1;
    while (this.#bytes[end] === CR) end += 1;
    if (this.#bytes[end] === LF) return end + 1;
    this.#runEnd = end;
    return this.end + 1;
  }
}

/** Each line end as CRLF. The same buffer comes back where there is nothing to put right. */
export function withCrlf(bytes: Buffer): Buffer {
  let grows = 0;
  let odd = false;
  for (const lines = new Lines(bytes); lines.advance(); ) {
    const width = lines.next - lines.end;
    if (width === 0 || (width === 2 && bytes[lines.end] === CR)) continue;
    odd = true;
    grows += 2 - width;
  }
  if (!odd) return bytes;
  const repaired = Buffer.allocUnsafe(bytes.length + grows);
  let at = 0;
  for (const lines = new Lines(bytes); lines.advance(); ) {
    at += bytes.copy(repaired, at, lines.start, lines.end);
    if (lines.next === lines.end) break;
    repaired[at++] = CR;
    repaired[at++] = LF;
  }
  return repaired;
}

/** CRs at the very end of a message are no line end: Dovecot 2.3 drops them, and {@link fingerprintOf} does not see them. */
export function withoutLastCrs(message: Buffer): Buffer {
  let end = message.length;
  while (end > 0 && message[end - 1] === CR) end -= 1;
  return message.subarray(0, end);
}
