/** Section 4 of the hostile cases, through the whole copy: servers whose numbers cannot be trusted. */
import { rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createImapConnector } from '../../adapters/imap/connector.ts';
import type { ImapHooks } from '../../lab/imap/hooks.ts';
import { ALL_CAPABILITIES, type ImapServerOptions } from '../../lab/imap/options.ts';
import { startTcpProxy } from '../../lab/tcp-proxy.ts';
import { PASSWORD, plainAccount } from '../support/imap-accounts.ts';
import { ImapCopy } from '../support/imap-copy.ts';
import { type LabAccount, startLabAccount } from '../support/lab-account.ts';
import { DELTA, INITIAL, mailText } from '../support/memory-world.ts';
import { asOwner, type RealServer, readFolder, startRealServer } from '../support/real-servers.ts';

const open: { close(): Promise<void> }[] = [];
const third = { kind: 'delta', number: 3 } as const;

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function lab(options: Partial<Omit<ImapServerOptions, 'store'>> = {}): Promise<LabAccount> {
  const account = await startLabAccount(options);
  open.push(account);
  return account;
}

function fill({ mailbox }: LabAccount, texts: readonly string[]): void {
  for (const text of texts) mailbox.inbox.append({ raw: Buffer.from(mailText(text)) });
}

function textsOf({ mailbox }: LabAccount, folder: readonly string[] = ['INBOX']): readonly string[] {
  const found = mailbox.findFolder(folder)?.messages ?? [];
  return found.map(({ raw }) => raw.toString('latin1').split('\r\n')[2] ?? '').toSorted();
}

/** Bends what answers to one command, and counts how often. */
function bending(bend: (text: string, command: string) => string | undefined) {
  const bent = { count: 0 };
  const onResponse: ImapHooks['onResponse'] = (response, command) => {
    const text = response.toString('latin1');
    const other = bend(text, command?.text ?? '');
    if (other === undefined || other === text) return undefined;
    bent.count += 1;
    return Buffer.from(other, 'latin1');
  };
  return { bent, hooks: { onResponse } };
}

const LETTERS = ['a', 'b', 'c', 'd', 'e', 'twin', 'twin'];

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

  test('T43: a folder that was made anew between two passes, with the same mail, is not copied again', async () => {
    const [first, second] = [source.newAccount(), target.newAccount()];
    const put = (texts: readonly string[]) =>
      asOwner(first, async (client) => {
        await client.mailboxCreate('Projects');
        for (const text of texts) await client.append('Projects', Buffer.from(mailText(text)));
        return (await client.status('Projects', { uidValidity: true })) || null;
      });
    const before = await put(LETTERS);
    const copy = new ImapCopy(first, second);
    expect(await copy.run()).toMatchObject({ copied: 7 });
    await asOwner(first, (client) => client.mailboxDelete('Projects'));
    const after = await put(['new', ...LETTERS.toReversed()]);
    expect(after?.uidValidity).not.toBe(before?.uidValidity);
    expect(await copy.run(DELTA)).toMatchObject({ moved: 1, alreadyThere: 7, vanished: 0 });
    expect(await readFolder(second, 'Projects')).toHaveLength(8);
    expect(await copy.run(third)).toMatchObject({ moved: 0, alreadyThere: 0, unchanged: 2 });
    expect(await copy.verify(third)).toMatchObject({ faults: 0 });
  });

  test('T47: mail that its owner moves and flags between passes is there once, where it is now or was copied to', async () => {
    const [first, second] = [source.newAccount(), target.newAccount()];
    await asOwner(first, async (client) => {
      await client.mailboxCreate('Done');
      for (const text of LETTERS) await client.append('INBOX', Buffer.from(mailText(text)));
    });
    const copy = new ImapCopy(first, second);
    await copy.run();
    await asOwner(first, async (client) => {
      await client.mailboxOpen('INBOX');
      await client.messageMove('1:3', 'Done', { uid: true });
      await client.messageFlagsSet('4', ['\\Flagged'], { uid: true });
    });
    expect(await copy.run(DELTA)).toMatchObject({ moved: 0, alreadyThere: 3, reflagged: 1 });
    const all = [...(await readFolder(second, 'INBOX')), ...(await readFolder(second, 'Done'))];
    expect(all.map(({ raw }) => String(raw)).toSorted()).toEqual(LETTERS.map(mailText).toSorted());
    expect(all.filter(({ flags }) => flags.includes('\\Flagged'))).toMatchObject([{ raw: Buffer.from(mailText('d')) }]);
  });
});

