import { MigrationError } from '../../domain/errors.ts';
import type { RequestLimiter, RequestParty, ThrottleStore } from '../../domain/ports/request-limiter.ts';
import type { ThrottleReport } from '../../domain/throttle.ts';

export interface RequestLimiterOptions {
  /** What is known of the others is used for so long: the most by which a wait that another worker was told of is seen late. */
  readonly freshMs?: number;
  /** How often a process that has no place asks for one. */
  readonly askMs?: number;
  /** How often a share is renewed while its requests run. */
  readonly renewMs?: number;
  /** A share that was not renewed for so long is another's. */
  readonly validMs?: number;
  /** A longer wait is the mailbox's, by a timer, and no sleep in an activity (its heartbeat is due within 10 s). */
  readonly longestWaitMs?: number;
  /** Uploads are booked by so many bytes at once, so that most requests need no look at the store. */
  readonly bookBytes?: number;
}

/**
 * Requests of this process, within what all processes may do. The store is asked when what is known of it is older than `freshMs`, not
 * for each request: twice a second for a busy mailbox.
 */
export function createRequestLimiter(
  store: ThrottleStore,
  holder: string,
  options: RequestLimiterOptions = {},
): RequestLimiter {
  const lines = new Map<string, PartyLine>();
  return {
    run(party, uploadBytes, signal, call) {
      const key = JSON.stringify([party.app, party.mailbox]);
      let line = lines.get(key);
      if (line === undefined) {
        line = new PartyLine(store, holder, party, options, () => lines.delete(key));
        lines.set(key, line);
      }
      return line.run(uploadBytes, signal, call);
    },
  };
}

interface Waiter {
  readonly bytes: number;
  readonly since: number;
  start(): void;
  fail(error: unknown): void;
}

