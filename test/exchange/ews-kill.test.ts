import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyMailbox } from '../../domain/copy-mailbox.ts';
import { Killed } from '../kill/dying-ports.ts';
import { EwsWorld } from '../support/ews-world.ts';
import { ALONE, DELTA, INITIAL, mailText } from '../support/memory-world.ts';

/** One call of the adapter to the server is the last thing that this process does. */
interface Death {
  readonly atCall: number;
  /** The server does it, and nobody is there to hear. */
  readonly when: 'before' | 'after';
}

async function newWorld(): Promise<EwsWorld> {
  const world = await EwsWorld.start();
  world.source.addFolder(['Gesendet'], 'sent');
  world.source.addMessage(['INBOX'], mailText('twin'), ['\\Seen']);
  world.source.addMessage(['INBOX'], mailText('twin'), ['\\Seen']);
  world.source.addMessage(['Akten'], mailText('other'), ['\\Flagged', 'Wichtig']);
  world.source.addMessage(['Gesendet'], mailText('draft no more'), ['\\Answered']);
  return world;
}

async function copyAndDie(world: EwsWorld, { atCall, when }: Death): Promise<void> {
  const process = new AbortController();
  let calls = 0;
  world.tenant.fault = () => {
    calls += 1;
    if (calls !== atCall) return null;
    process.abort(new Killed(`${when} call ${atCall}`));
    return { drop: true, afterEffect: when === 'after' };
  };
  // Who is dead records nothing.
  const ledger = new Proxy(world.ledger, {
    get(real, name) {
      const value: unknown = Reflect.get(real, name, real);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (process.signal.aborted) throw new Killed('dead already');
        return Reflect.apply(value, real, args);
      };
    },
  });
  try {
    const target = await world.open({}, process);
    await copyMailbox({
      source: world.source.openSource(),
      target,
      ledger,
      lease: await ledger.takeLease('mbx-1', 'worker'),
      mailbox: { id: 'mbx-1', mapping: {} },
      pass: INITIAL,
      signal: process.signal,
      ...ALONE,
    });
  } finally {
    world.tenant.fault = null;
  }
}

let clean: { readonly seen: readonly string[]; readonly calls: readonly string[] };

beforeAll(async () => {
  const world = await newWorld();
  await world.copy();
  clean = { seen: world.seen(), calls: [...world.tenant.calls] };
  await world.close();
});
afterAll(() => {
  // What was killed at: a clean run that does nothing would make every test below pass.
  expect(clean.calls.filter((name) => name === 'CreateItem')).toHaveLength(4);
  expect(clean.calls).toContain('CreateFolder');
});

describe.each(['before', 'after'] as const)('killed %s a call', (when) => {
  test('whichever it is, the next run ends in the same mailbox, and sends nothing', async () => {
    for (let atCall = 1; atCall <= clean.calls.length; atCall += 1) {
      const where = `${when} call ${atCall}, ${clean.calls[atCall - 1]}`;
      const world = await newWorld();
      await expect(copyAndDie(world, { atCall, when }), where).rejects.toThrow(Killed);
      await world.copy();
      expect(world.seen(), where).toEqual(clean.seen);
      expect(await world.verify(), where).toMatchObject({ faults: 0 });
      expect(await world.copy({}, DELTA), where).toMatchObject({ moved: 0 });
      expect(world.tenant.outgoing.count, where).toBe(0);
      await world.close();
    }
  }, 60_000);
});
