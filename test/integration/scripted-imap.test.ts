import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import type { FolderPath } from '../../domain/mail.ts';
import type { MailSource, MailTarget } from '../../domain/ports/mail.ts';
import { imapConnector, PASSWORD, plainAccount, neverAborted as signal } from '../support/imap-accounts.ts';
import { type ScriptedImap, type ScriptedImapOptions, startScriptedImap } from '../support/scripted-imap.ts';
import { step } from '../support/scripted-steps.ts';

const RAW = Buffer.from('Subject: one\r\n\r\ncaf\xe9\r\n', 'latin1');
const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

describe('a script that says everything', () => {
  test('is kept byte for byte, eight bits and all', async () => {
    const everyByte = Buffer.from([...Array(256).keys()]);
    const server = await start({
      honest: null,
      script: [
        step.connection(),
        step.reply('* OK \xfc\r\n'),
        step.line('NOOP'),
        step.reply('* 1 FETCH (BODY[] {256}\r\n', everyByte, ')\r\n{tag} OK\r\n'),
        step.line(/^APPEND INBOX \{256\}$/),
        step.reply('+ go\r\n'),
        step.literal(),
        step.rest(),
        step.reply('{tag} OK done\r\n'),
        step.line('DONE'),
        step.close(),
      ],
    });
    const answer = await talk(server, [
      'a1 NOOP\r\n',
      Buffer.concat([Buffer.from('a2 APPEND INBOX {256}\r\n'), everyByte, Buffer.from('\r\nDONE\r\n')]),
    ]);
    expect(answer).toBe(
      `* OK \xfc\r\n* 1 FETCH (BODY[] {256}\r\n${everyByte.toString('latin1')})\r\na1 OK\r\n+ go\r\na2 OK done\r\n`,
    );
    expect(server.transcript.filter(({ from }) => from === 'client').map(({ text }) => text)).toEqual([
      'a1 NOOP',
      'a2 APPEND INBOX {256}',
      everyByte.toString('latin1'),
      '',
      'DONE',
    ]);
    server.done();
  });

  test('complains of a line that nobody expected', async () => {
    const server = await start({ honest: null, script: [step.line('NOOP'), step.close()] });
    await talk(server, ['a XYZZY\r\nb NOOP\r\n']);
    expect(() => server.done()).toThrow(/nobody expected "a XYZZY".*\n {2}a XYZZY\n {2}b NOOP/);
  });
});

describe('a script that is not done', () => {
  test('names the line that did not come', async () => {
    const server = await start({ script: [step.line(/^UID FETCH/), step.close()] });
    await talk(server, ['a LOGOUT\r\n']);
    expect(() => server.done()).toThrow('line /^UID FETCH/ came 0 of 1 times');
  });

  test('names the step before which the client went away', async () => {
    const server = await start({ script: [step.line(/^APPEND/), step.literal(), step.rest(), step.reply('x')] });
    const socket = await dial(server);
    socket.end('a APPEND INBOX {9+}\r\nfour');
    await once(socket.resume(), 'close');
    expect(() => server.done()).toThrow('came, but not as far as "rest"');
  });

  test('comes in the order of the script, unless in any', async () => {
    const script = [step.line('NOOP'), step.reply('{tag} OK 1\r\n'), step.line('CHECK'), step.reply('{tag} OK 2\r\n')];
    const lines = ['a CHECK\r\nb NOOP\r\nc LOGOUT\r\n'];
    const inOrder = await start({ script });
    expect(await talk(inOrder, lines)).toContain('b OK 1\r\n');
    expect(() => inOrder.done()).toThrow('line CHECK came 0 of 1');
    const inAny = await start({ script, anyOrder: true });
    expect(await talk(inAny, lines)).toContain('a OK 2\r\nb OK 1\r\n');
    inAny.done();
  });

  test('a scene comes as often as told, and one without a limit makes way for the next', async () => {
    const refuse = (text: string) => step.reply(`{tag} NO ${text}\r\n`);
    const server = await start({
      script: [
        step.line('NOOP', 2),
        refuse('1'),
        step.line('NOOP', Number.POSITIVE_INFINITY),
        refuse('2'),
        step.line('CHECK'),
        refuse('3'),
      ],
    });
    const answer = await talk(server, ['a NOOP\r\nb NOOP\r\nc NOOP\r\nd NOOP\r\ne CHECK\r\nf LOGOUT\r\n']);
    expect(answer.match(/^[a-e] NO \d/gm)).toEqual(['a NO 1', 'b NO 1', 'c NO 2', 'd NO 2', 'e NO 3']);
    server.done();
  });
});

