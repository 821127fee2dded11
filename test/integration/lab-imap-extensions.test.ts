import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { GMAIL_CAPABILITIES, type ImapServerOptions } from '../../lab/imap/options.ts';
import { type ImapLabServer, startImapServer } from '../../lab/imap/server.ts';
import { MailStore, type MailStoreOptions } from '../../lab/imap/store.ts';
import { withImap } from '../../lab/imap-client.ts';
import { largeFolder } from '../../lab/mail/large-folder.ts';
import { imapConnector, PASSWORD, plainAccount, neverAborted as signal } from '../support/imap-accounts.ts';

const SMALL = Buffer.from('Subject: one\r\n\r\nHello\r\n');
const servers: ImapLabServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('a folder of 100,000 messages that nobody stores', () => {
  test('tells sizes, dates and flags without making one of them', async () => {
    const { account, port } = await start();
    const virtual = largeFolder({ seed: 1, count: 100_000 });
    let made = 0;
    const messageOf = (uid: number) => {
      made += 1;
      return virtual.messageOf(uid);
    };
    account.inbox.fill({ ...virtual, messageOf });
    // Without a client's parsing: seen 1 s for the server, imapflow takes five times as long.
    const answer = await talk(port, [
      `a LOGIN ann ${PASSWORD}`,
      'b EXAMINE INBOX',
      'c UID FETCH 1:* (UID INTERNALDATE RFC822.SIZE)',
      'd LOGOUT',
    ]);
    const rows = [...answer.matchAll(/^\* \d+ FETCH \(UID (\d+) INTERNALDATE "([^"]+)" RFC822\.SIZE (\d+)\)\r$/gm)];
    expect(rows).toHaveLength(100_000);
    for (const [, uid, date, size] of rows.filter((_, at) => at % 10_000 === 0)) {
      expect(Date.parse(date ?? '')).toBe(virtual.dateOf(Number(uid)).getTime());
      expect(Number(size)).toBe(virtual.sizeOf(Number(uid)));
    }
    expect(made).toBe(0);
    const source = await imapConnector.openSource(plainAccount(port, 'ann'), signal);
    const [inbox] = await collect(source.listFolders());
    if (inbox === undefined) throw new Error('no INBOX');
    const status = await source.getStatus(inbox);
    expect(status).toMatchObject({ exists: 100_000, uidNext: 100_001 });
    const message = await source.findMessage(inbox, status.uidValidity, 99_991);
    expect(message?.raw.equals(virtual.messageOf(99_991))).toBe(true);
    expect(made).toBe(1);
    await source.close();
  });

  test('changes as any other: flags, new mail, mail that goes', async () => {
    const { account, port } = await start();
    const virtual = largeFolder({ seed: 1, count: 1_000, scale: 0.01 });
    account.inbox.fill(virtual);
    account.inbox.append({ raw: SMALL });
    account.inbox.expunge([7]);
    account.inbox.setFlags(8, new Set(['\\Flagged']));
    expect(() => account.inbox.fill(virtual)).toThrow();
    const source = await imapConnector.openSource(plainAccount(port, 'ann'), signal);
    const [inbox] = await collect(source.listFolders());
    const entries = inbox === undefined ? [] : await collect(source.listMessages(inbox));
    expect(entries).toHaveLength(1_000);
    expect(entries.find(({ uid }) => uid === 7)).toBeUndefined();
    expect(entries.find(({ uid }) => uid === 8)).toMatchObject({ flags: ['\\Flagged'], sizeBytes: virtual.sizeOf(8) });
    expect(entries.at(-1)).toMatchObject({ uid: 1_001, sizeBytes: SMALL.length });
    await source.close();
  });
});

test('T15: 5,000 folders are listed with their numbers in one command, in a second', async () => {
  const { account, port } = await start();
  for (let n = 0; n < 5_000; n += 1) account.ensureFolder(['Projekte', `Käufer ${n}`]).append({ raw: SMALL });
  await withImap({ host: '127.0.0.1', port, user: 'ann', pass: PASSWORD }, async (client) => {
    const begun = performance.now();
    const listed = await client.list({ statusQuery: { messages: true, uidNext: true } });
    expect(listed).toHaveLength(5_002);
    expect(listed.filter(({ status }) => status?.messages === 1 && status.uidNext === 2)).toHaveLength(5_000);
    expect(listed.find(({ path }) => path === 'Projekte')?.flags.has('\\HasChildren')).toBe(true);
    // Seen: 0.6 s, nearly all of it imapflow's.
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});

test('a large source runs as a process of its own, and ends with whoever started it', async () => {
  const args = ['lab/large-source.ts', '--count', '500', '--scale', '0.01', '--folders', '3'];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const { host, port, user, pass, bytes } = JSON.parse(String(await once(child.stdout, 'data')));
  await withImap({ host, port, user, pass }, async (client) => {
    const listed = await client.list({ statusQuery: { messages: true } });
    expect(listed.map(({ status }) => status?.messages)).toEqual([500, undefined, 1, 1, 1]);
    await client.mailboxOpen('INBOX', { readOnly: true });
    let read = 0;
    for await (const { source } of client.fetch('1:*', { source: true })) read += source?.length ?? 0;
    expect(read).toBe(bytes);
  });
  child.stdin.end();
  expect(await once(child, 'exit')).toEqual([0, null]);
});

describe('QRESYNC', () => {
  test('SELECT tells what has gone and what has changed since', async () => {
    const { account, port } = await start();
    const { inbox } = account;
    for (let n = 0; n < 6; n += 1) inbox.append({ raw: SMALL });
    inbox.expunge([1]);
    const known = inbox.highestModSeq;
    inbox.expunge([2, 3, 5]);
    inbox.setFlags(4, new Set(['\\Seen']));
    const answer = await talk(port, [
      `a LOGIN ann ${PASSWORD}`,
      'b SELECT INBOX (QRESYNC (1 1))',
      'c ENABLE QRESYNC',
      `d SELECT INBOX (QRESYNC (${inbox.uidValidity} ${known} 1:3))`,
      `e SELECT INBOX (QRESYNC (${inbox.uidValidity} ${known}))`,
      `f SELECT INBOX (QRESYNC (42 1))`,
      'g LOGOUT',
    ]);
    const part = (tag: string) =>
      answer
        .slice(0, answer.indexOf(`\r\n${tag} `))
        .split(/\r\n[a-z] /)
        .at(-1) ?? '';
    expect(answer).toContain('b BAD ENABLE QRESYNC first');
    expect(answer).toContain('* ENABLED QRESYNC\r\n');
    expect(part('d')).toContain('* VANISHED (EARLIER) 2:3');
    expect(part('d')).not.toContain('FETCH');
    expect(part('e')).toMatch(/\* VANISHED \(EARLIER\) 2:3,5\r\n\* 1 FETCH \(UID 4 FLAGS \(\\Seen\) MODSEQ \(\d+\)\)$/);
    expect(part('f')).not.toContain('VANISHED');
  });

  test('UID FETCH tells what has gone, and expunges come by UID', async () => {
    const { account, port } = await start();
    for (let n = 0; n < 4; n += 1) account.inbox.append({ raw: SMALL });
    const known = account.inbox.highestModSeq;
    account.inbox.expunge([2]);
    const answer = await talk(port, [
      `a LOGIN ann ${PASSWORD}`,
      'b ENABLE QRESYNC',
      'c SELECT INBOX',
      `d UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${known} VANISHED)`,
      'e FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)',
      'f UID STORE 3:4 +FLAGS (\\Deleted)',
      'g EXPUNGE',
      'h LOGOUT',
    ]);
    expect(answer).toContain('* VANISHED (EARLIER) 2\r\nd OK');
    expect(answer).toContain('e BAD VANISHED needs QRESYNC');
    expect(answer).toContain('* VANISHED 3:4\r\ng OK');
    expect(answer).not.toContain(' EXPUNGE\r\n');
  });
});

describe('Gmail', () => {
  test('T40, T41: shows one message in each folder of its labels, and all but spam in All Mail', async () => {
    const { account, port } = await start({ capabilities: GMAIL_CAPABILITIES }, { gmail: true });
    account.gmail.add({ raw: SMALL, labels: ['\\Inbox', '\\Important', 'Kunden/Müller & Co'] });
    account.gmail.add({ raw: SMALL, labels: [] });
    account.gmail.add({ raw: SMALL, labels: ['\\Spam'] });
    await withImap({ host: '127.0.0.1', port, user: 'ann', pass: PASSWORD }, async (client) => {
      expect(client.capabilities.has('X-GM-EXT-1')).toBe(true);
      const listed = await client.list({ statusQuery: { messages: true } });
      expect(
        Object.fromEntries(listed.map(({ path, specialUse, status }) => [path, [specialUse, status?.messages]])),
      ).toEqual({
        INBOX: ['\\Inbox', 1],
        '[Gmail]': [undefined, undefined],
        '[Gmail]/All Mail': ['\\All', 2],
        '[Gmail]/Drafts': ['\\Drafts', 0],
        '[Gmail]/Important': [undefined, 1],
        '[Gmail]/Sent Mail': ['\\Sent', 0],
        '[Gmail]/Spam': ['\\Junk', 1],
        '[Gmail]/Starred': ['\\Flagged', 0],
        '[Gmail]/Trash': ['\\Trash', 0],
        Kunden: [undefined, undefined],
        'Kunden/Müller & Co': [undefined, 1],
      });
      await client.mailboxOpen('[Gmail]/All Mail', { readOnly: true });
      const all = await client.fetchAll('1:*', { labels: true, uid: true });
      expect(all.map(({ labels }) => [...(labels ?? [])])).toEqual([
        ['\\Inbox', '\\Important', 'Kunden/Müller & Co'],
        [],
      ]);
      expect(all[0]?.emailId).toMatch(/^\d{19}$/);
      await client.mailboxOpen('Kunden/Müller & Co', { readOnly: true });
      const [same] = await client.fetchAll('1:*', { labels: true });
      expect(same?.emailId).toBe(all[0]?.emailId);
      expect([...(same?.labels ?? [])]).toEqual(['\\Inbox', '\\Important']);
    });
  });

  test('labels come and go, and flags are the same in every folder', async () => {
    const { account } = await start({}, { gmail: true });
    const id = account.gmail.add({ raw: SMALL, labels: ['\\Inbox', 'Work'] });
    const before = account.inbox.highestModSeq;
    account.gmail.setLabels(id, ['\\Inbox', 'Home']);
    account.gmail.setFlags(id, ['\\Seen']);
    const held = account.listFolders().filter(({ messages }) => messages.length > 0);
    expect(
      held.map(({ path, messages }) => [path.join('/'), messages[0]?.labels, [...(messages[0]?.flags ?? [])]]),
    ).toEqual([
      ['INBOX', ['Home'], ['\\Seen']],
      ['[Gmail]/All Mail', ['\\Inbox', 'Home'], ['\\Seen']],
      ['Home', ['\\Inbox'], ['\\Seen']],
    ]);
    expect(account.inbox.highestModSeq).toBe(before + 2);
    account.gmail.setLabels(id, ['\\Trash']);
    const left = account.listFolders().filter(({ messages }) => messages.length > 0);
    expect(left.map(({ path }) => path.join('/'))).toEqual(['[Gmail]/Trash']);
  });

  test('has no such items elsewhere', async () => {
    const { account, port } = await start();
    account.inbox.append({ raw: SMALL });
    expect(() => account.gmail).toThrow();
    const answer = await talk(port, [
      `a LOGIN ann ${PASSWORD}`,
      'b SELECT INBOX',
      'c FETCH 1 (X-GM-LABELS)',
      'd LOGOUT',
    ]);
    expect(answer).toContain('c BAD Unknown FETCH item');
  });
});

async function start(options: Partial<ImapServerOptions> = {}, storeOptions: MailStoreOptions = {}) {
  const store = new MailStore(storeOptions);
  const account = store.addAccount('ann', PASSWORD);
  const server = await startImapServer({ store, ...options });
  servers.push(server);
  return { account, port: server.port };
}

/** Sends lines as they are and gives all that came until the server hung up. */
async function talk(port: number, lines: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(lines.map((line) => `${line}\r\n`).join(''), 'latin1');
  return Buffer.concat(await socket.toArray()).toString('latin1');
}
