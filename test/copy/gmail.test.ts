import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryDailyReads } from '../../adapters/memory/daily-reads.ts';
import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { collect } from '../../domain/collect.ts';
import { type CopyMailboxInput, type CopyReport, copyMailbox } from '../../domain/copy-mailbox.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { LabelRules } from '../../domain/gmail-labels.ts';
import type { Pass } from '../../domain/passes.ts';
import { type PreflightInput, preflightMailbox } from '../../domain/preflight-mailbox.ts';
import { verifyMailbox } from '../../domain/verify-mailbox.ts';
import type { GmailMailbox } from '../../lab/imap/gmail.ts';
import { GMAIL_CAPABILITIES } from '../../lab/imap/options.ts';
import { type ImapLabServer, startImapServer } from '../../lab/imap/server.ts';
import { type Account, MailStore } from '../../lab/imap/store.ts';
import { imapConnector, neverAborted, PASSWORD, plainAccount } from '../support/imap-accounts.ts';
import { ALONE, DELTA, INITIAL, mailText } from '../support/memory-world.ts';

const THIRD: Pass = { kind: 'delta', number: 3 };
const EVERY_LABEL: LabelRules = { policy: 'every-label', order: [] };

let server: ImapLabServer;
let account: Account;
let gmail: GmailMailbox;
let target: MemoryMailSystem;
let ledger: MemoryLedger;

beforeEach(async () => {
  const store = new MailStore({ gmail: true });
  account = store.addAccount('ann', PASSWORD);
  gmail = account.gmail;
  server = await startImapServer({ store, capabilities: GMAIL_CAPABILITIES });
  target = new MemoryMailSystem();
  ledger = new MemoryLedger();
  ledger.addMailbox('mbx');
});
afterEach(() => server.close());

function add(subject: string, ...labels: string[]): number {
  return gmail.add({ raw: Buffer.from(mailText(subject)), labels });
}

async function copy(pass: Pass, more: Partial<CopyMailboxInput> = {}): Promise<CopyReport> {
  const source = await imapConnector.openSource(plainAccount(server.port, 'ann'), neverAborted);
  try {
    const lease = await ledger.takeLease('mbx', 'worker');
    const mailbox = { id: 'mbx', mapping: {} };
    const ends = { source, target: target.openTarget(), ledger, lease, mailbox, pass, signal: neverAborted };
    const report = await copyMailbox({ ...ends, ...ALONE, ...more });
    await ledger.releaseLease(lease);
    return report;
  } finally {
    await source.close();
  }
}

/** `folder: subject`, sorted. */
function copies(): string[] {
  return target.folders
    .flatMap(({ path, messages }) =>
      messages.map(({ raw }) => `${path.join('/')}: ${/Subject: (.*)\r\n/.exec(raw.toString())?.[1]}`),
    )
    .toSorted();
}

async function whys(): Promise<string[]> {
  const found = await collect(ledger.listExceptions('mbx'));
  return found.map(({ sourcePath, state, detail }) => `${sourcePath.join('/')}: ${state}: ${detail}`);
}

async function isVerified(pass: Pass): Promise<boolean> {
  const lease = await ledger.takeLease('mbx', 'verifier');
  const { lost, doubled } = await verifyMailbox({ target: target.openTarget(), ledger, lease, mailboxId: 'mbx', pass });
  await ledger.releaseLease(lease);
  return lost === 0 && doubled === 0;
}

