import { describe, expect, test } from 'vitest';
import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { copyMailbox } from '../../domain/copy-mailbox.ts';
import type { Pass } from '../../domain/passes.ts';
import { verifyMailbox } from '../../domain/verify-mailbox.ts';
import { ALONE } from '../support/memory-world.ts';
import { createMortality, type Death, Killed } from './dying-ports.ts';

const MAILBOX = { id: 'mbx-1', mapping: {} };
const INITIAL: Pass = { kind: 'initial', number: 1 };
const DELTA: Pass = { kind: 'delta', number: 2 };
const LIVE: Death = { atCall: Number.POSITIVE_INFINITY, when: 'before' };

const SOURCE_STREAMS = ['listFolders', 'listMessages', 'listFlags', 'listChanges', 'readMessages'] as const;
const TARGET_STREAMS = ['listFolders', 'listMessages', 'listFlags'] as const;
const LEDGER_STREAMS = ['listExceptions', 'listDelivered', 'listDeviations'] as const;

interface Variant {
  readonly reportsUid: boolean;
  /** Half of INBOX was brought by another tool before us (T42). */
  readonly foreign: boolean;
}

function newWorld({ reportsUid, foreign }: Variant) {
  const source = new MemoryMailSystem();
  const target = new MemoryMailSystem({ separator: '.', reportsUid });
  const ledger = new MemoryLedger();
  ledger.addMailbox(MAILBOX.id);
  source.addFolder(['Gesendet'], 'sent');
  source.addFolder(['Dr. Jones']);
  source.addMessage(['INBOX'], 'Subject: 1\r\n\r\none\r\n', ['\\Seen']);
  source.addMessage(['INBOX'], 'Subject: twin\r\n\r\ntwin\r\n');
  source.addMessage(['INBOX'], 'Subject: twin\r\n\r\ntwin\r\n');
  source.addMessage(['INBOX'], 'Subject: nul\r\n\r\na\0b\r\n');
  source.addMessage(['Gesendet'], 'Subject: twin\r\n\r\ntwin\r\n', ['\\Answered', '$Label1']);
  source.addMessage(['Gesendet'], 'Subject: 6\n\nbare\n', [], '2001-02-03T04:05:06Z');
  source.addMessage(['Dr. Jones'], 'Subject: 7\r\n\r\nseven\r\n');
  source.addMessage(['Dr. Jones'], 'Subject: 8\r\n\r\neight\r\n');
  if (foreign) {
    target.addMessage(['INBOX'], 'Subject: twin\r\n\r\ntwin\r\n');
    target.addMessage(['INBOX'], 'Subject: not ours\r\n\r\nother\r\n');
  }
  return { source, target, ledger };
}

type World = ReturnType<typeof newWorld>;

/** What happens at the source between the two passes. */
function liveOn({ source }: World): void {
  source.removeMessage(['INBOX'], 1);
  source.addMessage(['INBOX'], 'Subject: twin\r\n\r\ntwin\r\n');
  source.addMessage(['Neu'], 'Subject: 9\r\n\r\nnine\r\n');
  source.renumber(['Dr. Jones']);
  source.addMessage(['Dr. Jones'], 'Subject: 8\r\n\r\neight\r\n');
}

async function copy(world: World, pass: Pass, death: Death = LIVE) {
  const lease = await world.ledger.takeLease(MAILBOX.id, 'worker');
  const mortality = createMortality(death);
  const run = copyMailbox({
    source: mortality.wrap('source', world.source.openSource(), SOURCE_STREAMS),
    target: mortality.wrap('target', world.target.openTarget(), TARGET_STREAMS),
    ledger: mortality.wrap('ledger', world.ledger, LEDGER_STREAMS),
    lease,
    mailbox: MAILBOX,
    pass,
    signal: new AbortController().signal,
    ...ALONE,
  });
  return { report: await run, calls: mortality.calls(), names: mortality.names };
}

/** The target as its owner sees it: folders with their messages, in any order. */
function seen({ target }: World) {
  const folders = target.folders.map(({ path, messages }) => {
    const mails = messages.map(({ raw, flags, internalDate }) => [raw.toString('latin1'), [...flags], internalDate]);
    return [path.join('/'), mails.map((mail) => JSON.stringify(mail)).toSorted()] as const;
  });
  return Object.fromEntries(folders);
}

async function expectSound(world: World, pass: Pass) {
  const lease = await world.ledger.takeLease(MAILBOX.id, 'verifier');
  const target = world.target.openTarget();
  const signal = new AbortController().signal;
  const verified = await verifyMailbox({ target, ledger: world.ledger, lease, mailboxId: MAILBOX.id, pass, signal });
  expect(verified).toMatchObject({ faults: 0, datesMoved: 0, flagsLost: 0 });
  for (const { exists, unfinished, tally } of await world.ledger.tallyFolders(MAILBOX.id)) {
    expect(unfinished).toBe(0);
    expect(tally.copied + tally.repaired + tally.alreadyThere).toBe(exists);
  }
  const { report } = await copy(world, { kind: 'delta', number: pass.number + 1 });
  expect(report).toMatchObject({ copied: 0, repaired: 0, alreadyThere: 0, bytes: 0 });
}

describe.each<[string, Variant]>([
  ['with UIDPLUS', { reportsUid: true, foreign: false }],
  ['without UIDPLUS', { reportsUid: false, foreign: false }],
  ['with UIDPLUS and mail of another tool', { reportsUid: true, foreign: true }],
  ['without UIDPLUS and mail of another tool', { reportsUid: false, foreign: true }],
])('a copy to a target %s', async (_, variant) => {
  const clean = newWorld(variant);
  const initial = await copy(clean, INITIAL);
  const afterInitial = seen(clean);
  liveOn(clean);
  const delta = await copy(clean, DELTA);
  const afterDelta = seen(clean);

  test('brings every message once, and a delta what is new', async () => {
    expect(Object.values(afterInitial).flat()).toHaveLength(variant.foreign ? 9 : 8);
    expect(initial.report).toMatchObject({
      copied: variant.foreign ? 6 : 7,
      repaired: 1,
      alreadyThere: variant.foreign ? 1 : 0,
    });
    expect(delta.report).toMatchObject({ copied: 3, alreadyThere: 2, unchanged: 1 });
    await expectSound(clean, DELTA);
  });

  describe.each(['before', 'after'] as const)('killed %s a call', (when) => {
    test.each(initial.names.map((name, at) => [at + 1, name] as const))(
      'call %i (%s) of the initial pass: the next run ends in the same mailbox',
      async (atCall) => {
        const world = newWorld(variant);
        await expect(copy(world, INITIAL, { atCall, when })).rejects.toThrow(Killed);
        await copy(world, INITIAL);
        expect(seen(world)).toEqual(afterInitial);
        await expectSound(world, INITIAL);
      },
    );

    test.each(delta.names.map((name, at) => [at + 1, name] as const))(
      'call %i (%s) of the delta: the next run ends in the same mailbox',
      async (atCall) => {
        const world = newWorld(variant);
        await copy(world, INITIAL);
        liveOn(world);
        await expect(copy(world, DELTA, { atCall, when })).rejects.toThrow(Killed);
        await copy(world, DELTA);
        expect(seen(world)).toEqual(afterDelta);
        await expectSound(world, DELTA);
      },
    );
  });
});
