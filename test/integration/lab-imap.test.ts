import { once } from 'node:events';
import { connect } from 'node:net';
import type { ImapFlow } from 'imapflow';
import { afterEach, describe, expect, test } from 'vitest';
import { createAuthority } from '../../lab/authority.ts';
import { findCorpus } from '../../lab/corpus.ts';
import { ALL_CAPABILITIES, EXCHANGE_CAPABILITIES, type ImapServerOptions } from '../../lab/imap/options.ts';
import { type ImapLabServer, startImapServer } from '../../lab/imap/server.ts';
import { MailStore, type MailStoreOptions } from '../../lab/imap/store.ts';
import { type ImapEndpoint, withImap } from '../../lab/imap-client.ts';
import { generateMailbox } from '../../lab/mail/generator.ts';

const SMALL = Buffer.from('From: a@example.test\r\nSubject: one\r\nMessage-ID: <1@example.test>\r\n\r\nHello\r\n');
const servers: ImapLabServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('every message comes back byte for byte', () => {
  const corpus = findCorpus();
  if (corpus === null)
    console.warn('The mail corpus (../shared/corpus/mail) is missing: generated mail is used instead.');
  const mails =
    corpus?.map(({ raw }) => raw) ??
    [...generateMailbox({ seed: 7, owner: 'ann@example.test', locale: 'de', messages: 900, nasty: 'full' })].map(
      ({ raw }) => raw,
    );

  test('seeded and fetched', async () => {
    const { store, endpoint } = await startLab();
    const inbox = store.addAccount('ann', 'secret').inbox;
    for (const raw of mails) inbox.append({ raw });
    const fetched = await withImap(endpoint, fetchAll);
    expect(fetched.length).toBe(mails.length);
    for (const [at, raw] of mails.entries()) expect(fetched[at]?.equals(raw), `message ${at}`).toBe(true);
  });

  test.each([
    ['with LITERAL+', ALL_CAPABILITIES],
    ['without LITERAL+', ALL_CAPABILITIES.filter((name) => name !== 'LITERAL+')],
  ])(
    'appended %s and fetched; a NUL is refused with BAD',
    async (_, capabilities) => {
      const { store, endpoint } = await startLab({ capabilities });
      store.addAccount('ann', 'secret');
      await withImap(endpoint, async (client) => {
        for (const raw of mails) {
          const appended = client.append('INBOX', raw);
          if (raw.includes(0)) await expect(appended).rejects.toMatchObject({ responseStatus: 'BAD' });
          else await appended;
        }
        const expected = mails.filter((raw) => !raw.includes(0));
        const fetched = await fetchAll(client);
        expect(fetched.length).toBe(expected.length);
        for (const [at, raw] of expected.entries()) expect(fetched[at]?.equals(raw), `message ${at}`).toBe(true);
      });
    },
    60_000,
  );

  test('in pieces', async () => {
    const { store, endpoint } = await startLab();
    store.addAccount('ann', 'secret').inbox.append({ raw: SMALL });
    await withImap(endpoint, async (client) => {
      await client.mailboxOpen('INBOX', { readOnly: true });
      const part = await client.fetchOne('1', { source: { start: 6, maxLength: 4 } });
      expect(answered(part).source?.toString()).toBe('a@ex');
      const header = await client.fetchOne('1', { headers: ['Subject'], envelope: true, bodyStructure: true });
      expect(answered(header).headers?.toString()).toBe('Subject: one\r\n\r\n');
      expect(answered(header).envelope?.messageId).toBe('<1@example.test>');
      const { content } = await client.download('1');
      expect(content && (await content.toArray()).join('')).toBe(SMALL.toString());
    });
  });
});