test('T43: Dovecot that has lost its indexes numbers anew, and nothing is copied again', async () => {
  const dovecot = await startRealServer('Dovecot');
  open.push({ close: () => dovecot.stop() });
  const first = dovecot.newAccount();
  const target = await lab();
  await asOwner(first, async (client) => {
    for (const text of LETTERS) await client.append('INBOX', Buffer.from(mailText(text)));
  });
  const copy = new ImapCopy(first, target.account);
  expect(await copy.run()).toMatchObject({ copied: 7 });
  const uidValidity = async () =>
    await asOwner(first, async (client) => (await client.mailboxOpen('INBOX')).uidValidity);
  const before = await uidValidity();
  const home = join(dovecot.root, 'mail', first.user);
  const lost = (await readdir(home, { recursive: true })).filter((name) => /dovecot[.-](index|uid)/.test(name));
  expect(lost.length).toBeGreaterThan(1);
  // It takes the second of the day for the new one.
  await expect.poll(() => BigInt(Math.floor(Date.now() / 1000)), { timeout: 3_000 }).toBeGreaterThan(before);
  for (const name of lost) rmSync(join(home, name), { force: true });
  expect(await uidValidity()).not.toBe(before);
  expect(await copy.run(DELTA)).toMatchObject({ moved: 0, alreadyThere: 7 });
  expect(textsOf(target)).toEqual(LETTERS.toSorted());
});

test.each(['the census', 'the copy'])(
  'T43: UIDVALIDITY that changes in the middle of %s copies nothing twice',
  async (when) => {
    let renumbered = 0;
    const source = await lab({
      hooks: {
        onCommand: ({ name, text }) => {
          const isIt = name === 'UID FETCH' && text.includes('BODY') === (when === 'the copy');
          if (!isIt || renumbered > 0) return undefined;
          renumbered += 1;
          source.mailbox.inbox.expunge([2]);
          source.mailbox.inbox.renumber(1_700_000_000);
          return undefined;
        },
      },
    });
    const target = await lab();
    fill(source, LETTERS);
    const copy = new ImapCopy(source.account, target.account);
    await copy.run().catch(() => undefined);
    await copy.runUntilDone(3);
    expect(renumbered).toBe(1);
    expect(textsOf(target)).toEqual(LETTERS.filter((text) => text !== 'b').toSorted());
    expect(await copy.run(DELTA)).toMatchObject({ moved: 0 });
  },
);

