/** Section 3 of the hostile cases, through the whole copy: what is the same message, and what is not. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { MailAccount } from '../../domain/ports/mail.ts';
import type { IncomingMessage } from '../../lab/imap/hooks.ts';
import { ALL_CAPABILITIES } from '../../lab/imap/options.ts';
import { startTcpProxy } from '../../lab/tcp-proxy.ts';
import { plainAccount } from '../support/imap-accounts.ts';
import { ImapCopy } from '../support/imap-copy.ts';
import { startLabAccount } from '../support/lab-account.ts';
import { DELTA, INITIAL, mailText } from '../support/memory-world.ts';
import { asOwner, type RealServer, readFolder, startRealServer } from '../support/real-servers.ts';

// Many connections and, for Cyrus, many writes to the disk: a third of it on a machine with nothing else to do.
vi.setConfig({ testTimeout: 120_000 });

const DATE = new Date('2020-02-29T23:59:59Z');
const servers = new Map<RealServer['name'], RealServer>();

beforeAll(async () => {
  for (const name of ['Dovecot', 'Cyrus'] as const) servers.set(name, await startRealServer(name));
});
afterAll(async () => {
  for (const server of servers.values()) await server.stop();
});

function newAccount(name: RealServer['name']): MailAccount {
  const server = servers.get(name);
  if (server === undefined) throw new Error(`${name} did not start`);
  return server.newAccount();
}

async function fill(account: MailAccount, folder: string, mails: readonly string[], flags: string[] = []) {
  await asOwner(account, async (client) => {
    if (folder !== 'INBOX') await client.mailboxCreate(folder);
    for (const raw of mails) await client.append(folder, Buffer.from(raw), flags, DATE);
  });
}

async function textsOf(account: MailAccount, folder: string): Promise<readonly string[]> {
  return (await readFolder(account, folder)).map(({ raw }) => raw.toString('latin1')).toSorted();
}

describe.each([
  ['Dovecot', 'Cyrus'],
  ['Cyrus', 'Dovecot'],
] as const)('from %s to %s', (from, to) => {
  test('T32, T33, T35: mail without any identity, with that of another and in two folders is there as often as it was', async () => {
    const [source, target] = [newAccount(from), newAccount(to)];
    const head = 'Message-ID: <same@example.test>\r\nFrom: a@example.test\r\nDate: Mon, 4 Mar 2019 05:06:07 +0000\r\n';
    const inbox = [
      'Subject: no identity\r\n\r\nText.\r\n',
      `${head}Subject: same\r\n\r\nThe one.\r\n`,
      `${head}Subject: same\r\n\r\nThe other.\r\n`,
      mailText('twin'),
      mailText('twin'),
    ];
    const sent = [`${head}Subject: same\r\n\r\nThe one.\r\n`];
    await fill(source, 'INBOX', inbox);
    await fill(source, 'Sent', sent);
    const copy = new ImapCopy(source, target);
    expect(await copy.run()).toMatchObject({ copied: 6, alreadyThere: 0, refused: 0 });
    expect(await textsOf(target, 'INBOX')).toEqual(inbox.toSorted());
    expect(await textsOf(target, 'Sent')).toEqual(sent);
    expect(await copy.run(DELTA)).toMatchObject({ moved: 0, bytes: 0 });
  });

  test('T42: what another tool has left is known by its content, as often as it is there, and the rest follows', async () => {
    const [source, target] = [newAccount(from), newAccount(to)];
    const mails = [...['one', 'two', 'twin', 'twin', 'twin'].map(mailText), 'Message-ID: <1@x>\r\n\r\nsame id\r\n'];
    await fill(source, 'INBOX', mails);
    await fill(target, 'INBOX', [mailText('two'), mailText('twin'), 'Message-ID: <1@x>\r\n\r\nanother body\r\n']);
    const copy = new ImapCopy(source, target);
    expect(await copy.run()).toMatchObject({ copied: 4, alreadyThere: 2 });
    expect(await textsOf(target, 'INBOX')).toEqual([...mails, 'Message-ID: <1@x>\r\n\r\nanother body\r\n'].toSorted());
    expect(await copy.verify()).toMatchObject({ faults: 0 });
  });

  test('T37, T50: whatever byte the target ends the connection after, everything is there once in the end', async () => {
    const source = newAccount(from);
    const mails = [...Array(60).keys()].map((n) => mailText(`${n % 20}`.padEnd(n * 9, 'x')));
    await fill(source, 'INBOX', mails);
    const through = async (cutAfterBytes: { toTarget?: number; toClient?: number } | undefined) => {
      const account = newAccount(to);
      const proxy = await startTcpProxy({
        target: { host: account.endpoint.host, port: account.endpoint.port },
        reset: true,
        ...(cutAfterBytes && { cutAfterBytes, maxCuts: 1 }),
      });
      const copy = new ImapCopy(source, plainAccount(proxy.port, account.user));
      const faults = await copy.runUntilDone(5);
      const { counters } = proxy;
      await proxy.close();
      expect(await textsOf(account, 'INBOX'), JSON.stringify(cutAfterBytes)).toEqual(mails.toSorted());
      expect(await new ImapCopy(source, account).run()).toMatchObject({ moved: 0, alreadyThere: 60 });
      return { faults, counters };
    };
    const clean = await through(undefined);
    expect(clean.faults).toEqual([]);
    const { bytesToTarget, bytesToClient } = clean.counters;
    // The mail is most of what goes there; most of what comes back is in front of it, so the end of that is looked at closely.
    for (const share of [0.3, 0.7, 0.99]) {
      const { counters } = await through({ toTarget: Math.floor(bytesToTarget * share) });
      expect(counters.cut).toBe(1);
    }
    // Not the very last bytes: Dovecot's answers tell how long they took, and so differ in length.
    for (const beforeEnd of [100, 170, 240, 310]) {
      const { counters } = await through({ toClient: bytesToClient - beforeEnd });
      expect(counters.cut).toBe(1);
    }
  });
});

describe('a target that rewrites what it is given', () => {
  const rewrite = (message: IncomingMessage): IncomingMessage => {
    const text = message.raw
      .toString('latin1')
      .replace(/^Message-ID:.*\r\n/m, '')
      .replace(/^Received:.*\r\n/m, '');
    return {
      ...message,
      raw: Buffer.from(`Received: by target; Wed, 25 Nov 2026 12:00:00 +0000\r\n${text}`, 'latin1'),
    };
  };
  const mails = [...Array(30).keys()].map(
    (n) => `Received: by source\r\nMessage-ID: <${n}@x>\r\nSubject: ${n % 10}\r\n\r\ntext ${n % 10}\r\n`,
  );

  test.each([
    ['with UIDPLUS', ALL_CAPABILITIES],
    ['without', ALL_CAPABILITIES.filter((name) => name !== 'UIDPLUS')],
  ])('T36: the second run brings nothing, nor does the tenth (%s)', async (_, capabilities) => {
    const source = await startLabAccount();
    const target = await startLabAccount({ capabilities, hooks: { onAppend: rewrite } });
    for (const raw of mails) source.mailbox.inbox.append({ raw: Buffer.from(raw) });
    const copy = new ImapCopy(source.account, target.account);
    expect(await copy.run()).toMatchObject({ moved: 30 });
    for (let number = 2; number <= 10; number += 1) {
      expect(await copy.run({ kind: 'delta', number })).toMatchObject({ moved: 0, bytes: 0 });
    }
    source.mailbox.inbox.append({ raw: Buffer.from(mailText('new')) });
    expect(await copy.run({ kind: 'delta', number: 11 })).toMatchObject({ moved: 1 });
    expect(target.mailbox.inbox.messages).toHaveLength(31);
    await source.close();
    await target.close();
  });

  test.each([
    ['with UIDPLUS', ALL_CAPABILITIES],
    ['without', ALL_CAPABILITIES.filter((name) => name !== 'UIDPLUS')],
  ])('T36, T37: a lost answer is made up for there too (%s)', async (_, capabilities) => {
    let lost = 0;
    const onResponse = (response: Buffer, command: { readonly name: string } | null) => {
      if (command?.name !== 'APPEND' || !response.includes(' OK ') || lost > 0) return undefined;
      lost += 1;
      return 'drop' as const;
    };
    const source = await startLabAccount();
    const target = await startLabAccount({ capabilities, hooks: { onAppend: rewrite, onResponse } });
    for (const raw of mails) source.mailbox.inbox.append({ raw: Buffer.from(raw) });
    const copy = new ImapCopy(source.account, target.account);
    expect(await copy.runUntilDone(5)).toHaveLength(1);
    expect(lost).toBe(1);
    expect(target.mailbox.inbox.messages).toHaveLength(30);
    expect(await copy.run({ ...INITIAL, kind: 'delta', number: 2 })).toMatchObject({ moved: 0 });
    await source.close();
    await target.close();
  });
});