describe('signing in', () => {
  test('refuses an unknown user and a wrong password with the same words', async () => {
    const { store, endpoint } = await startLab();
    store.addAccount('ann', 'secret');
    for (const wrong of [{ user: 'bob' }, { pass: 'other' }]) {
      const attempt = withImap({ ...endpoint, ...wrong }, async () => undefined);
      await expect(attempt).rejects.toMatchObject({ serverResponseCode: 'AUTHENTICATIONFAILED' });
    }
  });

  test.each(['starttls', 'tls'] as const)(
    'works over %s, and in the clear only where that is offered',
    async (security) => {
      const { store, endpoint } = await startLab({ security, tls: await issueCertificate() });
      store.addAccount('ann', 'secret');
      const secured = { ...endpoint, secure: security === 'tls', startTls: security === 'starttls' };
      expect(await withImap(secured, async (client) => client.secureConnection)).toBe(true);
      if (security === 'starttls') await expect(withImap(endpoint, async () => undefined)).rejects.toThrow();
    },
  );

  test('opens a mailbox by token where a judge of tokens is given', async () => {
    const { store, port } = await startLab({
      authenticateToken: (user, token) =>
        token === 'good' ? { user } : { reply: 'NO [AUTHENTICATIONFAILED] AUTHENTICATE failed.' },
    });
    store.addAccount('ann', 'secret');
    const attempt = (token: string) =>
      talk(port, [
        `a AUTHENTICATE XOAUTH2 ${Buffer.from(`user=ann\x01auth=Bearer ${token}\x01\x01`).toString('base64')}`,
        '',
        'b LOGOUT',
      ]);
    expect(await attempt('good')).toContain('a OK ');
    expect(await attempt('bad')).toContain('a NO [AUTHENTICATIONFAILED]');
  });
});

describe('folders', () => {
  test.each(['/', '.'])('keep names, roles and counts with separator %s', async (separator) => {
    const { store, endpoint } = await startLab({}, { separator });
    const account = store.addAccount('ann', 'secret');
    account.ensureFolder(['Gesendete Objekte'], 'sent').append({ raw: SMALL });
    await withImap(endpoint, async (client) => {
      await client.mailboxCreate(['Rechnungen', '2025', 'März & Co']);
      const listed = await client.list({ statusQuery: { messages: true, uidValidity: true, highestModseq: true } });
      expect(listed.map((folder) => [folder.path, folder.specialUse, folder.status?.messages])).toEqual([
        ['INBOX', '\\Inbox', 0],
        ['Gesendete Objekte', '\\Sent', 1],
        ['Rechnungen', undefined, undefined],
        [`Rechnungen${separator}2025`, undefined, undefined],
        [`Rechnungen${separator}2025${separator}März & Co`, undefined, 0],
      ]);
      await client.mailboxRename('Rechnungen', 'Bills');
      await client.mailboxDelete(['Bills', '2025', 'März & Co']);
      await client.mailboxUnsubscribe('Gesendete Objekte');
      const after = await client.list();
      expect(after.map((folder) => [folder.path, folder.subscribed])).toContainEqual([`Bills${separator}2025`, true]);
      expect(after.map((folder) => [folder.path, folder.subscribed])).toContainEqual(['Gesendete Objekte', undefined]);
    });
    expect(account.findFolder(['Bills', '2025', 'März & Co'])).toBeNull();
  });

  test('are listed by plain LIST and LSUB where nothing better is offered', async () => {
    const { store, endpoint } = await startLab({ capabilities: EXCHANGE_CAPABILITIES });
    store.addAccount('ann', 'secret').ensureFolder(['Clients', 'Été']);
    const names = await withImap(endpoint, async (client) => (await client.list()).map((folder) => folder.path));
    expect(names).toContain('Clients/Été');
  });
});

