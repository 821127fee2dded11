import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { MigrationError } from '../../domain/errors.ts';
import type { Pass } from '../../domain/passes.ts';
import { SeededRandom } from '../../lab/mail/random.ts';
import { startTcpProxy, type TcpProxy, type TcpProxyOptions } from '../../lab/tcp-proxy.ts';
import { startScriptedImap } from '../support/scripted-imap.ts';
import { step } from '../support/scripted-steps.ts';
import { IMPATIENT, mailsOf, type Way, WireWorld } from '../support/wire-world.ts';

const INITIAL: Pass = { kind: 'initial', number: 1 };
const DELTA: Pass = { kind: 'delta', number: 2 };
const MAILS = mailsOf([100, 2_000, 300, 40_000, 500]);
const SIDES = ['source', 'target'] as const;
type Side = (typeof SIDES)[number];
const DIRECTIONS = ['toTarget', 'toClient'] as const;
/** Over both directions of both lines. */
const POSITIONS = 52;
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function openWorld(): Promise<WireWorld> {
  const world = await WireWorld.open(MAILS);
  ends.push(() => world.close());
  return world;
}

/** The way with one side behind a proxy. */
async function behind(world: WireWorld, side: Side, options: Partial<TcpProxyOptions>) {
  const proxy = await startTcpProxy({ target: { host: '127.0.0.1', port: world.way[side] }, ...options });
  ends.push(() => proxy.close());
  return { proxy, way: { ...world.way, [side]: proxy.port } as Way };
}

/** As Temporal would: again after each fault that passes. @returns the codes of the faults */
async function untilCopied(world: WireWorld, way: Way, attempts: number): Promise<readonly string[]> {
  const codes: string[] = [];
  for (;;) {
    try {
      await world.copy(INITIAL, way);
      return codes;
    } catch (error) {
      if (!(error instanceof MigrationError) || codes.length === attempts) throw error;
      expect(error.kind.reaction).toBe('retry');
      codes.push(error.code);
    }
  }
}

async function expectDone(world: WireWorld, way = world.way) {
  expect(await world.faults()).toEqual([]);
  expect(await world.copy(DELTA, way)).toMatchObject({ moved: 0, alreadyThere: 0, bytes: 0 });
  expect(await world.faults()).toEqual([]);
}

describe.each(SIDES.flatMap((side) => DIRECTIONS.map((direction) => [side, direction] as const)))(
  'a line to the %s that is reset once, at a random byte %s',
  (side, direction) => {
    const seed = `${side} ${direction} ${process.env['RESET_SEED'] ?? ''}`;
    let length = 0;
    beforeAll(async () => {
      const world = await WireWorld.open(MAILS);
      const proxy = await startTcpProxy({ target: { host: '127.0.0.1', port: world.way[side] } });
      await world.copy(INITIAL, { ...world.way, [side]: proxy.port });
      length = direction === 'toTarget' ? proxy.counters.bytesToTarget : proxy.counters.bytesToClient;
      await Promise.all([proxy.close(), world.close()]);
    });

    test(`loses and doubles nothing (seed "${seed}")`, async () => {
      const random = new SeededRandom(seed);
      for (let count = 0; count < POSITIONS / 4; count += 1) {
        // Dates and tags make some bytes of difference.
        const at = random.between(1, Math.floor(length * 0.97));
        const world = await openWorld();
        const { proxy, way } = await behind(world, side, {
          cutAfterBytes: { [direction]: at },
          reset: true,
          maxCuts: 1,
        });
        await untilCopied(world, way, 1);
        expect(proxy.counters.cut, `byte ${at}`).toBe(1);
        await expectDone(world, way);
        await Promise.all([proxy.close(), world.close()]);
      }
    });
  },
);

describe.each(SIDES)('a line to the %s', (side) => {
  test('of one byte a second from the start is given up in time, and costs nothing', async () => {
    const world = await openWorld();
    const { proxy, way } = await behind(world, side, { bytesPerSecond: 1, holdsBytes: 16 });
    const begun = performance.now();
    const failure = await world.copy(INITIAL, { ...way, timeouts: IMPATIENT }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: { reaction: 'retry' } });
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(proxy.counters.accepted).toBe(1);
    expect(proxy.counters.bytesToClient).toBeLessThan(20); // the greeting was on its way
    await world.copy(INITIAL);
    await expectDone(world);
  });

  test('that is dead for a while makes each attempt wait, and then the copy goes on with what is missing', async () => {
    const world = await openWorld();
    const { proxy, way } = await behind(world, side, {});
    const patient = { ...way, timeouts: IMPATIENT };
    const late = world.copy(INITIAL, patient).catch((error: unknown) => error);
    await untilMidCopy(proxy, side);
    proxy.blackhole();
    expect(await late).toMatchObject({ kind: { reaction: 'retry' } });
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(world.copy(INITIAL, patient)).rejects.toMatchObject({ kind: { reaction: 'retry' } });
    }
    await proxy.heal();
    await untilCopied(world, patient, 0);
    await expectDone(world, patient);
  });
});

describe.each(SIDES)('a %s that sends one byte at a time', (side) => {
  test('is heard to the end while it says something in time, and the other side waits for it longer than that', async () => {
    const world = await openWorld();
    const line = side === 'source' ? /FETCH .*BODY/ : /^APPEND /;
    // What a server may say at any time (RFC 9051 §7), over four seconds.
    const slowly = step.slowly(1, 300, '* OK patience\r\n');
    const server = await startScriptedImap({
      script: [step.line(line), slowly, step.answer()],
      honest: { store: side === 'source' ? world.sourceStore : world.targetStore },
    });
    ends.push(() => server.close());
    const way = { ...world.way, [side]: server.port, timeouts: { ...IMPATIENT, silenceMs: 1_000 } };
    await world.copy(INITIAL, way);
    server.done();
    await expectDone(world);
  });
});

/** Some of the messages are through, not all. */
async function untilMidCopy(proxy: TcpProxy, side: Side): Promise<void> {
  const bytes = () => (side === 'source' ? proxy.counters.bytesToClient : proxy.counters.bytesToTarget);
  await expect.poll(bytes, { interval: 1, timeout: 10_000 }).toBeGreaterThan(20_000);
}
