import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createRequestLimiter } from '../../adapters/limiter/request-limiter.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { RequestLimiter, RequestParty, ThrottleStore } from '../../domain/ports/request-limiter.ts';
import { UPLOAD_LIMIT_BYTES, UPLOAD_WINDOW_MS } from '../../domain/throttle.ts';

export interface ThrottleUnderTest {
  /** As two processes see it. */
  readonly stores: readonly [ThrottleStore, ThrottleStore];
  /** Moves the store's clock on; waiting is real. */
  pass(ms: number): void;
  close(): Promise<void>;
}

/** What every store of paces promises two workers that share it. A new application and mailbox for each test. */
export function requestLimiterContract(name: string, make: () => Promise<ThrottleUnderTest>): void {
  describe(`requests of all workers (${name})`, () => {
    let world: ThrottleUnderTest;
    let party: RequestParty;
    let one: RequestLimiter;
    let other: RequestLimiter;
    const signal = new AbortController().signal;

    beforeAll(async () => {
      world = await make();
    });
    afterAll(async () => {
      await world?.close();
    });
    beforeEach(() => {
      party = { app: `${randomUUID()}@tenant`, mailbox: 'ada@target.example' };
      // What is known is old after 20 ms in place of 500, so that no test waits long.
      const options = { freshMs: 20, askMs: 10, renewMs: 50, validMs: 3_600_000 };
      one = createRequestLimiter(world.stores[0], `one-${randomUUID()}`, options);
      other = createRequestLimiter(world.stores[1], `other-${randomUUID()}`, options);
    });

    /** A server that counts what runs at the same time and can be told to refuse. */
    function server() {
      const seen = { running: 0, most: 0, calls: [] as number[] };
      const open: (() => void)[] = [];
      return {
        seen,
        release: () => open.shift()?.(),
        hold: async () => {
          seen.running += 1;
          seen.most = Math.max(seen.most, seen.running);
          await new Promise<void>((resolve) => open.push(resolve));
          seen.running -= 1;
        },
        answer: async () => void seen.calls.push(performance.now()),
        refuse: (retryAfterMs?: number, throttled?: string) => async () => {
          throw new MigrationError('THROTTLED', 'slow down', {
            ...(retryAfterMs !== undefined && { retryAfterMs }),
            ...(throttled !== undefined && { facts: { throttled } }),
          });
        },
      };
    }

    test('two at first over both, then a third after a quiet minute, and never five', async () => {
      const { seen, hold, release } = server();
      const all = [one, other, one, other, one, other].map((each) => each.run(party, 0, signal, hold));
      await expect.poll(() => seen.running).toBe(2);
      world.pass(60_000);
      await expect.poll(() => seen.running).toBe(3);
      world.pass(600_000);
      await expect.poll(() => seen.running).toBe(4);
      for (let at = 0; at < all.length; at++) {
        await expect.poll(() => seen.running).toBeGreaterThan(0);
        release();
      }
      await Promise.all(all);
      expect(seen.most).toBe(4);
    });

    test('a wait that one was told holds for both, to its end and not much longer, fractions included', async () => {
      const { seen, refuse, answer } = server();
      // The first look of a process opens its connection to the database, which takes longest.
      await Promise.all([one, other].map((each) => each.run(party, 0, signal, async () => {})));
      await other.run(party, 0, signal, answer);
      const refusedAt = performance.now();
      await expect(one.run(party, 0, signal, refuse(402.5))).rejects.toMatchObject({ code: 'THROTTLED' });
      // What \`other\` learned of the mailbox before may be used for 20 ms.
      await delay(20);
      await Promise.all([one, other].map((each) => each.run(party, 0, signal, answer)));
      for (const at of seen.calls.slice(1)) {
        expect(at - refusedAt).toBeGreaterThanOrEqual(402);
        expect(at - refusedAt).toBeLessThan(1_402);
      }
    });

    test('a long wait is no sleep: it is told at once, with the time that is left', async () => {
      const { seen, refuse, answer } = server();
      await expect(one.run(party, 0, signal, refuse(299_961))).rejects.toMatchObject({ code: 'THROTTLED' });
      const error = await other.run(party, 0, signal, answer).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'THROTTLED' });
      expect((error as MigrationError).retryAfterMs).toBeGreaterThan(290_000);
      expect((error as MigrationError).retryAfterMs).toBeLessThanOrEqual(299_961);
      expect(seen.calls).toHaveLength(0);
    });

    test('another mailbox goes on meanwhile, unless the whole application was told to wait', async () => {
      const { seen, refuse, answer } = server();
      const neighbour = { ...party, mailbox: 'bob@target.example' };
      await expect(one.run(party, 0, signal, refuse(60_000))).rejects.toMatchObject({ code: 'THROTTLED' });
      await other.run(neighbour, 0, signal, answer);
      await expect(one.run(party, 0, signal, refuse())).rejects.toMatchObject({ code: 'THROTTLED' });
      await other.run(neighbour, 0, signal, answer);
      expect(seen.calls).toHaveLength(2);
      const third = { ...party, mailbox: 'cleo@target.example' };
      const whole = refuse(60_000, 'application');
      await expect(one.run(third, 0, signal, whole)).rejects.toMatchObject({ code: 'THROTTLED' });
      await expect(other.run({ ...party, mailbox: 'dan@target.example' }, 0, signal, answer)).rejects.toMatchObject({
        code: 'THROTTLED',
      });
      const directory = { ...party, mailbox: null };
      await expect(other.run(directory, 0, signal, answer)).rejects.toMatchObject({ code: 'THROTTLED' });
      expect(seen.calls).toHaveLength(2);
    });

    test('after a refusal half as many run at the same time', async () => {
      const { seen, hold, release, refuse } = server();
      await expect(one.run(party, 0, signal, refuse(1))).rejects.toMatchObject({ code: 'THROTTLED' });
      const all = [one, other, one, other].map((each) => each.run(party, 0, signal, hold));
      for (let at = 0; at < all.length; at++) {
        await expect.poll(() => seen.running).toBe(1);
        release();
      }
      await Promise.all(all);
      expect(seen.most).toBe(1);
    });

    test('uploads of five minutes stay below what the service takes, over both, and reads go on', async () => {
      const { seen, answer } = server();
      const piece = UPLOAD_LIMIT_BYTES / 10;
      for (let at = 0; at < 10; at++) await (at % 2 === 0 ? one : other).run(party, piece, signal, answer);
      const error = await other.run(party, piece, signal, answer).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'THROTTLED' });
      expect((error as MigrationError).retryAfterMs).toBeGreaterThan(UPLOAD_WINDOW_MS - 60_000);
      await other.run(party, 0, signal, answer);
      expect(seen.calls).toHaveLength(11);
      world.pass((error as MigrationError).retryAfterMs ?? 0);
      await one.run(party, piece, signal, answer);
      expect(seen.calls).toHaveLength(12);
    });

    test('places of a process that died are free again', async () => {
      const { seen, hold, release } = server();
      // It holds both places and says nothing more: its renewals are an hour apart.
      const dying = createRequestLimiter(world.stores[0], 'dying', { renewMs: 3_600_000, validMs: 300 });
      const lost = [dying.run(party, 0, signal, hold), dying.run(party, 0, signal, hold)];
      await expect.poll(() => seen.running).toBe(2);
      const next = other.run(party, 0, signal, hold);
      await delay(50);
      expect(seen.running).toBe(2);
      world.pass(300);
      await expect.poll(() => seen.running).toBe(3);
      for (let at = 0; at < 3; at++) release();
      await Promise.all([...lost, next]);
    });

    test('a busy mailbox costs a few looks at the store, not one for each request', async () => {
      let looks = 0;
      const [store] = world.stores;
      const exchange: ThrottleStore['exchange'] = (report) => {
        looks += 1;
        return store.exchange(report);
      };
      const counted = createRequestLimiter({ exchange }, `counted-${randomUUID()}`);
      const startedAt = performance.now();
      for (let request = 0; request < 1_000; request++) await counted.run(party, 1_000, signal, async () => {});
      // One to begin with, and two a second from then on.
      expect(looks).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - startedAt) / 500));
    });

    test('a caller that stops waiting is let go, and its place is not taken', async () => {
      const { seen, hold, answer, release } = server();
      const running = [one.run(party, 0, signal, hold), one.run(party, 0, signal, hold)];
      await expect.poll(() => seen.running).toBe(2);
      const stopping = new AbortController();
      const stopped = other.run(party, 0, stopping.signal, answer);
      stopping.abort(new Error('enough'));
      await expect(stopped).rejects.toThrow('enough');
      release();
      await other.run(party, 0, signal, answer);
      release();
      await Promise.all(running);
      expect(seen.calls).toHaveLength(1);
    });
  });
}