/** The requests of one party, in the order in which they came. */
class PartyLine {
  readonly #store: ThrottleStore;
  readonly #holder: string;
  readonly #party: RequestParty;
  readonly #options: Required<RequestLimiterOptions>;
  readonly #forget: () => void;
  readonly #waiting: Waiter[] = [];
  #running = 0;
  #places = 0;
  #credit = 0;
  #notBefore = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;
  #slowDown: ThrottleReport['slowDown'] = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    store: ThrottleStore,
    holder: string,
    party: RequestParty,
    options: RequestLimiterOptions,
    forget: () => void,
  ) {
    this.#store = store;
    this.#holder = holder;
    this.#party = party;
    this.#options = {
      ...{ freshMs: 500, askMs: 250, renewMs: 1_000, validMs: 5_000, longestWaitMs: 8_000, bookBytes: 4_000_000 },
      ...options,
    };
    this.#forget = forget;
  }

  async run<T>(bytes: number, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    await this.#enter(bytes, signal);
    try {
      return await call();
    } catch (error) {
      await this.#learn(error);
      throw error;
    } finally {
      this.#running -= 1;
      this.#go();
    }
  }

  #enter(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const leave = () => signal.removeEventListener('abort', abort);
      const waiter: Waiter = {
        bytes,
        since: performance.now(),
        start() {
          leave();
          resolve();
        },
        fail(error) {
          leave();
          reject(error);
        },
      };
      const abort = () => {
        const at = this.#waiting.indexOf(waiter);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(waiter);
      this.#go();
    });
  }

  /** All workers hear of it before the caller does. */
  async #learn(error: unknown): Promise<void> {
    if (!(error instanceof MigrationError)) return;
    if (error.code !== 'THROTTLED' && error.retryAfterMs === undefined) return;
    const isApplication = this.#party.mailbox === null || error.facts['throttled'] === 'application';
    const forMs = error.retryAfterMs ?? null;
    this.#slowDown = { whom: isApplication ? 'application' : 'mailbox', forMs };
    this.#notBefore = Math.max(this.#notBefore, performance.now() + (forMs ?? 0));
    await this.#asking?.catch(() => undefined);
    // A store that is away now hears of it by the next exchange.
    if (this.#slowDown !== null) await this.#ask().catch(() => undefined);
  }

  /** Starts what may start, and sees to it that it is looked at again when more may. */
  #go(): void {
    let next = this.#nextStep();
    while (next === 'start') {
      const waiter = this.#waiting.shift();
      this.#credit -= waiter?.bytes ?? 0;
      this.#running += 1;
      waiter?.start();
      next = this.#nextStep();
    }
    if (next === 'ask') this.#askAndGo();
    else this.#later(next);
  }

  /** What the first in the row may do; a number is the milliseconds until the next look. */
  #nextStep(): 'start' | 'ask' | number {
    const { freshMs, askMs, renewMs, longestWaitMs } = this.#options;
    const now = performance.now();
    const sinceAskedMs = now - this.#askedAt;
    const first = this.#waiting[0];
    // The share is renewed while requests run, and given back by the look that finds none.
    if (first === undefined) return Math.max(0, renewMs - sinceAskedMs);
    const waitMs = this.#notBefore - now;
    if (waitMs > longestWaitMs) return this.#refuseAll(waitMs);
    if (waitMs > 0) return waitMs;
    if (sinceAskedMs >= freshMs) return 'ask';
    if (this.#running < this.#places) return first.bytes > this.#credit ? 'ask' : 'start';
    // Others have all of them: no reason to keep an activity any longer.
    if (this.#running === 0 && now - first.since > longestWaitMs) return this.#refuseAll(askMs);
    const everyMs = this.#places === 0 ? askMs : freshMs;
    return sinceAskedMs >= everyMs ? 'ask' : everyMs - sinceAskedMs;
  }

  #later(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#waiting.length > 0) this.#go();
      else this.#askAndGo();
    }, Math.ceil(ms));
    if (this.#waiting.length === 0) this.#timer.unref();
  }

  #askAndGo(): void {
    if (this.#asking !== null) return;
    this.#ask().then(
      () => this.#goOn(),
      (error) => {
        for (const waiter of this.#waiting.splice(0)) waiter.fail(error);
        this.#goOn();
      },
    );
  }

  #goOn(): void {
    if (this.#waiting.length > 0 || this.#running > 0) this.#go();
    else if (this.#places === 0 && this.#slowDown === null) this.#forget();
    else this.#later(this.#options.renewMs);
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#exchange().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #exchange(): Promise<void> {
    const slowDown = this.#slowDown;
    const enough = Math.max(0, (this.#waiting[0]?.bytes ?? 0) - this.#credit);
    const bytes = enough === 0 ? 0 : Math.max(enough, this.#options.bookBytes);
    const askedAt = performance.now();
    const grant = await this.#store.exchange({
      party: this.#party,
      holder: this.#holder,
      running: this.#running,
      wanted: this.#running + this.#waiting.length,
      upload: { bytes, enough },
      slowDown,
      validMs: this.#options.validMs,
    });
    const now = performance.now();
    if (this.#slowDown === slowDown) this.#slowDown = null;
    this.#askedAt = askedAt;
    this.#places = grant.places;
    this.#credit += grant.uploadBytes;
    this.#notBefore = Math.max(this.#notBefore, now + grant.waitMs);
    if (grant.uploadWaitMs > 0) this.#holdUploads(grant.uploadWaitMs, now);
  }

  /** No room in the upload window: a short wait is waited here, a long one is the mailbox's. Reads go on meanwhile. */
  #holdUploads(waitMs: number, now: number): void {
    if (waitMs <= this.#options.longestWaitMs) {
      this.#notBefore = Math.max(this.#notBefore, now + waitMs);
      return;
    }
    for (const waiter of [...this.#waiting]) {
      if (waiter.bytes <= this.#credit) continue;
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      waiter.fail(mustWait(waitMs, 'as much was uploaded as may be in five minutes'));
    }
  }

  #refuseAll(waitMs: number): number {
    for (const waiter of this.#waiting.splice(0)) waiter.fail(mustWait(waitMs, 'the target asked us to slow down'));
    return this.#options.renewMs;
  }
}

function mustWait(waitMs: number, why: string): MigrationError {
  return new MigrationError('THROTTLED', `No request to the target now: ${why}.`, { retryAfterMs: Math.ceil(waitMs) });
}
