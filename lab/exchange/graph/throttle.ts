import { Refusal } from '../refusal.ts';
import type { GraphBehaviour } from './behaviour.ts';

interface Use {
  running: number;
  /** Of each call in the window, oldest first. */
  readonly calls: number[];
  readonly uploads: { readonly at: number; readonly bytes: number }[];
}

/** Outlook's limits, for each application and mailbox on its own (exchange.md §3). A refused call counts for nothing. */
export class Throttle {
  /** How many calls were refused. */
  refused = 0;
  readonly #behaviour: GraphBehaviour;
  readonly #now: () => number;
  readonly #uses = new Map<string, Use>();

  constructor(behaviour: GraphBehaviour, now: () => number) {
    this.#behaviour = behaviour;
    this.#now = now;
  }

  /**
   * Takes a place for one call; the returned function gives it back.
   * @throws Refusal 429 with a fractional `Retry-After`
   */
  enter(clientId: string, mailbox: string, uploadBytes: number): () => void {
    const { limits } = this.#behaviour;
    const key = `${clientId} ${mailbox}`;
    const use = this.#uses.get(key) ?? { running: 0, calls: [], uploads: [] };
    this.#uses.set(key, use);
    const now = this.#now();
    while ((use.calls[0] ?? now) <= now - limits.requestWindowMs) use.calls.shift();
    while ((use.uploads[0]?.at ?? now) <= now - limits.uploadWindowMs) use.uploads.shift();
    if (use.running >= limits.concurrent) throw this.#refuse('MailboxConcurrency', limits.retryAfterSeconds);
    const [oldest = now] = use.calls;
    if (use.calls.length >= limits.requests) {
      throw this.#refuse('RequestRate', (oldest + limits.requestWindowMs - now) / 1_000);
    }
    const uploaded = use.uploads.reduce((sum, { bytes }) => sum + bytes, 0);
    const oldestUpload = use.uploads[0]?.at ?? now;
    if (uploadBytes > 0 && uploaded + uploadBytes > limits.uploadBytes) {
      throw this.#refuse('UploadRate', (oldestUpload + limits.uploadWindowMs - now) / 1_000);
    }
    use.running += 1;
    use.calls.push(now);
    if (uploadBytes > 0) use.uploads.push({ at: now, bytes: uploadBytes });
    return () => {
      use.running -= 1;
    };
  }

  #refuse(what: string, seconds: number): Refusal {
    this.refused += 1;
    const message = `Application is over its ${what} limit.`;
    return new Refusal(
      429,
      { error: { code: 'ApplicationThrottled', message } },
      { 'retry-after': seconds.toFixed(3) },
    );
  }
}