describe('messages', () => {
  test('keep flags, keywords and the internal date to the second', async () => {
    const { store, endpoint } = await startLab();
    const inbox = store.addAccount('ann', 'secret').inbox;
    const date = new Date('2019-07-03T04:05:06Z');
    await withImap(endpoint, async (client) => {
      await client.mailboxOpen('INBOX');
      const appended = await client.append('INBOX', SMALL, ['\\Flagged', '$Label1'], date);
      expect(appended).toMatchObject({ uid: 1, uidValidity: BigInt(inbox.uidValidity), seq: 1 });
      await client.messageFlagsAdd('1', ['\\Seen'], { uid: true });
      await client.messageFlagsRemove('1', ['\\Flagged'], { uid: true });
      const message = await client.fetchOne('1', { flags: true, internalDate: true, size: true }, { uid: true });
      expect([...(answered(message).flags ?? [])].sort()).toEqual(['$Label1', '\\Seen']);
      expect(answered(message).internalDate).toEqual(date);
      expect(answered(message).size).toBe(SMALL.length);
    });
  });

  test('are copied, moved and expunged with receipts', async () => {
    const { store, endpoint } = await startLab();
    const account = store.addAccount('ann', 'secret');
    for (let count = 0; count < 5; count += 1) account.inbox.append({ raw: SMALL });
    const archive = account.ensureFolder(['Archive'], 'archive');
    await withImap(endpoint, async (client) => {
      await client.mailboxOpen('INBOX');
      const copied = await client.messageCopy('1:2', 'Archive', { uid: true });
      expect(answered(copied).uidMap).toEqual(
        new Map([
          [1, 1],
          [2, 2],
        ]),
      );
      const moved = await client.messageMove('3', 'Archive', { uid: true });
      expect(answered(moved).uidMap).toEqual(new Map([[3, 3]]));
      await client.messageDelete('1', { uid: true });
    });
    expect(account.inbox.messages.map(({ uid }) => uid)).toEqual([2, 4, 5]);
    expect(archive.messages.map(({ uid }) => uid)).toEqual([1, 2, 3]);
  });

  test('are found by uid, header, flag, date and size', async () => {
    const { store, endpoint } = await startLab();
    const { inbox } = store.addAccount('ann', 'secret');
    inbox.append({ raw: SMALL, internalDate: new Date('2020-01-01T12:00:00Z'), flags: ['\\Seen'] });
    inbox.append({
      raw: Buffer.from('X-Key: abc\r\nSubject: two\r\n\r\n'),
      internalDate: new Date('2021-01-01T12:00:00Z'),
    });
    await withImap(endpoint, async (client) => {
      await client.mailboxOpen('INBOX');
      const find = (query: Parameters<ImapFlow['search']>[0]) => client.search(query, { uid: true });
      expect(await find({ all: true })).toEqual([1, 2]);
      expect(await find({ uid: '2:*' })).toEqual([2]);
      expect(await find({ header: { 'X-Key': 'AB' } })).toEqual([2]);
      expect(await find({ header: { 'Message-ID': '<1@example.test>' } })).toEqual([1]);
      expect(await find({ since: new Date('2020-06-01') })).toEqual([2]);
      expect(await find({ before: new Date('2020-06-01') })).toEqual([1]);
      expect(await find({ seen: false })).toEqual([2]);
      expect(await find({ or: [{ subject: 'one' }, { subject: 'two' }] })).toEqual([1, 2]);
      expect(await find({ larger: 50, not: { seen: false } })).toEqual([1]);
    });
  });

  test('are fetched only when changed since a mod-sequence', async () => {
    const { store, endpoint } = await startLab();
    const { inbox } = store.addAccount('ann', 'secret');
    for (let count = 0; count < 3; count += 1) inbox.append({ raw: SMALL });
    const before = inbox.highestModSeq;
    inbox.setFlags(2, new Set(['\\Seen']));
    await withImap(endpoint, async (client) => {
      const opened = await client.mailboxOpen('INBOX');
      expect(opened.highestModseq).toBe(BigInt(before + 1));
      const changed = await client.fetchAll('1:*', { flags: true }, { uid: true, changedSince: BigInt(before) });
      expect(changed.map(({ uid, modseq }) => [uid, modseq])).toEqual([[2, BigInt(before + 1)]]);
    });
  });

  test('arrive during IDLE', async () => {
    const { store, endpoint } = await startLab();
    const { inbox } = store.addAccount('ann', 'secret');
    await withImap(endpoint, async (client) => {
      await client.mailboxOpen('INBOX');
      const arrived = once(client, 'exists');
      const idling = client.idle();
      inbox.append({ raw: SMALL });
      expect((await arrived)[0]).toMatchObject({ count: 1 });
      await client.noop();
      await idling;
    });
  });

  test('go several in one APPEND, all or none', async () => {
    const { store, port } = await startLab();
    const { inbox } = store.addAccount('ann', 'secret');
    const answer = await talk(port, [
      'a LOGIN ann secret',
      'b APPEND INBOX (\\Seen) {4+}',
      'A: b "03-Jul-2019 04:05:06 +0000" {4+}',
      'C: d',
      'c APPEND INBOX {4+}',
      'A: b {3+}',
      '\0\0\0',
      'd LOGOUT',
    ]);
    expect(answer).toContain(`b OK [APPENDUID ${inbox.uidValidity} 1:2]`);
    expect(answer).toContain('c BAD NUL');
    expect(inbox.messages.map(({ raw }) => raw.toString())).toEqual(['A: b', 'C: d']);
  });
});

