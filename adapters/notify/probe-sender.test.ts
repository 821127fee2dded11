import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterEach, expect, test } from 'vitest';
import { createProbeSender } from './probe-sender.ts';

const probe = {
  from: 'probe@provider.example',
  to: 'anna@example.test',
  token: '0a1b2c',
  subject: 'Prüfung',
  text: 'Text.\r\n',
};
const signal = new AbortController().signal;

let closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
});

async function entrance(refuse?: number): Promise<{ port: number; mails: string[] }> {
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    onRcptTo: (_address, _session, done) =>
      refuse === undefined ? done() : done(Object.assign(new Error('no'), { responseCode: refuse })),
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push(Buffer.concat(chunks).toString());
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, mails };
}

test('a probe carries its token, and one Message-ID over repeats', async () => {
  const { port, mails } = await entrance();
  const sender = createProbeSender();
  await sender.send({ host: '127.0.0.1', port }, probe, signal);
  await sender.send({ host: '127.0.0.1', port }, probe, signal);
  expect(mails).toHaveLength(2);
  for (const mail of mails) {
    expect(mail).toMatch(/^X-Mailferry-Probe: 0a1b2c\r$/m);
    expect(mail).toMatch(/^Message-ID: <probe\.0a1b2c@provider\.example>\r$/im);
  }
});

test.each([
  [550, 'MESSAGE_REFUSED'],
  [451, 'CONNECTION_LOST'],
])('an entrance that answers %i is %s', async (status, code) => {
  const { port } = await entrance(status);
  await expect(createProbeSender().send({ host: '127.0.0.1', port }, probe, signal)).rejects.toMatchObject({ code });
});

test('nobody at the entrance is HOST_UNREACHABLE', async () => {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  await expect(createProbeSender().send({ host: '127.0.0.1', port }, probe, signal)).rejects.toMatchObject({
    code: 'HOST_UNREACHABLE',
  });
});
