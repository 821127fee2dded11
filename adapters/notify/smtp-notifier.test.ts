import { SMTPServer } from 'smtp-server';
import { afterEach, expect, test } from 'vitest';
import { createSmtpNotifier } from './smtp-notifier.ts';

let server: SMTPServer | null = null;
afterEach(async () => {
  await new Promise<void>((resolve) => (server === null ? resolve() : server.close(() => resolve())));
  server = null;
});

async function catcher(): Promise<{ url: string; mails: string[] }> {
  const mails: string[] = [];
  const listening = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push(Buffer.concat(chunks).toString());
        done();
      });
    },
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const address = listening.server.address();
  return { url: `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, mails };
}

const notification = { id: 'out_7', to: 'ada@partner.example', subject: 'Zustimmung für März', text: 'Ein Satz.\n' };
const signal = new AbortController().signal;

test('a repeat carries the same Message-ID, so that a receiver can tell', async () => {
  const { url, mails } = await catcher();
  const notifier = createSmtpNotifier(`smtp://${url}`, 'Mailferry <mailferry@provider.example>');
  await notifier.send(notification, signal);
  await notifier.send(notification, signal);
  expect(mails).toHaveLength(2);
  const ids = mails.map((mail) => /^Message-ID: .*$/m.exec(mail)?.[0]);
  expect(ids[0]).toMatch(/^Message-ID: <out_7\.[0-9a-f]{32}@provider\.example>/);
  expect(ids[1]).toBe(ids[0]);
  for (const mail of mails) {
    expect(mail).toContain('Auto-Submitted: auto-generated');
  }
});

test('a password is never sent without TLS', async () => {
  const { url, mails } = await catcher();
  const notifier = createSmtpNotifier(`smtp://user:hunter2@${url}`, 'mailferry@provider.example');
  await expect(notifier.send(notification, signal)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  expect(mails).toEqual([]);
});

test('a server that is not there is HOST_UNREACHABLE', async () => {
  const notifier = createSmtpNotifier('smtp://127.0.0.1:9', 'mailferry@provider.example');
  await expect(notifier.send(notification, signal)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
});
