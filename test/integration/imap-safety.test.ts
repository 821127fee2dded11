import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createImapConnector } from '../../adapters/imap/connector.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { ConnectionSecurity } from '../../domain/plan.ts';
import type { MailAccount } from '../../domain/ports/mail.ts';
import { ALL_CAPABILITIES, type ImapServerOptions } from '../../lab/imap/options.ts';
import { type ImapLabServer, startImapServer } from '../../lab/imap/server.ts';
import { MailStore } from '../../lab/imap/store.ts';

const USER = 'ann@example.test';
const SECRET = 'canary-secret-4711';
const connector = createImapConnector(
  { resolve: async () => SECRET },
  { timeouts: { connectMs: 3_000, greetingMs: 1_000, silenceMs: 3_000 } },
);
const live = () => new AbortController().signal;
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function account(port: number, security: ConnectionSecurity, allowInsecure = false): MailAccount {
  const endpoint = { host: '127.0.0.1', port, security, allowInsecure, caFile: null, maxConnections: 1 };
  return { endpoint, user: USER, secret: 'env:X' };
}

/** A server of a few lines: `answer` gives what is said to a command line. Keeps every byte that it was sent. */
async function startScript(greeting: string, answer: (tag: string, command: string) => string | null) {
  const received: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write(greeting);
    socket.on('data', (data) => {
      received.push(data);
      for (const line of data.toString('latin1').split('\r\n').filter(Boolean)) {
        const [tag = '', command = ''] = line.split(' ');
        const said = answer(tag, command.toUpperCase());
        if (said === null) socket.destroy();
        else socket.write(said);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // a TCP listener's address is never a string
  return { port, wire: () => Buffer.concat(received).toString('latin1') };
}

function expectNoCredentials(wire: string): void {
  for (const secret of [SECRET, USER, Buffer.from(SECRET).toString('base64').slice(0, 12), 'LOGIN', 'AUTHENTICATE']) {
    expect(wire).not.toContain(secret);
  }
}

const OK = (tag: string) => `${tag} OK done\r\n`;

describe('signing in', () => {
  test.each<[string, string, (tag: string, command: string) => string | null]>([
    ['offers no STARTTLS', 'IMAP4rev1 AUTH=PLAIN', (tag) => OK(tag)],
    ['answers BAD to STARTTLS', 'IMAP4rev1 STARTTLS AUTH=PLAIN', (tag) => `${tag} BAD no\r\n`],
    ['answers NO to STARTTLS', 'IMAP4rev1 STARTTLS AUTH=PLAIN', (tag) => `${tag} NO no\r\n`],
  ])('with required STARTTLS sends no credentials to a server that %s', async (_, capabilities, answer) => {
    const capability = (tag: string) => `* CAPABILITY ${capabilities}\r\n${OK(tag)}`;
    const script = await startScript(`* OK [CAPABILITY ${capabilities}] ready\r\n`, (tag, command) =>
      command === 'CAPABILITY' ? capability(tag) : answer(tag, command),
    );
    await expect(connector.openSource(account(script.port, 'starttls'), live())).rejects.toMatchObject({
      code: 'STARTTLS_MISSING',
    });
    expectNoCredentials(script.wire());
  });

  test('sends no credentials to a server that claims to know us already', async () => {
    const script = await startScript('* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n', OK);
    await expect(connector.openSource(account(script.port, 'starttls'), live())).rejects.toMatchObject({
      code: 'STARTTLS_MISSING',
    });
    expectNoCredentials(script.wire());
  });

  test('sends no credentials where plain text was not allowed in so many words', async () => {
    const script = await startScript('* OK [CAPABILITY IMAP4rev1] ready\r\n', OK);
    await expect(connector.openTarget(account(script.port, 'none'), live())).rejects.toMatchObject({
      code: 'STARTTLS_MISSING',
    });
    expect(script.wire()).toBe('');
  });

  test('sends no credentials over TLS to a server that does not speak it', async () => {
    const script = await startScript('* OK [CAPABILITY IMAP4rev1] ready\r\n', OK);
    await expect(connector.openSource(account(script.port, 'tls'), live())).rejects.toMatchObject({
      code: 'TLS_UNTRUSTED',
    });
    expectNoCredentials(script.wire());
  });

  test.each([
    ['[AUTHENTICATIONFAILED] Authentication failed.', 'AUTH_FAILED'],
    ['Invalid credentials', 'AUTH_FAILED'],
    ['[UNAVAILABLE] Account is temporarily unavailable.', 'SERVER_BUSY'],
    ['Account is temporarily unavailable.', 'SERVER_BUSY'],
    ['[LIMIT] Too many connections', 'SERVER_BUSY'],
    ['[INUSE] Another session has it', 'SERVER_BUSY'],
    ['[THROTTLED] Slow down', 'THROTTLED'],
    ['User is authenticated but not connected.', 'MAILBOX_MISSING'],
    ['IMAP access is disabled for this user', 'IMAP_OFF'],
  ])('T55, T56: tells "%s" apart as %s, after one try', async (text, code) => {
    let tries = 0;
    const script = await startScript('* OK [CAPABILITY IMAP4rev1] ready\r\n', (tag, command) => {
      if (command === 'CAPABILITY') return `* CAPABILITY IMAP4rev1\r\n${OK(tag)}`;
      if (command !== 'LOGIN') return OK(tag);
      tries += 1;
      return `${tag} NO ${text}\r\n`;
    });
    const failure = await connector.openSource(account(script.port, 'none', true), live()).catch((error) => error);
    expect(failure).toBeInstanceOf(MigrationError);
    expect(failure.code).toBe(code);
    expect(tries).toBe(1);
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure)) + String(failure.cause)).not.toContain(SECRET);
  });

  test.each([
    [USER, 'User is authenticated but not connected.', 'MAILBOX_MISSING', /no licence/],
    [`${USER}\\shared`, 'User is authenticated but not connected.', 'MAILBOX_MISSING', /shared mailbox/],
    [USER, 'IMAP4 is disabled', 'IMAP_OFF', /turned off/],
  ])('T55: says of %s what "%s" means', async (user, text, code, words) => {
    const script = await startScript('* OK [CAPABILITY IMAP4rev1] ready\r\n', (tag, command) =>
      command === 'LOGIN' ? `${tag} BAD ${text}\r\n` : OK(tag),
    );
    await expect(connector.openSource({ ...account(script.port, 'none', true), user }, live())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(words),
    });
  });

  test('T55: knows it from the first command after a sign-in that went well, too', async () => {
    const script = await startScript('* OK [CAPABILITY IMAP4rev1] ready\r\n', (tag, command) =>
      command === 'STATUS' ? `${tag} BAD User is authenticated but not connected.\r\n` : OK(tag),
    );
    const source = await connector.openSource(account(script.port, 'none', true), live());
    closers.push(() => source.close());
    const inbox = { id: 'INBOX', path: ['INBOX'], role: 'inbox', selectable: true } as const;
    await expect(source.getStatus(inbox)).rejects.toMatchObject({ code: 'MAILBOX_MISSING' });
  });

  test('reads a source that refuses to ENABLE what it offers', async () => {
    const script = await startScript(
      '* OK [CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC] ready\r\n',
      (tag, command) => {
        if (command === 'CAPABILITY') return `* CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC\r\n${OK(tag)}`;
        return command === 'ENABLE' ? `${tag} BAD no\r\n` : OK(tag);
      },
    );
    const source = await connector.openSource(account(script.port, 'none', true), live());
    closers.push(() => source.close());
    expect(source.tracks).toBe('flags');
  });

  test('takes a greeting of BYE for a busy server and silence for an unreachable one', async () => {
    const bye = await startScript('* BYE Maximum number of connections exceeded\r\n', () => null);
    await expect(connector.openSource(account(bye.port, 'none', true), live())).rejects.toMatchObject({
      code: 'SERVER_BUSY',
    });
    const mute = await startScript('', () => null);
    await expect(connector.openSource(account(mute.port, 'none', true), live())).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
    });
  });

  test('names a port where nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // as above
    server.close();
    await once(server, 'close');
    await expect(connector.openSource(account(port, 'tls'), live())).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
    });
  });

  test('stops at once when it is told to', async () => {
    const mute = await startScript('', () => null);
    const controller = new AbortController();
    const opening = connector.openSource(account(mute.port, 'none', true), controller.signal);
    controller.abort(new Error('enough'));
    await expect(opening).rejects.toThrow('enough');
  });
});

