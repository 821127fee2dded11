/** Replacements in a buffer, given from front to back; what lies between them is copied once, at the end. */
export class Edits {
  readonly #bytes: Buffer;
  readonly #pieces: Buffer[] = [];
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  replace(start: number, end: number, by: Buffer | string): void {
    if (start > this.#at) this.#pieces.push(this.#bytes.subarray(this.#at, start));
    this.#pieces.push(typeof by === 'string' ? Buffer.from(by, 'latin1') : by);
    this.#at = end;
  }

  /** @returns the very buffer where nothing was replaced. */
  apply(): Buffer {
    if (this.#pieces.length === 0) return this.#bytes;
    return Buffer.concat([...this.#pieces, this.#bytes.subarray(this.#at)]);
  }
}
