import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { collect } from '../../domain/collect.ts';
import { copyMailbox } from '../../domain/copy-mailbox.ts';
import { hasWork } from '../../domain/look-at-mailbox.ts';
import type { Pass } from '../../domain/passes.ts';
import type { MailAccount } from '../../domain/ports/mail.ts';
import { preflightMailbox } from '../../domain/preflight-mailbox.ts';
import { verifyMailbox } from '../../domain/verify-mailbox.ts';
import { findCorpus } from '../../lab/corpus.ts';
import { type Dovecot, findDovecot, startDovecot } from '../../lab/dovecot.ts';
import { type ImapLabServer, startImapServer } from '../../lab/imap/server.ts';
import { MailStore } from '../../lab/imap/store.ts';
import { generateMailbox } from '../../lab/mail/generator.ts';
import {
  imapConnector as connector,
  PASSWORD,
  plainAccount,
  neverAborted as signal,
} from '../support/imap-accounts.ts';
import { ALONE } from '../support/memory-world.ts';

const FOLDERS = [
  ['INBOX'],
  ['Gesendete Objekte'],
  ['Archiv', 'Dr. Jones'],
  ['Kunden & Co', 'März 日本'],
  ['INBOX', ' Alt '],
];
const INITIAL: Pass = { kind: 'initial', number: 1 };
const DELTA: Pass = { kind: 'delta', number: 2 };

function readMails(): readonly Buffer[] {
  const corpus = findCorpus();
  if (corpus !== null) return corpus.map(({ raw }) => raw);
  console.warn('The mail corpus (../shared/corpus/mail) is missing: generated mail is used instead.');
  const options = { seed: 7, owner: 'ann@example.test', locale: 'de', messages: 900, nasty: 'full' } as const;
  return [...generateMailbox(options)].map(({ raw }) => raw);
}

if (findDovecot() === null) console.warn('Dovecot is not installed (package dovecot-imapd): no real mail is moved.');

describe.skipIf(findDovecot() === null)('real and nasty mail through the whole copy', () => {
  const mails = readMails();
  const ledger = new MemoryLedger();
  let lab: ImapLabServer;
  let dovecot: Dovecot;
  let first: MailAccount;
  let second: MailAccount;
  let third: MailAccount;

  beforeAll(async () => {
    const store = new MailStore();
    const owner = store.addAccount('ann', PASSWORD);
    for (const [at, raw] of mails.entries()) {
      owner.ensureFolder(FOLDERS[at % FOLDERS.length] ?? ['INBOX']).append({
        raw,
        flags: at % 3 === 0 ? ['\\Flagged', '$Label1'] : ['\\Seen'],
        internalDate: new Date(Date.UTC(1999, 11, 31, 23, 59, 59) + at * 86_400_000),
      });
    }
    lab = await startImapServer({ store });
    dovecot = await startDovecot({
      users: [
        { name: 'ann', password: PASSWORD },
        { name: 'bob', password: PASSWORD },
      ],
    });
    first = plainAccount(lab.port, 'ann');
    second = plainAccount(dovecot.port, 'ann');
    third = plainAccount(dovecot.port, 'bob');
    for (const id of ['to-dovecot', 'from-dovecot']) ledger.addMailbox(id);
  });
  afterAll(async () => {
    await lab?.close();
    await dovecot?.stop();
  });

  async function copy(id: string, from: MailAccount, to: MailAccount, pass: Pass) {
    const source = await connector.openSource(from, signal);
    const target = await connector.openTarget(to, signal);
    try {
      const lease = await ledger.takeLease(id, 'worker');
      return await copyMailbox({ source, target, ledger, lease, mailbox: { id, mapping: {} }, pass, signal, ...ALONE });
    } finally {
      await source.close();
      await target.close();
    }
  }

  async function verify(id: string, at: MailAccount, pass: Pass) {
    const target = await connector.openTarget(at, signal);
    const lease = await ledger.takeLease(id, 'verifier');
    const report = await verifyMailbox({ target, ledger, lease, mailboxId: id, pass, signal });
    await target.close();
    return report;
  }

  test('the preflight counts it and names what will be renamed', async () => {
    const verdict = await preflightMailbox({ connector, source: first, target: second, mapping: {}, signal });
    expect(verdict).toMatchObject({ ok: true, code: null, tls: false, folders: 5, messages: mails.length });
    expect(verdict.renames).toContainEqual(expect.objectContaining({ from: 'INBOX/ Alt ', to: 'INBOX/Alt' }));
  });

  test.each([
    ['to-dovecot', () => ({ from: first, to: second })],
    ['from-dovecot', () => ({ from: second, to: third })],
  ])('every message gets %s once, with its folder, date and flags', async (id, accounts) => {
    const { from, to } = accounts();
    const report = await copy(id, from, to, INITIAL);
    expect(await collect(ledger.listExceptions(id))).toEqual([]);
    expect(report).toMatchObject({ moved: mails.length, faults: [] });
    expect(await verify(id, to, INITIAL)).toMatchObject({ lost: 0, doubled: 0, seen: mails.length });
  });

  test('flags and dates arrive to the second', async () => {
    const target = await connector.openTarget(second, signal);
    const inbox = await target.ensureFolder(['INBOX'], 'inbox');
    // The newest were brought first.
    const copies = (await collect(target.listMessages(inbox, 1))).toSorted(compareDates);
    await target.close();
    for (const [at, { flags, internalDate }] of copies.entries()) {
      const index = at * FOLDERS.length;
      const date = new Date(Date.UTC(1999, 11, 31, 23, 59, 59) + index * 86_400_000);
      expect(internalDate).toBe(`${date.toISOString().slice(0, 19)}Z`);
      expect(flags).toEqual(index % 3 === 0 ? ['$Label1', '\\Flagged'] : ['\\Seen']);
    }
  });

  test.each([
    ['to-dovecot', () => ({ from: first, to: second })],
    ['from-dovecot', () => ({ from: second, to: third })],
  ])('the second run brings nothing %s, and a look says so', async (id, accounts) => {
    const { from, to } = accounts();
    expect(await copy(id, from, to, DELTA)).toMatchObject({ moved: 0, alreadyThere: 0, unchanged: 5, bytes: 0 });
    const source = await connector.openSource(from, signal);
    expect(await hasWork(source, ledger, id, DELTA)).toEqual({ work: false, folders: 5, messages: mails.length });
    await source.close();
  });

  test('T42: a ledger that knows nothing finds all of it already there', async () => {
    ledger.addMailbox('again');
    expect(await copy('again', first, second, INITIAL)).toMatchObject({ moved: 0, alreadyThere: mails.length });
    expect(await verify('again', second, INITIAL)).toMatchObject({ lost: 0, doubled: 0 });
  });
});

function compareDates(one: { internalDate: string | null }, other: { internalDate: string | null }): number {
  return (one.internalDate ?? '').localeCompare(other.internalDate ?? '');
}
