import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DailyReads, HostConnections, SignIns } from '../../domain/ports/connections.ts';

export interface ConnectionsUnderTest {
  /** Two processes that share what is limited. */
  readonly processes: readonly [HostConnections, HostConnections];
  readonly signIns: SignIns;
  /** As two processes see them. */
  readonly dailyReads: readonly [DailyReads, DailyReads];
  close(): Promise<void>;
}

/** What everything that limits connections and remembers refusals promises. A new host and account for each test. */
export function connectionsContract(name: string, make: () => Promise<ConnectionsUnderTest>): void {
  describe(`connections of hosts (${name})`, () => {
    let world: ConnectionsUnderTest;
    let one: HostConnections;
    let other: HostConnections;
    let signIns: SignIns;
    let host: string;

    beforeAll(async () => {
      world = await make();
      [one, other] = world.processes;
      signIns = world.signIns;
    });
    afterAll(async () => {
      await world?.close();
    });
    beforeEach(() => {
      host = `${randomUUID()}.example.test:993`;
    });

    test('T60: grants a host as many places as the limit says, over all processes', async () => {
      const places = [
        await one.findPlace(host, 3, false),
        await other.findPlace(host, 3, false),
        await one.findPlace(host, 3, false),
      ];
      expect(places).not.toContain(null);
      expect(await one.findPlace(host, 3, false)).toBeNull();
      expect(await other.findPlace(host, 3, false)).toBeNull();
      await places[1]?.release();
      await places[1]?.release();
      expect(await one.findPlace(host, 3, false)).not.toBeNull();
      expect(await one.findPlace(host, 3, false)).toBeNull();
    });

    test('limits each host for itself', async () => {
      expect(await one.findPlace(host, 1, false)).not.toBeNull();
      expect(await one.findPlace(`second.${host}`, 1, false)).not.toBeNull();
    });

    test('a limit that was raised or lowered holds from then on', async () => {
      const first = await one.findPlace(host, 1, false);
      expect(await one.findPlace(host, 2, false)).not.toBeNull();
      expect(await other.findPlace(host, 1, false)).toBeNull();
      await first?.release();
      expect(await other.findPlace(host, 1, false)).not.toBeNull();
    });

    test('never grants more than the limit, whoever asks at what moment', async () => {
      const LIMIT = 4;
      let held = 0;
      let most = 0;
      let granted = 0;
      const work = async (process: HostConnections): Promise<void> => {
        for (let taken = 0; taken < 20; ) {
          const place = await process.findPlace(host, LIMIT, true);
          if (place === null) continue;
          taken += 1;
          held += 1;
          most = Math.max(most, held);
          granted += 1;
          await process.isWanted(host);
          held -= 1;
          await place.release();
        }
      };
      await Promise.all(Array.from({ length: 10 }, (_, n) => work(n % 2 === 0 ? one : other)));
      expect(granted).toBe(200);
      expect(most).toBeLessThanOrEqual(LIMIT);
      expect(most).toBeGreaterThan(1);
    });

    test('are wanted by whoever waits, until a place is free', async () => {
      const place = await one.findPlace(host, 1, false);
      expect(await other.findPlace(host, 1, false)).toBeNull();
      expect(await one.isWanted(host)).toBe(false);
      expect(await other.findPlace(host, 1, true)).toBeNull();
      await expect.poll(() => one.isWanted(host), { timeout: 5_000 }).toBe(true);
      await place?.release();
      await expect.poll(() => one.isWanted(host), { timeout: 5_000 }).toBe(false);
      expect(await other.findPlace(host, 1, true)).not.toBeNull();
      await expect.poll(() => one.isWanted(host), { timeout: 5_000 }).toBe(false);
    });

    test('T60: a refused password is known to everybody, others are not', async () => {
      const account = `ann@${host}`;
      expect(await signIns.isRefused(account, 'wrong')).toBe(false);
      await signIns.recordRefused(account, 'wrong');
      await signIns.recordRefused(account, 'wrong too');
      await signIns.recordRefused(account, 'wrong');
      expect(await signIns.isRefused(account, 'wrong')).toBe(true);
      expect(await signIns.isRefused(account, 'wrong too')).toBe(true);
      expect(await signIns.isRefused(account, 'right')).toBe(false);
      expect(await signIns.isRefused(`bob@${host}`, 'wrong')).toBe(false);
    });

    test('T61: what is read of an account in a day is counted over all processes, and never more than the limit', async () => {
      const account = `ann@${host}`;
      const [here, there] = world.dailyReads;
      expect(await here.book(account, 600, 1_000)).toBeNull();
      expect(await there.book(account, 400, 1_000)).toBeNull();
      const waitMs = await here.book(account, 1, 1_000);
      expect(waitMs).toBeGreaterThan(86_400_000 - 1_000);
      expect(waitMs).toBeLessThanOrEqual(25 * 3_600_000);
      expect(await here.book(`bob@${host}`, 1, 1_000)).toBeNull();
      expect(await here.book(account, 500, 1_500)).toBeNull();
    });

    test('T61: of many that ask at once no more are let through than fit', async () => {
      const asked = Array.from({ length: 20 }, (_, n) => world.dailyReads[n % 2]?.book(`carl@${host}`, 100, 1_000));
      expect((await Promise.all(asked)).filter((waitMs) => waitMs === null)).toHaveLength(10);
    });

    test('T61: a message that is larger than the limit has a day of its own', async () => {
      expect(await world.dailyReads[0].book(`dora@${host}`, 5_000, 1_000)).toBeNull();
      expect(await world.dailyReads[0].book(`dora@${host}`, 1, 1_000)).not.toBeNull();
    });

    test('a refusal is forgotten when a person asks for another try', async () => {
      const account = `ann@${host}`;
      await signIns.recordRefused(account, 'wrong');
      await signIns.forget(account);
      await signIns.forget(account);
      expect(await signIns.isRefused(account, 'wrong')).toBe(false);
      await signIns.recordRefused(account, 'wrong');
      expect(await signIns.isRefused(account, 'wrong')).toBe(true);
    });
  });
}