describe('an open session', () => {
  async function openLab(options: Partial<ImapServerOptions> = {}, signal = live()) {
    const store = new MailStore();
    const inbox = store.addAccount(USER, SECRET).inbox;
    const server: ImapLabServer = await startImapServer({ store, ...options });
    const target = await connector.openTarget(account(server.port, 'none', true), signal);
    closers.push(async () => {
      await target.close();
      await server.close();
    });
    return { inbox, server, target, folder: await target.ensureFolder(['INBOX'], 'inbox') };
  }
  const message = { raw: Buffer.from('Subject: x\r\n\r\ny\r\n'), flags: [] as string[], receivedAt: null };
  const refuse = (text: string): Partial<ImapServerOptions> => ({ hooks: { onAppend: () => ({ reply: text }) } });

  test.each([
    ['NO [OVERQUOTA] Quota exceeded', 'QUOTA_EXCEEDED'],
    ['NO Quota exceeded (mailbox for user is full)', 'QUOTA_EXCEEDED'],
    ['NO [TOOBIG] Message too large.', 'MESSAGE_TOO_LARGE'],
    ['NO Message size exceeds fixed maximum message size', 'MESSAGE_TOO_LARGE'],
    ['NO [TRYCREATE] Mailbox does not exist', 'FOLDER_VANISHED'],
    ['NO [UNAVAILABLE] Backend is down', 'SERVER_BUSY'],
    ['BAD Command Argument Error. 11', 'MESSAGE_REFUSED'],
    ['NO [CANNOT] Virus found', 'MALWARE_REFUSED'],
    ['NO Message rejected: infected with Eicar-Test-Signature', 'MALWARE_REFUSED'],
    ['NO Maximum size of appendable message has been exceeded', 'MESSAGE_TOO_LARGE'],
    ['NO Server Unavailable. 15', 'SERVER_BUSY'],
    ['NO [INUSE] Mailbox in use', 'SERVER_BUSY'],
    ['NO [LIMIT] Too many', 'SERVER_BUSY'],
    ['NO [THROTTLED] Slow down', 'THROTTLED'],
    ['NO User is authenticated but not connected.', 'MAILBOX_MISSING'],
  ])('takes "%s" to APPEND for %s', async (reply, code) => {
    const { target, folder, inbox } = await openLab(refuse(reply));
    await expect(target.append(folder, message)).rejects.toMatchObject({ code });
    expect(inbox.messages).toHaveLength(0);
  });

  test('T53: hands a back-off on to the millisecond and does not wait itself', async () => {
    const { target, folder } = await openLab(
      refuse('BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds'),
    );
    const before = performance.now();
    await expect(target.append(folder, message)).rejects.toMatchObject({ code: 'THROTTLED', retryAfterMs: 299_961 });
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  test('T24: does not send what is over an announced limit', async () => {
    const { target, folder } = await openLab({
      capabilities: [...ALL_CAPABILITIES, 'APPENDLIMIT=10'],
      maxMessageBytes: 10,
    });
    await expect(target.append(folder, message)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  });

  test('T51: a connection that ends after APPEND was sent is an unknown outcome', async () => {
    const { target, folder, inbox } = await openLab({
      hooks: {
        onResponse: (response, command) =>
          command?.name === 'APPEND' && response.includes(' OK ') ? 'drop' : undefined,
      },
    });
    await expect(target.append(folder, message)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(inbox.messages).toHaveLength(1);
  });

  test('T51: BYE to an APPEND, as Exchange says after ten errors, is an unknown outcome', async () => {
    const { target, folder } = await openLab({
      hooks: {
        onCommand: ({ name }) => (name === 'APPEND' ? { raw: '* BYE Too many errors. Closing.\r\n' } : undefined),
      },
    });
    const appending = target.append(folder, message);
    await expect(appending).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });

  test('drops flags that the target does not take, and says which', async () => {
    const { target, folder, inbox } = await openLab({
      hooks: {
        onAppend: (incoming) =>
          incoming.flags.some((flag) => flag.startsWith('$')) ? { reply: 'NO Keywords are not supported' } : incoming,
      },
    });
    const { droppedFlags } = await target.append(folder, { ...message, flags: ['\\Seen', '\\Strange', '$Label1'] });
    expect(droppedFlags).toEqual(['\\Strange', '$Label1']);
    expect([...(inbox.messages[0]?.flags ?? [])]).toEqual(['\\Seen']);
    expect(inbox.messages).toHaveLength(1);
  });

  test('ends with the reason of the signal when it is aborted in mid-call', async () => {
    const controller = new AbortController();
    const { target, folder } = await openLab(
      {
        hooks: {
          onCommand: (command) => {
            if (command.name === 'APPEND') controller.abort(new Error('cancelled'));
            return undefined;
          },
        },
      },
      controller.signal,
    );
    await expect(target.append(folder, message)).rejects.toThrow('cancelled');
  });

  test('T26: names a message that comes shorter than announced', async () => {
    const store = new MailStore();
    store.addAccount(USER, SECRET).inbox.append({ raw: message.raw });
    const server = await startImapServer({
      store,
      hooks: {
        onResponse: (response) =>
          response.includes('RFC822.SIZE')
            ? Buffer.from(response.toString('latin1').replace(/RFC822\.SIZE \d+/, 'RFC822.SIZE 99'), 'latin1')
            : undefined,
      },
    });
    const source = await connector.openSource(account(server.port, 'none', true), live());
    closers.push(
      () => source.close(),
      () => server.close(),
    );
    const inbox = { id: 'INBOX', path: ['INBOX'], role: 'inbox', selectable: true } as const;
    const { uidValidity } = await source.getStatus(inbox);
    await expect(source.findMessage(inbox, uidValidity, 1)).rejects.toMatchObject({ code: 'MESSAGE_DAMAGED' });
  });

  test('T10: keeps folder names that are no proper modified UTF-7', async () => {
    const store = new MailStore();
    const owner = store.addAccount(USER, SECRET);
    for (const [at, wireName] of ['R&D', 'a&-b&', '&AOQ'].entries()) {
      owner.ensureFolder([`odd ${at}`], null, wireName).append({ raw: message.raw });
    }
    const server = await startImapServer({ store });
    const source = await connector.openSource(account(server.port, 'none', true), live());
    closers.push(
      () => source.close(),
      () => server.close(),
    );
    const seen: string[] = [];
    for await (const folder of source.listFolders()) {
      const { exists } = await source.getStatus(folder);
      if (exists === 1) seen.push(folder.path.join('|'));
      for await (const entry of source.listMessages(folder)) expect(entry.uid).toBe(1);
    }
    expect(seen.toSorted()).toEqual(['&AOQ', 'R&D', 'a&-b&'].toSorted());
  });
});