describe('labels of Gmail, one folder a message', () => {
  test('T40, T41: copies each message once, into the first of its places, and says why not into the others', async () => {
    add('everywhere', '\\Inbox', 'Work', 'Alpha', 'Zulu', '\\Starred', '\\Important');
    add('labels', 'Work', 'Alpha/Sub', 'beta');
    add('sent', '\\Sent', 'Alpha');
    add('draft', '\\Draft');
    add('archived');
    add('starred only', '\\Starred');
    add('spam', '\\Spam');
    add('trash', '\\Trash', 'Work');
    expect(await copy(INITIAL)).toMatchObject({ moved: 8, refused: 0, vanished: 0 });
    expect(copies()).toEqual([
      'Alpha/Sub: labels',
      'Archive: archived',
      'Archive: starred only',
      'Drafts: draft',
      'INBOX: everywhere',
      'Junk: spam',
      'Sent: sent',
      'Trash: trash',
    ]);
    const why = await whys();
    expect(why).toContain('Work: excluded: label of Gmail: the message goes to INBOX');
    expect(why).toContain('[Gmail]/All Mail: excluded: label of Gmail: the message goes to Alpha/Sub');
    expect(why).toContain('[Gmail]/Starred: excluded: view of Gmail: the message goes to the folder that it lies in');
    expect(target.folders.map(({ path }) => path.join('/')).filter((name) => name.includes('Gmail'))).toEqual([]);
    expect(await isVerified(INITIAL)).toBe(true);
    expect(await copy(DELTA)).toMatchObject({ moved: 0, bytes: 0 });
  });

  test('T40: goes by the order of labels that the plan gives', async () => {
    add('labels', 'Alpha', 'Work', 'beta');
    await copy(INITIAL, { labels: { policy: 'one-folder', order: ['Work'] } });
    expect(copies()).toEqual(['Work: labels']);
  });

  test('T33, T40: copies two messages with the same bytes twice', async () => {
    add('twin', '\\Inbox', 'Work');
    add('twin', '\\Inbox', 'Work');
    await copy(INITIAL);
    expect(copies()).toEqual(['INBOX: twin', 'INBOX: twin']);
  });

  test('T40: copies nothing again when labels change after a message was delivered', async () => {
    const id = add('moves', '\\Inbox', 'Work');
    const other = add('archived');
    await copy(INITIAL);
    gmail.setLabels(id, ['Work', 'Alpha']);
    gmail.setLabels(other, ['\\Inbox']);
    expect(await copy(DELTA)).toMatchObject({ moved: 0, bytes: 0 });
    gmail.setLabels(id, []);
    expect(await copy(THIRD)).toMatchObject({ moved: 0, bytes: 0 });
    expect(copies()).toEqual(['Archive: archived', 'INBOX: moves']);
    expect(await isVerified(THIRD)).toBe(true);
  });

  test('T43: copies nothing again when a folder is renumbered', async () => {
    add('one', '\\Inbox', 'Work');
    await copy(INITIAL);
    account.inbox.renumber(4711);
    expect(await copy(DELTA)).toMatchObject({ moved: 0, bytes: 0 });
    expect(copies()).toEqual(['INBOX: one']);
  });

  test('T40: brings a message from the place that is left when it goes from its best one before it was read', async () => {
    const id = add('quick', '\\Inbox', 'Work');
    add('stays', '\\Inbox');
    const report = await copy(INITIAL, {
      mayRead: async () => gmail.setLabels(id, ['Work']),
    });
    expect(report).toMatchObject({ copied: 2, vanished: 1 });
    expect(copies()).toEqual(['INBOX: stays', 'Work: quick']);
    expect(await isVerified(INITIAL)).toBe(true);
    expect(await copy(DELTA)).toMatchObject({ moved: 0 });
  });

  test('T40: brings a message that left its best place between two passes and had not been delivered', async () => {
    const id = add('late', '\\Inbox', 'Work');
    const full = async () => {
      throw new MigrationError('DAILY_LIMIT', 'enough');
    };
    await expect(copy(INITIAL, { mayRead: full })).rejects.toMatchObject({ code: 'DAILY_LIMIT' });
    gmail.setLabels(id, ['Work']);
    expect(await copy(INITIAL)).toMatchObject({ copied: 1 });
    expect(copies()).toEqual(['Work: late']);
  });
});

