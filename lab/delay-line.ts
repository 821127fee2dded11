import type { Socket } from 'node:net';

export interface DelayLineOptions {
  /** One way. */
  readonly latencyMs: number;
  /** Absent: as fast as the machine. */
  readonly bytesPerSecond?: number | undefined;
  /** After exactly so many bytes have been handed on, {@link onCut} is called and nothing more passes. */
  readonly cutAfterBytes?: number | undefined;
  /** What this direction may hold; 16 MiB where absent. */
  readonly holdsBytes?: number | undefined;
  readonly onBytes: (count: number) => void;
  readonly onCut: () => void;
}

/** At 20 ms it allows 800 MB/s, so the latency never bounds the throughput. */
const HELD_LIMIT_BYTES = 16 << 20;
/** Node's timers count whole milliseconds; what is due within half of one goes now, so that the error is not always late. */
const EARLY_MS = 0.5;

/**
 * One direction of a proxied connection: bytes come out of the other end in order, each `latencyMs` after it went in, however
 * many are under way. A receiver that does not read holds the sender back once as much is held as may be.
 */
export class DelayLine {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #options: DelayLineOptions;
  readonly #limitBytes: number;
  #held: { dueAt: number; chunk: Buffer | null }[] = [];
  #heldBytes = 0;
  #passedBytes = 0;
  /** When the last byte has left a line of limited rate. */
  #sentAt = 0;
  #timer: NodeJS.Timeout | null = null;
  #blocked = false;
  #draining = false;
  #over = false;

  constructor(from: Socket, to: Socket, options: DelayLineOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
    this.#limitBytes = options.holdsBytes ?? HELD_LIMIT_BYTES;
    from.on('data', (chunk) => this.#take(chunk));
    from.on('end', () => this.#hold(null));
    to.on('drain', () => {
      this.#draining = false;
      this.#release();
    });
  }

  /** Lets nothing through until {@link open}; the sender goes on until the line is full, as with a dead router. */
  block(): void {
    this.#blocked = true;
    this.#cancel();
  }

  open(): void {
    this.#blocked = false;
    this.#release();
  }

  /** Bytes under way. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Forgets all that is under way; nothing passes any more. */
  stop(): void {
    this.#over = true;
    this.#held = [];
    this.#heldBytes = 0;
    this.#cancel();
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    this.#hold(chunk);
    if (this.#heldBytes > this.#limitBytes) this.#from.pause();
  }

  #hold(chunk: Buffer | null): void {
    if (this.#over) return;
    const { latencyMs, bytesPerSecond } = this.#options;
    const sizeBytes = chunk?.length ?? 0;
    this.#sentAt = Math.max(performance.now(), this.#sentAt);
    if (bytesPerSecond !== undefined) this.#sentAt += (sizeBytes / bytesPerSecond) * 1000;
    this.#held.push({ dueAt: this.#sentAt + latencyMs, chunk });
    this.#heldBytes += sizeBytes;
    if (this.#timer === null) this.#release();
  }

  #release(): void {
    this.#cancel();
    if (this.#blocked || this.#draining || this.#over) return;
    const dueBy = performance.now() + EARLY_MS;
    let count = 0;
    for (const { dueAt, chunk } of this.#held) {
      if (dueAt > dueBy || this.#draining) break;
      count += 1;
      if (!this.#pass(chunk)) return;
    }
    this.#held.splice(0, count);
    if (this.#heldBytes <= this.#limitBytes) this.#from.resume();
    const next = this.#held[0];
    if (next === undefined || this.#draining) return;
    this.#timer = setTimeout(() => this.#release(), Math.max(0, Math.round(next.dueAt - performance.now())));
  }

  /** False once the line is cut. */
  #pass(chunk: Buffer | null): boolean {
    if (chunk === null) {
      this.#to.end();
      return true;
    }
    const { cutAfterBytes = Number.POSITIVE_INFINITY, onBytes, onCut } = this.#options;
    const part = chunk.subarray(0, cutAfterBytes - this.#passedBytes);
    this.#passedBytes += part.length;
    this.#heldBytes -= chunk.length;
    onBytes(part.length);
    if (this.#passedBytes < cutAfterBytes) {
      this.#draining = !this.#to.write(part);
      return true;
    }
    this.stop();
    // Only when the kernel has the last byte: a reset throws away what it has not.
    this.#to.write(part, () => onCut());
    return false;
  }

  #cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
