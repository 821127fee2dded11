import type { DailyReads } from '../../domain/ports/connections.ts';

/** In memory, for tests: time passes only when they say so. */
export class MemoryDailyReads implements DailyReads {
  /** Milliseconds. */
  now = 0;
  readonly #reads: { readonly account: string; readonly at: number; readonly bytes: number }[] = [];

  async book(account: string, bytes: number, limitBytes: number): Promise<number | null> {
    const ofDay = this.#reads.filter((read) => read.account === account && this.now - read.at < DAY_MS);
    const used = ofDay.reduce((sum, read) => sum + read.bytes, 0);
    const [oldest] = ofDay;
    if (oldest && used + bytes > limitBytes) return oldest.at + DAY_MS - this.now;
    this.#reads.push({ account, at: this.now, bytes });
    return null;
  }
}

const DAY_MS = 86_400_000;