describe('labels of Gmail, every label', () => {
  test('T40: copies a message into each of its labels, and from All Mail only what has none', async () => {
    const id = add('twice', '\\Inbox', 'Work', '\\Starred');
    add('archived');
    expect(await copy(INITIAL, { labels: EVERY_LABEL })).toMatchObject({ moved: 3 });
    expect(copies()).toEqual(['Archive: archived', 'INBOX: twice', 'Work: twice']);
    gmail.setLabels(id, ['\\Inbox', 'Work', 'Alpha']);
    expect(await copy(DELTA, { labels: EVERY_LABEL })).toMatchObject({ moved: 1 });
    gmail.setLabels(id, []);
    expect(await copy(THIRD, { labels: EVERY_LABEL })).toMatchObject({ moved: 0 });
    expect(copies()).toEqual(['Alpha: twice', 'Archive: archived', 'INBOX: twice', 'Work: twice']);
    expect(await isVerified(THIRD)).toBe(true);
  });
});

describe('preflight of a Gmail source', () => {
  const connector = {
    openSource: imapConnector.openSource,
    openTarget: async () => target.openTarget(),
  };
  const look = async (more: Partial<PreflightInput> = {}) => {
    const source = plainAccount(server.port, 'ann');
    return await preflightMailbox({ connector, source, target: source, mapping: {}, signal: neverAborted, ...more });
  };

  test('T40, T61: says how many copies the policy makes, of how many messages, and on how many days', async () => {
    add('labels', '\\Inbox', 'Work', 'Alpha', '\\Starred');
    add('archived');
    add('spam', '\\Spam');
    const one = await look();
    expect(one).toMatchObject({
      messages: 3,
      forecast: { messages: 3, daily: { bytesPerDay: 2_500_000_000, days: 1 } },
    });
    expect(one.forecast?.labels).toEqual({ policy: 'one-folder', messages: 3, places: 5 });
    const every = await look({ labels: 'every-label', dailyLimitMb: 1 });
    expect(every).toMatchObject({ messages: 5, forecast: { messages: 5, daily: { bytesPerDay: 1_000_000, days: 1 } } });
    expect(every.bytes).toBeGreaterThan(one.bytes ?? Number.POSITIVE_INFINITY);
    await copy(INITIAL, { labels: EVERY_LABEL });
    expect(copies()).toHaveLength(5);
    expect(one.forecast?.unfit).toEqual([]);
  });

  test('T41: says that All Mail is hidden from IMAP', async () => {
    for (const folder of account.listFolders()) if (folder.role === 'all') account.deleteFolder(folder);
    const { forecast } = await look();
    expect(forecast?.unfit).toMatchObject([{ folder: '[Gmail]/All Mail' }]);
  });
});

describe('a daily limit', () => {
  test('T61: reads no more a day than the source gives, and goes on the next day where it stopped', async () => {
    for (let n = 0; n < 30; n += 1) add(`message ${n} ${'x'.repeat(900)}`, '\\Inbox', 'Work');
    const reads = new MemoryDailyReads();
    let readBytes = 0;
    const mayRead = async (bytes: number) => {
      const waitMs = await reads.book('ann', bytes, 10_000);
      if (waitMs !== null) throw new MigrationError('DAILY_LIMIT', 'enough', { retryAfterMs: waitMs });
      readBytes += bytes;
    };
    let days = 1;
    for (; days < 20; days += 1) {
      readBytes = 0;
      // A unit of fifty would be more than this small day: broken lines make them small.
      const done = await copy(INITIAL, { mayRead, failures: 4 }).catch((error: unknown) => error);
      expect(readBytes).toBeLessThanOrEqual(10_000);
      if (!(done instanceof MigrationError)) break;
      expect(done).toMatchObject({ code: 'DAILY_LIMIT', retryAfterMs: 86_400_000 });
      reads.now += done.retryAfterMs ?? 0;
    }
    expect(days).toBeGreaterThan(3);
    expect(copies()).toHaveLength(30);
    expect(new Set(copies()).size).toBe(30);
  });
});
