/** All must be gone within 10 s of Ctrl-C; what does not close by then ends with us, by the watchdog. */
const LIMIT_MS = 9_000;

/** Thrown into whatever was under way when somebody pressed Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** What has been started, closed in reverse order, once, whether the story ends, fails or is interrupted. */
export class Closing {
  readonly #closers: (() => Promise<unknown>)[] = [];
  readonly #onFault: (error: unknown) => void;
  #asked = Promise.withResolvers<never>();
  #running: Promise<void> | null = null;

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
    this.#asked.promise.catch(() => undefined); // each waiter gets it
  }

  /** Ctrl-C, a closed terminal, `kill`: the first asks, the second ends at once. */
  listen(exit: (code: number) => void = (code) => process.exit(code)): void {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked) exit(130);
        asked = true;
        setTimeout(() => exit(130), LIMIT_MS).unref();
        this.#asked.reject(new Interrupted('interrupted'));
      });
    }
  }

  add(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  /** @throws Interrupted as soon as somebody asks for the end. */
  async unlessAsked<T>(work: Promise<T>): Promise<T> {
    return await Promise.race([work, this.#asked.promise]);
  }

  /** Resolves when somebody asks for the end. */
  async whenAsked(): Promise<void> {
    await this.#asked.promise.catch(() => undefined);
  }

  /** Twice is once, and both wait for the same end. */
  close(): Promise<void> {
    this.#running ??= this.#closeAll();
    return this.#running;
  }

  async #closeAll(): Promise<void> {
    while (this.#closers.length > 0) await this.#closers.pop()?.().catch(this.#onFault);
  }
}