describe('what the script leaves out', () => {
  test('an honest server does, with the literals of both sides', async () => {
    const server = await start({ script: [] });
    const target = await openTarget(server);
    const folder = await target.ensureFolder(['Büro'], null);
    await target.append(folder, { raw: RAW, flags: ['\\Seen'], receivedAt: '2026-01-02T03:04:05Z' });
    const [copy] = await collect(target.listMessages(folder, 1));
    expect(copy?.raw.equals(RAW)).toBe(true);
    const plain = await start({ script: [], honest: { capabilities: ['IMAP4rev1'] } });
    const slow = await openTarget(plain);
    await slow.append(await slow.ensureFolder(['INBOX'], 'inbox'), {
      raw: RAW,
      flags: [],
      receivedAt: '2026-01-02T03:04:05Z',
    });
    expect(inboxOf(plain).messages.map(({ raw }) => raw.equals(RAW))).toEqual([true]);
    server.done();
  });

  test('the effect happens and the answer is lost', async () => {
    const server = await start({ script: [step.line(/^APPEND/), step.effect(), step.reset()] });
    const target = await openTarget(server);
    const inbox = await target.ensureFolder(['INBOX'], 'inbox');
    const sent = target.append(inbox, { raw: RAW, flags: [], receivedAt: '2026-01-02T03:04:05Z' });
    await expect(sent).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(inboxOf(server).messages).toHaveLength(1);
    server.done();
  });

  test('the answer is changed on its way', async () => {
    const server = await start({
      script: [
        step.line(/^STATUS/),
        step.answer((bytes) => Buffer.from(String(bytes).replace('MESSAGES 1', 'MESSAGES 7'))),
      ],
    });
    inboxOf(server).append({ raw: RAW });
    const source = await openSource(server);
    const [inbox] = await collect(source.listFolders());
    expect(inbox && (await source.getStatus(inbox)).exists).toBe(1); // LIST has told it already
    expect(inbox && (await source.getStatus(inbox)).exists).toBe(7);
    server.done();
  });
});

describe('a hostile server', () => {
  test('T26: announces more bytes than it sends', async () => {
    const server = await start({
      script: [step.line(/^UID FETCH 1 .*BODY/), step.reply('* 1 FETCH (UID 1 BODY[] {900}\r\nshort'), step.close()],
    });
    inboxOf(server).append({ raw: RAW });
    await expect(readOne(await openSource(server), ['INBOX'])).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    server.done();
  });

  test('refuses to be talked to, for a while', async () => {
    const server = await start({ script: [step.connection(2), step.reply('* BYE busy\r\n'), step.close()] });
    for (let n = 0; n < 2; n += 1) await expect(openSource(server)).rejects.toMatchObject({ name: 'MigrationError' });
    await openSource(server);
    expect(server.connections).toBe(3);
    server.done();
  });

  test('sends one byte at a time', async () => {
    const answer = `* 1 FETCH (UID 1 FLAGS () INTERNALDATE "01-Jan-2026 00:00:00 +0000" RFC822.SIZE ${RAW.length} BODY[] {${RAW.length}}\r\n`;
    const server = await start({
      script: [step.line(/^UID FETCH 1 .*BODY/), step.slowly(1, 1, answer, RAW, ')\r\n{tag} OK done\r\n')],
    });
    inboxOf(server).append({ raw: Buffer.from('other') });
    expect((await readOne(await openSource(server), ['INBOX']))?.raw.equals(RAW)).toBe(true);
    expect(server.transcript.filter(({ from, text }) => from === 'server' && text.length === 1).length).toBeGreaterThan(
      answer.length,
    );
    server.done();
  });

  test('stalls on one connection, and another goes on', async () => {
    const server = await start({ script: [step.line(/^LIST/), step.stall()] });
    const stalled = await openSource(server);
    const controller = collect(stalled.listFolders());
    const reported = controller.catch((error: unknown) => error);
    await expect.poll(() => server.transcript.some(({ text }) => text.includes('LIST'))).toBe(true);
    expect(await collect((await openSource(server)).listFolders())).toHaveLength(1);
    await server.close();
    expect(await reported).toMatchObject({ code: 'CONNECTION_LOST' });
    server.done();
  });

  test('waits until the test says so', async () => {
    const gate = Promise.withResolvers<void>();
    const server = await start({
      script: [step.line('NOOP'), step.wait(gate.promise), step.reply('{tag} OK late\r\n')],
    });
    const socket = await dial(server);
    socket.write('a NOOP\r\n');
    await expect.poll(() => server.transcript.some(({ text }) => text === 'a NOOP')).toBe(true);
    expect(server.transcript.some(({ text }) => text.includes('late'))).toBe(false);
    gate.resolve();
    await expect.poll(() => server.transcript.some(({ text }) => text === 'a OK late\r\n')).toBe(true);
    server.done();
  });
});

async function start(options: ScriptedImapOptions): Promise<ScriptedImap> {
  const server = await startScriptedImap(options);
  server.store.addAccount('ann', PASSWORD);
  open.push(server);
  return server;
}

function inboxOf(server: ScriptedImap) {
  return server.store.addAccount('ann', PASSWORD).inbox;
}

async function openSource(server: ScriptedImap): Promise<MailSource> {
  const source = await imapConnector.openSource(plainAccount(server.port, 'ann'), signal);
  open.push(source);
  return source;
}

async function openTarget(server: ScriptedImap): Promise<MailTarget> {
  const target = await imapConnector.openTarget(plainAccount(server.port, 'ann'), signal);
  open.push(target);
  return target;
}

async function readOne(source: MailSource, path: FolderPath) {
  const folder = { id: path.join('/'), path, role: null, selectable: true };
  return await source.findMessage(folder, (await source.getStatus(folder)).uidValidity, 1);
}

async function dial(server: ScriptedImap): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  open.push({ close: () => socket.destroy() });
  return socket;
}

/** Sends what is given, all at once, and gives all that came until the server hung up. */
async function talk(server: ScriptedImap, sent: readonly (string | Buffer)[]): Promise<string> {
  const socket = await dial(server);
  for (const each of sent) socket.write(each);
  return Buffer.concat(await socket.toArray()).toString('latin1');
}