describe('faults', () => {
  test('a command is refused by script and the connection lives on', async () => {
    const text = 'BAD Request is throttled. Suggested Backoff Time: 50 milliseconds';
    const { store, endpoint, server } = await startLab({
      hooks: { onCommand: ({ name, count }) => (name === 'APPEND' && count === 1 ? { reply: text } : undefined) },
    });
    const { inbox } = store.addAccount('ann', 'secret');
    await withImap(endpoint, async (client) => {
      await expect(client.append('INBOX', SMALL)).rejects.toThrow();
      await client.append('INBOX', SMALL);
    });
    expect(inbox.messages.length).toBe(1);
    expect(server.commandCounts.get('APPEND')).toBe(2);
  });

  test('a connection is cut after the effect and before the answer', async () => {
    const { store, endpoint } = await startLab({
      hooks: {
        onResponse: (response, command) =>
          command?.name === 'APPEND' && response.toString('latin1').startsWith(command.tag) ? 'drop' : undefined,
      },
    });
    const { inbox } = store.addAccount('ann', 'secret');
    await expect(withImap(endpoint, (client) => client.append('INBOX', SMALL))).rejects.toThrow();
    expect(inbox.messages.length).toBe(1);
  });

  test('a message over the limit is refused before it travels', async () => {
    const { store, endpoint } = await startLab({ maxMessageBytes: 50, capabilities: ['IMAP4rev1'] });
    const { inbox } = store.addAccount('ann', 'secret');
    await expect(withImap(endpoint, (client) => client.append('INBOX', SMALL))).rejects.toMatchObject({
      serverResponseCode: 'TOOBIG',
    });
    expect(inbox.messages.length).toBe(0);
  });

  test('UIDs are counted anew after a lost index', async () => {
    const { store, endpoint } = await startLab();
    const { inbox } = store.addAccount('ann', 'secret');
    inbox.append({ raw: SMALL });
    inbox.expunge([1]);
    inbox.append({ raw: SMALL });
    inbox.renumber(42);
    const status = await withImap(endpoint, (client) => client.status('INBOX', { uidValidity: true, uidNext: true }));
    expect(status).toMatchObject({ uidValidity: 42n, uidNext: 2 });
  });
});

async function startLab(
  options: Partial<ImapServerOptions> = {},
  storeOptions: MailStoreOptions = {},
): Promise<{ store: MailStore; server: ImapLabServer; endpoint: ImapEndpoint; port: number }> {
  const store = new MailStore(storeOptions);
  const server = await startImapServer({ store, ...options });
  servers.push(server);
  return {
    store,
    server,
    port: server.port,
    endpoint: { host: server.host, port: server.port, user: 'ann', pass: 'secret' },
  };
}

/** imapflow says `false` where a server refuses. */
function answered<Answer>(answer: Answer | false): Answer {
  if (answer === false) throw new Error('The server refused');
  return answer;
}

async function fetchAll(client: ImapFlow): Promise<Buffer[]> {
  await client.mailboxOpen('INBOX', { readOnly: true });
  const sources: Buffer[] = [];
  for await (const message of client.fetch('1:*', { uid: true, source: true })) {
    sources.push(message.source ?? Buffer.alloc(0));
  }
  return sources;
}

/** Sends lines as they are and gives all that came until the server hung up. */
async function talk(port: number, lines: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(lines.map((line) => `${line}\r\n`).join(''), 'latin1');
  return Buffer.concat(await socket.toArray()).toString('latin1');
}

async function issueCertificate(): Promise<{ key: string; cert: string }> {
  return await (await createAuthority()).issue(['localhost', '127.0.0.1']);
}
