/** What a killed process looks like to the ports: one call is the last one. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

export interface Death {
  /** Counts from 1 over all wrapped ports. Infinity lets it live. */
  readonly atCall: number;
  readonly when: 'before' | 'after';
}

/** Wraps ports so that the process "dies" just before or just after one call: from there on every call throws. */
export function createMortality(death: Death) {
  let calls = 0;
  let dead = false;
  const names: string[] = [];

  function enter(name: string): boolean {
    if (dead) throw new Killed(`dead already, at ${name}`);
    calls += 1;
    names.push(name);
    if (calls !== death.atCall) return false;
    dead = true;
    if (death.when === 'before') throw new Killed(`before ${name}`);
    return true;
  }

  async function* iterate(name: string, items: () => AsyncIterable<unknown>): AsyncIterable<unknown> {
    const last = enter(name);
    for await (const item of items()) {
      if (dead && !last) throw new Killed(`dead already, in ${name}`);
      yield item;
    }
    if (last) throw new Killed(`after ${name}`);
  }

  async function call(name: string, run: () => Promise<unknown>): Promise<unknown> {
    const last = enter(name);
    const result = await run();
    if (last) throw new Killed(`after ${name}`);
    return result;
  }

  /** `streams` are the methods that return async iterables. Properties pass through. */
  function wrap<T extends object>(port: string, real: T, streams: readonly (keyof T)[]): T {
    return new Proxy(real, {
      get(_, key) {
        const value: unknown = Reflect.get(real, key, real);
        if (typeof value !== 'function' || typeof key !== 'string') return value;
        const name = `${port}.${key}`;
        const run = (args: unknown[]) => Reflect.apply(value, real, args);
        return streams.some((stream) => stream === key)
          ? (...args: unknown[]) => iterate(name, () => run(args))
          : (...args: unknown[]) => call(name, () => run(args));
      },
    });
  }

  return { wrap, calls: () => calls, names };
}
