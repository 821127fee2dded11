/** Section 6 of the hostile cases, through the whole copy: dates, flags, and what a user does at the target meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXCHANGE_CAPABILITIES } from '../../lab/imap/options.ts';
import { ImapCopy } from '../support/imap-copy.ts';
import { startLabAccount } from '../support/lab-account.ts';
import { DELTA, mailText } from '../support/memory-world.ts';
import { asOwner, type RealServer, readFolder, startRealServer } from '../support/real-servers.ts';

const third = { kind: 'delta', number: 3 } as const;
const WRITES = [
  'APPEND',
  'STORE',
  'UID STORE',
  'CREATE',
  'COPY',
  'UID COPY',
  'EXPUNGE',
  'RENAME',
  'DELETE',
  'SUBSCRIBE',
];

describe.each([
  ['Dovecot', 'Cyrus'],
  ['Cyrus', 'Dovecot'],
] as const)('from %s to %s', (from, to) => {
  let source: RealServer;
  let target: RealServer;
  beforeAll(async () => {
    source = await startRealServer(from);
    target = await startRealServer(to);
  });
  afterAll(async () => {
    await source?.stop();
    await target?.stop();
  });

  test('T64: the date of arrival is the same to the second, through leap days, summer time and thirty years', async () => {
    const dates = [
      '1995-01-01T00:00:00Z',
      '1999-12-31T23:59:59Z',
      '2000-02-29T12:34:56Z',
      '2001-09-09T01:46:40Z',
      '2016-12-31T23:59:59Z',
      '2020-10-25T00:59:59Z',
      '2020-10-25T01:00:00Z',
      '2021-03-28T01:00:00Z',
      '2024-02-29T00:00:00Z',
      '2026-11-24T10:11:12Z',
    ];
    const [first, second] = [source.newAccount(), target.newAccount()];
    await asOwner(first, async (client) => {
      for (const date of dates) await client.append('INBOX', Buffer.from(mailText(date)), [], new Date(date));
    });
    await new ImapCopy(first, second).run();
    const found = await readFolder(second, 'INBOX');
    expect(found.map(({ raw, receivedAt }) => [String(raw).split('\r\n')[2], receivedAt]).toSorted()).toEqual(
      dates.map((date) => [date, Date.parse(date)]).toSorted(),
    );
  });

  test('T66: a Date field that nobody can read stays as it is, and the date of arrival does not follow it', async () => {
    const fields = [
      '(Invalid)',
      'Fri, 01 Jan 99 00:00:00 GMT',
      'Thu, 01 Jan 1970 00:00:00 +0000',
      'Mon, 00 Foo 0000 99:99:99',
      'Thu, 01 Jan 2099 00:00:00 +0000',
      '',
    ];
    const mails = fields.map((field, at) => `Date: ${field}\r\nSubject: ${at}\r\n\r\nText.\r\n`);
    const arrived = new Date('2018-07-06T05:04:03Z');
    const [first, second] = [source.newAccount(), target.newAccount()];
    await asOwner(first, async (client) => {
      for (const raw of mails) await client.append('INBOX', Buffer.from(raw), [], arrived);
    });
    expect(await new ImapCopy(first, second).run()).toMatchObject({ copied: mails.length, repaired: 0 });
    const found = await readFolder(second, 'INBOX');
    expect(found.map(({ raw }) => String(raw)).toSorted()).toEqual(mails.toSorted());
    expect(new Set(found.map(({ receivedAt }) => receivedAt))).toEqual(new Set([arrived.getTime()]));
  });

  test('T69: an unchanged mailbox costs no write, whatever its keywords and however they are spelt', async () => {
    const [first, second] = [source.newAccount(), target.newAccount()];
    const flags = [
      ['$MDNSent', '\\Seen'],
      ['$MdnSent'],
      ['$Forwarded', '\\Flagged', '\\Answered'],
      ['\\Draft'],
      ['NonJunk', 'Label5'],
    ];
    await asOwner(first, async (client) => {
      for (const [at, each] of flags.entries()) await client.append('INBOX', Buffer.from(mailText(`${at}`)), each);
    });
    const copy = new ImapCopy(first, second);
    await copy.run();
    const before = await readFolder(second, 'INBOX');
    const modSeq = () =>
      asOwner(second, async (client) => (await client.status('INBOX', { highestModseq: true })) || null);
    const seen = await modSeq();
    for (let number = 2; number < 5; number += 1) {
      expect(await copy.run({ kind: 'delta', number })).toMatchObject({ moved: 0, reflagged: 0 });
    }
    expect(await modSeq()).toEqual(seen);
    expect(await readFolder(second, 'INBOX')).toEqual(before);
    const lower = (found: readonly { flags: readonly string[] }[]) =>
      found.map((each) => each.flags.join(' ').toLowerCase()).toSorted();
    expect(lower(before)).toEqual(lower(flags.map((each) => ({ flags: each.toSorted() }))));
  });

  test('T71: what the user has read or flagged at the target stays so, and what changes at the source follows', async () => {
    const [first, second] = [source.newAccount(), target.newAccount()];
    await asOwner(first, async (client) => {
      for (const text of ['read there', 'flagged there', 'read here', 'both', 'unread here']) {
        await client.append('INBOX', Buffer.from(mailText(text)), text === 'unread here' ? ['\\Seen'] : []);
      }
    });
    const copy = new ImapCopy(first, second);
    await copy.run();
    const uidOf = async (text: string) =>
      (await readFolder(second, 'INBOX')).find(({ raw }) => raw.includes(`Subject: ${text}\r`))?.uid ?? 0;
    const uids = { read: await uidOf('read there'), flagged: await uidOf('flagged there'), both: await uidOf('both') };
    await asOwner(second, async (client) => {
      await client.mailboxOpen('INBOX');
      await client.messageFlagsAdd(String(uids.read), ['\\Seen'], { uid: true });
      await client.messageFlagsAdd(String(uids.flagged), ['\\Flagged'], { uid: true });
      await client.messageFlagsAdd(String(uids.both), ['\\Seen'], { uid: true });
    });
    const flagsNow = async () =>
      Object.fromEntries(
        (await readFolder(second, 'INBOX')).map(({ raw, flags }) => [String(raw).split('\r\n')[2], flags.join(' ')]),
      );
    expect(await copy.run(DELTA)).toMatchObject({ moved: 0, reflagged: 0 });
    await asOwner(first, async (client) => {
      await client.mailboxOpen('INBOX');
      await client.messageFlagsAdd('3', ['\\Seen'], { uid: true });
      await client.messageFlagsAdd('4', ['\\Answered'], { uid: true });
      await client.messageFlagsRemove('5', ['\\Seen'], { uid: true });
    });
    expect(await copy.run(third)).toMatchObject({ moved: 0, reflagged: 3 });
    expect(await flagsNow()).toEqual({
      'read there': '\\Seen',
      'flagged there': '\\Flagged',
      'read here': '\\Seen',
      both: '\\Answered \\Seen',
      'unread here': '',
    });
  });
});

test('T68: at a target like Exchange, which loses it on the way in, a flagged message is flagged in the end', async () => {
  const source = await startLabAccount();
  let stripped = 0;
  const target = await startLabAccount({
    capabilities: EXCHANGE_CAPABILITIES,
    hooks: {
      onAppend: (message) => {
        if (message.flags.includes('\\Flagged')) stripped += 1;
        return { ...message, flags: message.flags.filter((flag) => flag !== '\\Flagged') };
      },
    },
  });
  for (const flags of [['\\Flagged'], ['\\Seen', '\\Flagged'], ['\\Seen'], []]) {
    source.mailbox.inbox.append({ raw: Buffer.from(mailText(flags.join(' '))), flags });
  }
  const copy = new ImapCopy(source.account, target.account);
  expect(await copy.run()).toMatchObject({ copied: 4 });
  expect(stripped).toBe(2);
  const { messages } = target.mailbox.inbox;
  for (const { raw, flags } of messages)
    expect([...flags].toSorted().join(' ')).toBe(sorted(String(raw).split('\r\n')[2] ?? ''));
  expect(await copy.run(DELTA)).toMatchObject({ reflagged: 0 });
  await source.close();
  await target.close();
});

test('T69: the second run sends a target no command that writes, even where it cannot hold the keywords', async () => {
  const source = await startLabAccount();
  const target = await startLabAccount({
    permanentFlags: ['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft'],
  });
  for (const flags of [['$MDNSent'], ['$MdnSent', '\\Seen'], ['NonJunk']]) {
    source.mailbox.inbox.append({ raw: Buffer.from(mailText(flags.join(' '))), flags });
  }
  const copy = new ImapCopy(source.account, target.account);
  await copy.run();
  const writes = () => WRITES.map((name) => target.server.commandCounts.get(name) ?? 0);
  const before = writes();
  expect(before[0]).toBeGreaterThan(0);
  for (let number = 2; number < 5; number += 1) await copy.run({ kind: 'delta', number });
  // A change elsewhere brings no keyword back either.
  source.mailbox.inbox.setFlags(3, new Set(['NonJunk', '\\Seen']));
  await copy.run({ kind: 'delta', number: 5 });
  const after = writes();
  expect(after[0]).toBe(before[0]);
  expect((after[2] ?? 0) - (before[2] ?? 0)).toBe(1);
  await copy.run({ kind: 'delta', number: 6 });
  expect(writes()).toEqual(after);
  await source.close();
  await target.close();
});

function sorted(flags: string): string {
  return flags.split(' ').toSorted().join(' ');
}