describe('UIDs that lead nowhere', () => {
  test('T44: one that is announced and never given has vanished, and is not asked for again', async () => {
    const { bent, hooks } = bending((text, command) =>
      command.includes('BODY') && /^\* \d+ FETCH \(UID 3 /.test(text) ? '' : undefined,
    );
    const source = await lab({ hooks });
    const target = await lab();
    fill(source, LETTERS);
    const copy = new ImapCopy(source.account, target.account);
    expect(await copy.run()).toMatchObject({ copied: 6, vanished: 1 });
    expect(await copy.listExceptions()).toMatchObject([{ uid: 3, state: 'vanished' }]);
    const asked = bent.count;
    expect(await copy.run(DELTA)).toMatchObject({ moved: 0, unchanged: 1 });
    expect(bent.count).toBe(asked);
  });

  test.each([
    'NO The server does not have a message with UID 3',
    'NO [NONEXISTENT] No such message',
    'NO Message not found',
    'BAD Error in IMAP command FETCH: Invalid messageset',
    'NO [SERVERBUG] Internal error',
  ])('T44: a hole that is answered by "%s" costs none of its neighbours', async (answer) => {
    let refused = 0;
    const source = await lab({
      hooks: {
        onCommand: ({ name, text }) => {
          const asked = /UID FETCH (\S+) .*BODY/.exec(text)?.[1] ?? '';
          const [low = 0, high = low] = asked.split(':').map(Number);
          if (name !== 'UID FETCH' || low > 3 || high < 3) return undefined;
          refused += 1;
          return { reply: answer };
        },
      },
    });
    const target = await lab();
    fill(source, LETTERS);
    const copy = new ImapCopy(source.account, target.account);
    expect(await copy.run()).toMatchObject({ copied: 6, faults: [] });
    expect(refused).toBeGreaterThan(0);
    expect(await copy.listExceptions()).toMatchObject([{ uid: 3, state: expect.stringMatching(/vanished|refused/) }]);
    const before = refused;
    expect(await copy.run(DELTA)).toMatchObject({ moved: 0 });
    expect(refused).toBe(before);
  });
});

test('T45: where STATUS, SEARCH and FETCH disagree, FETCH decides, the numbers are kept, and the next pass is quiet', async () => {
  const { bent, hooks } = bending((text, command) => {
    if (/^\* (STATUS|LIST)/.test(text)) return text.replace('MESSAGES 7', 'MESSAGES 9');
    if (/SEARCH/.test(command))
      return text.replace(/^\* SEARCH.*|COUNT 7/, (found) => (found === 'COUNT 7' ? 'COUNT 5' : '* SEARCH 1 2 3 4 5'));
    return undefined;
  });
  const source = await lab({ hooks });
  const target = await lab();
  fill(source, LETTERS);
  const copy = new ImapCopy(source.account, target.account);
  expect(await copy.run()).toMatchObject({ copied: 7 });
  expect(bent.count).toBeGreaterThanOrEqual(2);
  const [folder] = await copy.ledger.listFolders(copy.mailboxId);
  expect(folder).toMatchObject({ status: { exists: 7 }, counts: { status: 9, search: 5, fetch: 7 } });
  expect(await copy.run(DELTA)).toMatchObject({ moved: 0, bytes: 0 });
  expect(textsOf(target)).toEqual(LETTERS.toSorted());
});

test.each([
  ['gives none', (text: string) => text.replace(/INTERNALDATE "[^"]*" ?/, '')],
  [
    'gives none that can be read',
    (text: string) => text.replace(/INTERNALDATE "[^"]*"/, 'INTERNALDATE "00-Foo-0000 99:99:99 +0000"'),
  ],
  [
    'gives one of 1970',
    (text: string) => text.replace(/INTERNALDATE "[^"]*"/, 'INTERNALDATE "01-Jan-1970 00:00:00 +0000"'),
  ],
])('T46: a source that %s: the last Received is taken, then Date, then today, and that is told', async (_, bend) => {
  const { bent, hooks } = bending((text) => (/^\* \d+ FETCH/.test(text) ? bend(text) : undefined));
  const source = await lab({ hooks });
  const target = await lab();
  const { inbox } = source.mailbox;
  const trace = 'Received: by b; Tue, 5 Mar 2019 10:00:00 +0100\r\nReceived: by a; Mon, 4 Mar 2019 10:00:00 +0100\r\n';
  inbox.append({ raw: Buffer.from(`${trace}Date: Sun, 3 Mar 2019 10:00:00 +0100\r\n\r\n1\r\n`) });
  inbox.append({ raw: Buffer.from('Date: Sun, 3 Mar 2019 10:00:00 +0100\r\n\r\n2\r\n') });
  inbox.append({ raw: Buffer.from('Subject: no date\r\n\r\n3\r\n') });
  const copy = new ImapCopy(source.account, target.account);
  expect(await copy.run()).toMatchObject({ copied: 3 });
  expect(bent.count).toBeGreaterThan(0);
  const dates = new Map(target.mailbox.inbox.messages.map(({ raw, internalDate }) => [raw.at(-3), internalDate]));
  expect(dates.get(0x31)).toEqual(new Date('2019-03-05T09:00:00Z'));
  expect(dates.get(0x32)).toEqual(new Date('2019-03-03T09:00:00Z'));
  expect(dates.get(0x33)?.getTime()).toBeGreaterThan(Date.now() - 60_000);
  const told = copy.ledger.outcomes.toSorted((a, b) => a.uid - b.uid).map(({ detail }) => detail);
  expect(told).toEqual([/Received/, /Date header/, /none/].map((word) => expect.stringMatching(word)));
  expect(await copy.run(DELTA)).toMatchObject({ moved: 0 });
});

test('T47: mail that is moved, flagged and deleted while its folder is copied is there once in the end', async () => {
  let fetches = 0;
  const source = await lab({
    hooks: {
      onCommand: ({ name, text }) => {
        if (name !== 'UID FETCH' || !text.includes('BODY')) return undefined;
        fetches += 1;
        if (fetches !== 2) return undefined;
        const { inbox } = source.mailbox;
        const archive = source.mailbox.ensureFolder(['Archive']);
        for (const uid of [5, 55, 95]) {
          const message = inbox.find(uid);
          if (message) archive.append(message);
        }
        inbox.expunge([5, 55, 95, 6]);
        for (const uid of [7, 57, 97]) inbox.setFlags(uid, new Set(['\\Flagged']));
        return undefined;
      },
    },
  });
  const target = await lab();
  source.mailbox.ensureFolder(['Archive']);
  const texts = [...Array(120).keys()].map((n) => `text ${n + 1}`);
  fill(source, texts);
  const copy = new ImapCopy(source.account, target.account);
  await copy.run();
  await copy.run(DELTA);
  expect(fetches).toBeGreaterThan(2);
  const there = [...textsOf(target), ...textsOf(target, ['Archive'])].toSorted();
  const mustBe = texts.filter((text) => text !== 'text 6').toSorted();
  expect(there.filter((text) => text !== 'text 6')).toEqual(mustBe);
  const flagged = target.mailbox.inbox.messages.filter(({ flags }) => flags.has('\\Flagged'));
  expect(flagged.map(({ raw }) => String(raw).split('\r\n')[2]).toSorted()).toEqual(['text 57', 'text 7', 'text 97']);
  expect(await copy.run(third)).toMatchObject({ moved: 0, reflagged: 0 });
});

describe('T50: a network that is gone for longer than anybody waits', () => {
  const connector = createImapConnector(
    { resolve: async () => PASSWORD },
    { timeouts: { connectMs: 300, greetingMs: 300, silenceMs: 300 } },
  );

  test.each(['source', 'target'] as const)('at the %s is a delay: nothing is lost or doubled', async (side) => {
    const source = await lab();
    const target = await lab();
    fill(
      source,
      [...Array(200).keys()].map((n) => `${n}`.padEnd(8_000, '.')),
    );
    const behind = side === 'source' ? source : target;
    const proxy = await startTcpProxy({
      target: { host: '127.0.0.1', port: behind.server.port },
      bytesPerSecond: 8_000_000,
    });
    open.push(proxy);
    const far = plainAccount(proxy.port, 'ann');
    const copy = new ImapCopy(
      side === 'source' ? far : source.account,
      side === 'target' ? far : target.account,
      connector,
    );
    // In the middle of the mail, whichever way it goes.
    const gone = setInterval(() => {
      const { bytesToClient, bytesToTarget } = proxy.counters;
      if (Math.max(bytesToClient, bytesToTarget) < 600_000) return;
      proxy.blackhole();
      clearInterval(gone);
    }, 5);
    const faults: string[] = [];
    for (let attempt = 0; attempt < 2; attempt += 1) {
      // Every attempt waits for an answer, in vain.
      await copy.run(INITIAL, { failures: attempt }).catch((error: { code: string }) => faults.push(error.code));
    }
    expect(faults.length).toBe(2);
    expect(faults.filter((code) => code !== 'CONNECTION_LOST' && code !== 'HOST_UNREACHABLE')).toEqual([]);
    const arrived = target.mailbox.inbox.messages.length;
    expect(arrived).toBeLessThan(200);
    proxy.dropAll();
    await proxy.heal();
    await copy.runUntilDone(3);
    expect(target.mailbox.inbox.messages).toHaveLength(200);
    expect(new Set(target.mailbox.inbox.messages.map(({ raw }) => String(raw)))).toHaveProperty('size', 200);
    expect(await copy.verify()).toMatchObject({ faults: 0 });
  });
});

test('T48: a connection on which nothing is asked while the other side is busy is kept alive', async () => {
  const silenceMs = 700; // less is less than a busy machine needs for a line
  const connector = createImapConnector(
    { resolve: async () => PASSWORD },
    { timeouts: { connectMs: 2_000, greetingMs: 2_000, silenceMs } },
  );
  const source = await lab();
  const target = await lab();
  fill(source, ['slow'.padEnd(1_000_000, '.')]);
  // A million bytes take three seconds, four times as long as the target would be quiet.
  const proxy = await startTcpProxy({
    target: { host: '127.0.0.1', port: source.server.port },
    bytesPerSecond: 350_000,
  });
  open.push(proxy);
  const copy = new ImapCopy(plainAccount(proxy.port, 'ann'), target.account, connector);
  expect(await copy.run()).toMatchObject({ copied: 1 });
  expect(target.server.commandCounts.get('NOOP')).toBeGreaterThan(1);
});

test('T51: BYE in the middle of an APPEND after five errors, before we end a session ourselves: a new one looks first, and all that can be brought is', async () => {
  let errors = 0;
  let byes = 0;
  const errorsOf = new Map<number, number>();
  let connection = 0;
  const target = await lab({
    capabilities: ALL_CAPABILITIES.filter((name) => name !== 'MULTIAPPEND'),
    hooks: {
      onCommand: (command) => {
        connection = command.connection;
        return undefined;
      },
      onAppend: (message) => {
        if (!message.raw.includes('bad')) return message;
        errors += 1;
        errorsOf.set(connection, (errorsOf.get(connection) ?? 0) + 1);
        return { reply: 'BAD Command Argument Error. 11' };
      },
      onResponse: (response) => {
        if ((errorsOf.get(connection) ?? 0) < 5 || !response.includes('Command Argument Error')) return undefined;
        errorsOf.set(connection, 0);
        byes += 1;
        return Buffer.from('* BYE Too many errors\r\n');
      },
      // Closing is the next answer's business.
    },
  });
  const source = await lab();
  fill(
    source,
    [...Array(60).keys()].map((n) => (n % 2 === 0 ? `bad ${n}` : `good ${n}`)),
  );
  const connector = createImapConnector(
    { resolve: async () => PASSWORD },
    { timeouts: { connectMs: 2_000, greetingMs: 2_000, silenceMs: 400 } },
  );
  const copy = new ImapCopy(source.account, target.account, connector);
  await copy.runUntilDone(20);
  expect(byes).toBeGreaterThan(1);
  expect(errors).toBeGreaterThanOrEqual(30);
  expect(textsOf(target).filter((text) => text.startsWith('good'))).toHaveLength(30);
  const [folder] = await copy.ledger.tallyFolders(copy.mailboxId);
  expect(folder).toMatchObject({ exists: 60, unfinished: 0, tally: { copied: 30 } });
});
