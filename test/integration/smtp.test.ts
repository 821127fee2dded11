import nodemailer from 'nodemailer';
import { afterEach, expect, test } from 'vitest';
import { createAuthority } from '../../lab/authority.ts';
import { startImapServer } from '../../lab/imap/server.ts';
import { MailStore } from '../../lab/imap/store.ts';
import { withImap } from '../../lab/imap-client.ts';
import { deliverByImap, deliverToStore, forwardTo } from '../../lab/smtp/deliveries.ts';
import { type EntranceOptions, type SmtpEntrance, startSmtpEntrance } from '../../lab/smtp/entrance.ts';
import { type MailCatcher, startMailCatcher } from '../../lab/smtp/mail-catcher.ts';
import { createOutsideSender } from '../../lab/smtp/sender.ts';

const ANN = 'ann@example.test';
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

test('mail follows the MX, is forwarded while redirection is on, and arrives once with a trace of each hop', async () => {
  const store = new MailStore();
  store.addAccount(ANN, 'secret');
  const source = await entrance({ name: 'mx.source.test', deliver: deliverToStore(store) });
  const redirecting = forwardTo(source);
  const target = await entrance({ name: 'mx.target.test', deliver: redirecting });
  const sender = senderTo(target);
  const entry = await sender.sendMail({ from: 'bob@example.org', to: ANN, text: '.leading dot\r\nGrüße' });
  expect(entry.outcome).toBe('accepted');
  const texts = store.findAccount(ANN)?.inbox.messages.map(({ raw }) => raw.toString()) ?? [];
  expect(texts.length).toBe(1);
  expect(texts[0]).toContain(entry.token);
  expect(texts[0]).toContain('\r\n.leading dot\r\nGrüße\r\n');
  expect(texts[0]?.match(/^Received: from .*\r\n\tby (.*) with/gm)?.length).toBe(2);
  expect(sender.journal).toEqual([entry]);
});

test('mail is delivered over IMAP as the recipient', async () => {
  const store = new MailStore();
  store.addAccount(ANN, 'secret');
  const imap = await startImapServer({ store });
  open.push(imap);
  const endpoint = { host: imap.host, port: imap.port, user: ANN, pass: 'secret' };
  const mx = await entrance({ deliver: deliverByImap((recipient) => (recipient === ANN ? endpoint : null)) });
  await senderTo(mx).sendMail({ from: 'bob@example.org', to: ANN });
  expect(await withImap(endpoint, (client) => client.status('INBOX', { messages: true }))).toMatchObject({
    messages: 1,
  });
});

test('an unknown recipient, a foreign domain and a mail too large are refused for good', async () => {
  const mx = await entrance({
    knows: (recipient) => recipient === ANN,
    maxMessageBytes: 2_000,
    deliver: async () => undefined,
  });
  const sender = senderTo(mx);
  const attempts = [
    { from: 'bob@example.org', to: 'nobody@example.test' },
    { from: 'bob@example.org', to: 'ann@elsewhere.test' },
    { from: 'bob@example.org', to: ANN, text: 'x'.repeat(3_000) },
  ];
  for (const mail of attempts) expect((await sender.sendMail(mail)).outcome).toBe('refused');
  expect(mx.taken).toBe(0);
});

test('a failed delivery stays with the sender, who tries the next exchanger', async () => {
  const caught: string[] = [];
  const failing = await entrance({ deliver: () => Promise.reject(new Error('disk full')) });
  const second = await entrance({ deliver: async ({ raw }) => void caught.push(raw.toString()) });
  const sender = createOutsideSender(async () => [
    { exchange: 'second', host: second.host, port: second.port, priority: 20 },
    { exchange: 'first', host: failing.host, port: failing.port, priority: 10 },
  ]);
  expect(await sender.sendMail({ from: 'bob@example.org', to: ANN })).toMatchObject({
    outcome: 'accepted',
    via: 'second',
  });
  expect(caught.length).toBe(1);
  await second.close();
  expect(await sender.sendMail({ from: 'bob@example.org', to: ANN })).toMatchObject({ outcome: 'undelivered' });
});

test('STARTTLS is used where it is offered', async () => {
  const tls = await (await createAuthority()).issue(['localhost']);
  const caught: string[] = [];
  const mx = await entrance({ tls, deliver: async ({ raw }) => void caught.push(raw.toString()) });
  await senderTo(mx).sendMail({ from: 'bob@example.org', to: ANN });
  expect(caught[0]).toContain('with ESMTPS id');
});

test('the catcher shows what a person reads, however it was encoded', async () => {
  const catcher = await startCatcher();
  const mailer = nodemailer.createTransport({ host: catcher.host, port: catcher.smtpPort, secure: false });
  const link = 'https://ferry.example.test/approve/1?token=abc-def_123=';
  for (const [subject, encoding] of [
    ['Freigabe für Müller', 'quoted-printable'],
    ['Été', 'base64'],
  ] as const) {
    const arrived = catcher.waitFor((mail) => mail.subject === subject, 5_000);
    const text = `Bitte prüfen Sie die Liste: ${link}.\r\nGrüße`;
    await mailer.sendMail({
      from: 'ferry@example.test',
      to: ANN,
      subject,
      text,
      html: '<p>x</p>',
      textEncoding: encoding,
    });
    expect((await arrived).text).toContain('Bitte prüfen Sie');
    expect((await arrived).links).toEqual([link]);
  }
  const shown = (await (await fetch(`${catcher.url}/messages?to=${ANN}`)).json()) as { subject: string }[];
  expect(shown.map(({ subject }) => subject)).toEqual(['Freigabe für Müller', 'Été']);
  await expect(catcher.waitFor(() => false, 50)).rejects.toThrow('there are 2');
});

async function entrance(options: Partial<EntranceOptions> & Pick<EntranceOptions, 'deliver'>): Promise<SmtpEntrance> {
  const started = await startSmtpEntrance({ name: 'mx.example.test', domains: ['example.test'], ...options });
  open.push(started);
  return started;
}

async function startCatcher(): Promise<MailCatcher> {
  const catcher = await startMailCatcher({ domains: ['example.test'] });
  open.push(catcher);
  return catcher;
}

function senderTo({ host, port }: SmtpEntrance) {
  return createOutsideSender(async () => [{ exchange: 'mx', host, port }]);
}
