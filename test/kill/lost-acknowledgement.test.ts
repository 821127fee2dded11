import { afterEach, describe, expect, test } from 'vitest';
import type { Pass } from '../../domain/passes.ts';
import { type Dovecot, startDovecot } from '../../lab/dovecot.ts';
import { ALL_CAPABILITIES } from '../../lab/imap/options.ts';
import { MailStore } from '../../lab/imap/store.ts';
import { PASSWORD } from '../support/imap-accounts.ts';
import { startScriptedImap } from '../support/scripted-imap.ts';
import { step } from '../support/scripted-steps.ts';
import { startTappedLine } from '../support/tapped-line.ts';
import { IMPATIENT, mailsOf, WireWorld } from '../support/wire-world.ts';

const INITIAL: Pass = { kind: 'initial', number: 1 };
const DELTA: Pass = { kind: 'delta', number: 2 };
const MAILS = mailsOf([100, 2_000, 300, 70_000, 500]);
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function openWorld(): Promise<WireWorld> {
  const world = await WireWorld.open(MAILS);
  ends.push(() => world.close());
  return world;
}

describe.each([
  ['with UIDPLUS and MULTIAPPEND', []],
  ['with MULTIAPPEND, without UIDPLUS', ['UIDPLUS']],
  ['with UIDPLUS, without MULTIAPPEND', ['MULTIAPPEND']],
  ['without UIDPLUS and MULTIAPPEND', ['UIDPLUS', 'MULTIAPPEND']],
])('a target %s', (_, missing) => {
  const many = !missing.includes('MULTIAPPEND');
  const appends = many ? 2 : MAILS.length;

  test.each(Array.from({ length: appends }, (__, at) => at + 1))(
    'that resets the connection after APPEND %i, before its OK, gets nothing twice',
    async (nth) => {
      const world = await openWorld();
      const store = new MailStore();
      store.addAccount('ann', PASSWORD);
      const before = nth > 1 ? [step.line(/^APPEND /, nth - 1), step.answer()] : [];
      const server = await startScriptedImap({
        script: [...before, step.line(/^APPEND /), step.effect(), step.reset()],
        honest: { store, capabilities: ALL_CAPABILITIES.filter((name) => !missing.includes(name)) },
      });
      ends.push(() => server.close());
      const way = { ...world.way, target: server.port };

      await expect(world.copy(INITIAL, way)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
      server.done(); // the fault has fired
      const arrived = countAll(store);
      expect(arrived).toBeGreaterThan(0);
      const { copied } = await world.copy(INITIAL, way);
      expect(copied).toBeGreaterThan(0); // found, or sent for the first time
      await expectSame(world, server.port);
      expect(await world.copy(DELTA, way)).toMatchObject({ moved: 0, alreadyThere: 0, bytes: 0 });
      await expectSame(world, server.port);
      const sent = server.transcript.filter(({ from, text }) => from === 'client' && / APPEND /.test(text));
      expect(sent).toHaveLength(appends);
    },
  );
});

describe.each([
  ['a MULTIAPPEND', MAILS],
  ['a single APPEND', MAILS.slice(0, 1)],
])('Dovecot whose answer to %s is lost on the line', (_, mails) => {
  test('has each message once after the next attempt', async () => {
    const dovecot: Dovecot = await startDovecot({ users: [{ name: 'ann', password: PASSWORD }] });
    ends.push(() => dovecot.stop());
    let lost = 0;
    let appends = 0;
    const line = await startTappedLine('target', dovecot.port, ({ towards, bytes }) => {
      const text = bytes.toString('latin1');
      if (towards === 'server' && / APPEND /.test(text)) appends += 1;
      if (towards === 'server' || lost > 0 || !/APPENDUID/.test(text)) return true;
      lost += 1;
      return false;
    });
    ends.push(() => line.close());
    const world = await WireWorld.open(mails);
    ends.push(() => world.close());
    const way = { ...world.way, target: line.port, timeouts: IMPATIENT };

    await expect(world.copy(INITIAL, way)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(lost).toBe(1);
    await world.copy(INITIAL, way);
    await expectSame(world, dovecot.port);
    const before = appends;
    expect(await world.copy(DELTA, way)).toMatchObject({ moved: 0, alreadyThere: 0, bytes: 0 });
    expect(appends).toBe(before);
    await expectSame(world, dovecot.port);
  });
});

async function expectSame(world: WireWorld, targetPort: number) {
  expect(await world.faults(targetPort)).toEqual([]);
}

function countAll(store: MailStore): number {
  return store
    .listAccounts()
    .reduce(
      (sum, account) => sum + account.listFolders().reduce((count, { messages }) => count + messages.length, 0),
      0,
    );
}
