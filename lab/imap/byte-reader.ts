import type { Readable } from 'node:stream';

/** Above this many unread bytes the sender is held back: a client may pipeline much, and memory is bounded. */
const HOLD_BACK_BYTES = 1 << 20;

/** Pulls lines and counted bytes out of a socket, in order, so that a session is one loop. */
export class ByteReader {
  readonly #stream: Readable;
  #chunks: Buffer[] = [];
  #length = 0;
  #ended = false;
  #wake: (() => void) | null = null;
  readonly #onData: (chunk: Buffer) => void;
  readonly #onEnd: () => void;

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#onData = (chunk) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      if (this.#wake === null && this.#length > HOLD_BACK_BYTES) this.#stream.pause();
      this.#wake?.();
    };
    this.#onEnd = () => {
      this.#ended = true;
      this.#wake?.();
    };
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('close', this.#onEnd);
  }

  /** The next line without its line end, null at the end of the stream or when it grows beyond `limitBytes`. */
  async readLine(limitBytes: number): Promise<Buffer | null> {
    for (let searched = 0; ; ) {
      const buffered = this.#join();
      const end = buffered.indexOf(0x0a, searched);
      if (end >= 0) {
        this.#chunks = [buffered.subarray(end + 1)];
        this.#length = buffered.length - end - 1;
        return buffered.subarray(0, end > 0 && buffered[end - 1] === 0x0d ? end - 1 : end);
      }
      searched = buffered.length;
      if (searched > limitBytes || !(await this.#more())) return null;
    }
  }

  /** Exactly `count` bytes, or null where the stream ends before. */
  async readExactly(count: number): Promise<Buffer | null> {
    while (this.#length < count) if (!(await this.#more())) return null;
    const buffered = this.#join();
    this.#chunks = [buffered.subarray(count)];
    this.#length = buffered.length - count;
    // A copy: a stored message must not pin the chunk that the next commands came in.
    return Buffer.from(buffered.subarray(0, count));
  }

  /** Lets go of the stream and drops what was read ahead (RFC 3501 §6.2.1 asks for it at STARTTLS). */
  detach(): void {
    this.#stream.off('data', this.#onData);
    this.#stream.off('end', this.#onEnd);
    this.#stream.off('close', this.#onEnd);
    this.#stream.pause();
    this.#chunks = [];
    this.#length = 0;
  }

  #join(): Buffer {
    const joined = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const before = this.#length;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#stream.resume();
    });
    this.#wake = null;
    return this.#length > before || !this.#ended;
  }
}
