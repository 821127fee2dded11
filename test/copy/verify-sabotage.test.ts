import { afterEach, describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { ERRORS } from '../../domain/errors.ts';
import type { Deviation } from '../../domain/ports/ledger.ts';
import type { VerifyReport } from '../../domain/verify-mailbox.ts';
import { ALL_CAPABILITIES, EXCHANGE_CAPABILITIES } from '../../lab/imap/options.ts';
import { INITIAL, type MemoryWorld, newMemoryWorld } from '../support/memory-world.ts';
import { imapSaboteur, memorySaboteur, type Saboteur } from '../support/sabotage.ts';

/** The target is changed behind the back of the product after a clean copy: whatever is done to it is found and named. */

const DATE = '2026-01-02T03:04:05Z';
const CLEAN = { lost: 0, doubled: 0, misfiled: 0, changed: 0, altered: 0, datesMoved: 0, flagsLost: 0, faults: 0 };
const opened: Saboteur[] = [];
afterEach(async () => {
  for (const saboteur of opened.splice(0)) await saboteur.close();
});

function mail(subject: string): string {
  return `From: a@example.org\r\nSubject: ${subject}\r\n\r\nThe body of ${subject}.\r\n`;
}

const TARGETS: readonly [string, boolean, (world: MemoryWorld) => Promise<Saboteur>][] = [
  ['in memory', true, async (world) => memorySaboteur(world)],
  ['in memory without UIDPLUS', false, async (world) => memorySaboteur(world)],
  ['on an IMAP server', true, () => imapSaboteur(ALL_CAPABILITIES)],
  ['on a server like Exchange', true, () => imapSaboteur(EXCHANGE_CAPABILITIES)],
  ['on a server with nothing but IMAP4rev1', false, () => imapSaboteur(['IMAP4rev1'])],
];

describe.each(TARGETS)('a target %s', (name, reportsUid, open) => {
  async function copied() {
    const world = newMemoryWorld(name.startsWith('in memory') ? { reportsUid } : {});
    for (const subject of ['one', 'two', 'twin', 'twin']) world.source.addMessage(['INBOX'], mail(subject), ['\\Seen']);
    world.source.addMessage(['Sent'], mail('sent'), ['\\Seen', '\\Answered']);
    const saboteur = await open(world);
    opened.push(saboteur);
    const { copied: count } = await world.copy(INITIAL, { target: await saboteur.open() });
    expect(count).toBe(5);
    const uidOf = (subject: string) => {
      for (const uid of [1, 2, 3, 4]) if (saboteur.get(['INBOX'], uid).raw.toString() === mail(subject)) return uid;
      throw new Error(`no ${subject}`);
    };
    const verify = async (): Promise<VerifyReport & { named: readonly Deviation[] }> => {
      const openSource = async () => ({ source: world.source.openSource(), close: async () => undefined });
      const report = await world.verify(INITIAL, { target: await saboteur.open(), openSource });
      return { ...report, named: await collect(world.ledger.listDeviations(world.mailboxId)) };
    };
    return { saboteur, verify, uidOf };
  }

  const ofOne = { sourcePath: ['INBOX'], targetPath: ['INBOX'], uidValidity: '1001', uid: 1, receivedAt: DATE };
  /** What is said of the message `one`. */
  const about = (code: Deviation['code'], more: Partial<Deviation> = {}) => {
    expect(ERRORS[code].remedy).toMatch(/\w/);
    return { ...ofOne, code, sizeBytes: mail('one').length, ...more };
  };

  test('is found as it was left', async () => {
    const { verify } = await copied();
    expect(await verify()).toMatchObject({ ...CLEAN, seen: 5, named: [] });
  });

  test('that dropped a message', async () => {
    const { saboteur, verify, uidOf } = await copied();
    const targetUid = uidOf('one');
    saboteur.drop(['INBOX'], targetUid);
    const found = await verify();
    expect(found).toMatchObject({ ...CLEAN, lost: 1, faults: 1, seen: 4 });
    expect(found.named).toMatchObject([about('MESSAGE_LOST', { targetUid: reportsUid ? targetUid : null })]);
  });

  test('that dropped one of two twins', async () => {
    const { saboteur, verify, uidOf } = await copied();
    saboteur.drop(['INBOX'], uidOf('twin'));
    expect(await verify()).toMatchObject({ ...CLEAN, lost: 1, faults: 1 });
  });

  test('that doubled a message', async () => {
    const { saboteur, verify } = await copied();
    saboteur.add(['INBOX'], mail('one'), ['\\Seen']);
    const found = await verify();
    expect(found).toMatchObject({ ...CLEAN, doubled: 1, faults: 1, seen: 6 });
    expect(found.named).toMatchObject([about('MESSAGE_DOUBLED', { targetUid: 5 })]);
  });

  test('that moved a message to another folder', async () => {
    const { saboteur, verify, uidOf } = await copied();
    saboteur.drop(['INBOX'], uidOf('one'));
    saboteur.add(['Elsewhere'], mail('one'), ['\\Seen']);
    const found = await verify();
    expect(found).toMatchObject({ ...CLEAN, misfiled: 1, faults: 1 });
    expect(found.named).toMatchObject([about('MESSAGE_MISFILED', { detail: 'It lies in "Elsewhere" under UID 1.' })]);
  });

  test('that moved a message to a folder with another copy of it', async () => {
    const { saboteur, verify } = await copied();
    saboteur.drop(['Sent'], 1);
    saboteur.add(['INBOX'], mail('sent'));
    saboteur.add(['INBOX'], mail('one'));
    expect(await verify()).toMatchObject({ ...CLEAN, misfiled: 1, doubled: 1, faults: 2 });
  });

  test.each([
    ['cut a message short', (raw: Buffer) => raw.subarray(0, raw.length - 9)],
    ['changed a byte of a body', (raw: Buffer) => Buffer.from(raw.toString().replace('body of one', 'body of One'))],
    ['emptied a message', () => Buffer.alloc(0)],
  ])('that %s', async (_, spoil) => {
    const { saboteur, verify, uidOf } = await copied();
    const targetUid = uidOf('one');
    saboteur.change(['INBOX'], targetUid, { raw: spoil(saboteur.get(['INBOX'], targetUid).raw) });
    const found = await verify();
    // Who does not know where the copy lay cannot tell a changed one from a lost one.
    expect(found).toMatchObject({ ...CLEAN, ...(reportsUid ? { changed: 1 } : { lost: 1 }), faults: 1 });
    const expected = reportsUid ? about('MESSAGE_CHANGED', { targetUid }) : about('MESSAGE_LOST');
    expect(found.named).toMatchObject([expected]);
  });

  test('that moved the date of a message by an hour', async () => {
    const { saboteur, verify, uidOf } = await copied();
    const targetUid = uidOf('one');
    saboteur.change(['INBOX'], targetUid, { internalDate: '2026-01-02T04:04:05Z' });
    const found = await verify();
    expect(found).toMatchObject({ ...CLEAN, datesMoved: 1 });
    const detail = `It arrived ${DATE} and has 2026-01-02T04:04:05Z at the target.`;
    expect(found.named).toMatchObject([about('DATE_MOVED', { targetUid, detail })]);
  });

  test('that lost a flag', async () => {
    const { saboteur, verify, uidOf } = await copied();
    const targetUid = uidOf('one');
    saboteur.change(['INBOX'], targetUid, { flags: ['\\Flagged'] });
    const found = await verify();
    expect(found).toMatchObject({ ...CLEAN, flagsLost: 1 });
    expect(found.named).toMatchObject([about('FLAGS_LOST', { targetUid, detail: 'Missing at the target: \\Seen' })]);
  });

  test('that wrote a message anew with the same content', async () => {
    const { saboteur, verify, uidOf } = await copied();
    const [uid, raw] = [uidOf('one'), mail('one').replace('\r\n\r\n', '\r\nX-Received-By: target\r\n\r\n')];
    saboteur.change(['INBOX'], uid, { raw: Buffer.from(raw) });
    expect(await verify()).toMatchObject({ ...CLEAN, altered: 1, named: [] });
    saboteur.add(['INBOX'], raw);
    expect(await verify()).toMatchObject({ ...CLEAN, altered: 1, doubled: 1, faults: 1 });
  });
});
