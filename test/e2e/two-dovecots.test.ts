import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Migration, Report } from '../../cli/context.ts';
import { waitUntil } from '../../embedded/wait-until.ts';
import type { SeedMail } from '../../lab/mail/seed.ts';
import { type MailPair, readAll, startMailPair, writePlan } from './mail-pair.ts';
import { processesNaming, RunningService } from './running-service.ts';

const BIN = join(import.meta.dirname, '..', '..', 'bin', 'mailferry.js');
const USERS = ['anna', 'bert', 'clara'] as const;
/** Seconds where an organisation has days. */
const POLICY = ['quiet: 1s', 'stragglerEvery: 1s', 'deltaEvery: 1s', 'cutoverLead: 0s', 'window: 2'];
const STEP_LIMIT_MS = 120_000;
// The whole file takes 44 s on two quiet cores and took 162 s beside others that kept them busy.
vi.setConfig({ testTimeout: 300_000 });
/** By which the contact tells one mail from another. */
const ABOUT = {
  B2: /IMAP carries mail only/,
  data: /mail has been copied/,
  cutover: /ready to switch/,
  C4: /phones and tablets/,
  C6: /imported into the new mailboxes/,
  completion: /finished on our side/,
};

let folder: string;
let pair: MailPair;
let service: RunningService;
let id: string;
const mailsRead = new Set<string>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mailferry-e2e-'));
  const mails = Object.fromEntries(USERS.map((user) => [user, mailsOf(user)]));
  [pair, service] = await Promise.all([startMailPair(mails), RunningService.start(join(folder, 'home'), {}, BIN)]);
}, 180_000);
afterAll(async () => {
  await service?.close();
  await pair?.stop();
  if (folder !== undefined) {
    expect(await waitUntil(() => processesNaming(folder).length === 0, 5_000)).toBe(true);
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('a whole migration between two Dovecots by the command alone', () => {
  test('passes preflight, which leaves nothing behind', async () => {
    const { plan, mailboxes } = planOf('story');
    const out = await service.say('preflight', plan, mailboxes);
    expect(out).toContain('3 of 3 mailboxes can be moved.');
    expect(out).toMatch(/clara@example\.test +ok/);
    const all = await service.ask<Migration[]>('migration', 'list');
    expect(all.map(({ view }) => view.status)).toEqual(['cancelled']);
  });

  test('is created once however often it is sent, and starts', async () => {
    const { plan, mailboxes } = planOf('story');
    ({ id } = await service.ask<Migration>('migration', 'create', plan, mailboxes));
    expect(await service.say('migration', 'create', plan, mailboxes)).toContain(id);
    await service.say('migration', 'start', id);
    expect(await service.say('migration', 'watch', id)).toContain('A4');
    expect(await service.say('migration', 'status', id)).toMatch(/A4 .* waiting +client: no cutover date is set/);
  });

  test('waits for a date, then moves the mail and asks for what it cannot know', async () => {
    await service.say('migration', 'cutover-date', id, new Date(Date.now() + 10_000).toISOString());
    await untilWaiting('B2');
    await decideAsContact(await linkAbout(ABOUT.B2));
    await untilWaiting('B3');
    const link = await linkAbout(ABOUT.data);
    const guess = await service.run('gate', 'approve', '--link', link, '--code', '000000');
    expect(guess).toMatchObject({ code: 5, err: expect.stringContaining('No code was asked for yet') as string });
    await decideAsContact(link);
    await untilWaiting('B4');
    await service.say('migration', 'acknowledge', id, 'B4', '--note', 'Ada said so on the phone');
  });

  test('needs client and operator to cut over', async () => {
    await untilWaiting('C2');
    await approveAsOperator();
    expect((await statusOf()).step).toBe('C2');
    await decideAsContact(await linkAbout(ABOUT.cutover));
    await untilWaiting('C4');
    await decideAsContact(await linkAbout(ABOUT.C4));
  });

  test('is complete when both say so, and ends when the old server was quiet', async () => {
    await untilWaiting('C6');
    await decideAsContact(await linkAbout(ABOUT.C6));
    await untilWaiting('C7');
    await decideAsContact(await linkAbout(ABOUT.completion));
    await approveAsOperator();
    await until((view) => view.status === 'ended');
    const watched = await service.say('migration', 'watch', id);
    expect(watched).toContain('The migration has ended.');
    expect(await service.say('audit', 'verify')).toContain('intact');
  });

  test('leaves at the target exactly what the source has, with flags and dates', async () => {
    for (const user of USERS) {
      const source = await readAll(pair.endpoint('source', user));
      const target = await readAll(pair.endpoint('target', user));
      // The folder for sent mail goes by the name that the target knows it by.
      const { 'Gesendete Objekte': sent, ...others } = source;
      expect(target).toEqual({ ...others, Sent: sent });
      expect(Object.values(source).flat()).toHaveLength(mailsOf(user).length);
    }
  });

  test('reports the same numbers', async () => {
    const report = await service.ask<Report>('report', id);
    const total = USERS.reduce((sum, user) => sum + mailsOf(user).length, 0);
    expect(report.total).toEqual({
      ...{ source: total, copied: total, repaired: 0, wrapped: 0, alreadyThere: 0, vanished: 0 },
      ...{ excluded: 0, refused: 0, lost: 0, doubled: 0 },
    });
    expect(report.exceptions).toEqual([]);
    expect(report.mailboxes.map(({ address, tally }) => [address, tally.copied])).toEqual(
      USERS.map((user) => [`${user}@example.test`, mailsOf(user).length]),
    );
    const approved = report.gates.filter(({ state }) => state === 'approved');
    expect(approved.map(({ gate, decisions }) => [gate, decisions.length])).toEqual([
      ['data', 1],
      ['cutover', 2],
      ['completion', 2],
    ]);
  });

  test('moves nothing a second time', async () => {
    const before = await readAll(pair.endpoint('target', 'anna'));
    const { plan, mailboxes } = planOf('again');
    ({ id } = await service.ask<Migration>('migration', 'create', plan, mailboxes));
    await service.say('migration', 'start', id);
    await untilWaiting('A4');
    await service.say('migration', 'cutover-date', id, new Date(Date.now() + 60_000).toISOString());
    await untilWaiting('B2');
    const { total } = await service.ask<Report>('report', id);
    expect(total).toMatchObject({ copied: 0, repaired: 0, alreadyThere: total.source, lost: 0, doubled: 0 });
    expect(await readAll(pair.endpoint('target', 'anna'))).toEqual(before);
  });

  test('prints nothing that an operator has to wonder about', () => {
    const lines = service.printed.split('\n');
    const passwords = USERS.flatMap((user) => [pair.endpoint('source', user).pass, pair.endpoint('target', user).pass]);
    expect(lines.filter((line) => /"level":(40|50|60)|WARN|ERROR/.test(line))).toEqual([]);
    expect(lines.filter((line) => passwords.some((password) => line.includes(password)))).toEqual([]);
  });
});

function planOf(client: string) {
  const ports = { source: pair.source.port, target: pair.target.port };
  return writePlan(join(folder, 'plans'), client, ports, USERS, POLICY);
}

async function statusOf(): Promise<Migration['view']> {
  return (await service.ask<Migration>('migration', 'status', id)).view;
}

async function until(met: (view: Migration['view']) => boolean): Promise<void> {
  const inTime = await waitUntil(async () => met(await statusOf()), STEP_LIMIT_MS);
  if (!inTime) throw new Error(`the migration stays where it is:\n${await service.say('migration', 'status', id)}`);
}

/** Until a person has to act in this step. */
async function untilWaiting(step: string): Promise<void> {
  await until(({ step: now, waitingFor }) => now === step && waitingFor.some((party) => party !== 'service'));
}

/** As the contact does it: the link from one mail, the code from the other. */
async function decideAsContact(link: string): Promise<void> {
  const shown = await service.say('gate', 'show', '--link', link);
  expect(shown).toContain('Bäckerei Example');
  await service.say('gate', 'challenge', '--link', link);
  const code = /\b\d{6}\b/.exec(await nextMail('ada.codes@elsewhere.example', /Your code/))?.[0] ?? '';
  await service.say('gate', 'approve', '--link', link, '--code', code);
}

async function approveAsOperator(): Promise<void> {
  const { openGate } = await statusOf();
  await service.say('gate', 'approve', openGate?.gateId ?? '');
}

async function linkAbout(about: RegExp): Promise<string> {
  return /http:\S+#\S+/.exec(await nextMail('ada@partner.example', about))?.[0] ?? '';
}

/** The newest mail that was not read yet. */
async function nextMail(to: string, about: RegExp): Promise<string> {
  let found: { file: string; text: string } | undefined;
  await waitUntil(() => {
    found = mailsTo(to).findLast(({ file, text }) => !mailsRead.has(file) && about.test(text));
    return found !== undefined;
  }, 10_000);
  if (found === undefined) throw new Error(`no mail to ${to} came`);
  mailsRead.add(found.file);
  return found.text;
}

/** In the order in which they were written. */
function mailsTo(to: string): { file: string; text: string }[] {
  const place = join(service.home, 'mail');
  if (!existsSync(place)) return []; // made with the first mail
  return readdirSync(place)
    .filter((file) => file.endsWith('.eml'))
    .sort((left, right) => left.localeCompare(right, 'en', { numeric: true }))
    .map((file) => ({ file, text: decodeText(readFileSync(join(place, file), 'utf8')) }))
    .filter(({ text }) => text.includes(`To: ${to}`));
}

/** Quoted-printable (RFC 2045 §6.7), where a mail says so. */
function decodeText(mail: string): string {
  if (!/^content-transfer-encoding: quoted-printable/im.test(mail)) return mail;
  const joined = mail.replaceAll(/=\r?\n/g, '');
  const bytes = joined.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Raw messages of our own: twins, names that are not ASCII, flags, keywords, 8-bit and long lines. */
function mailsOf(user: string): SeedMail[] {
  const mails: SeedMail[] = [];
  const folders = [['INBOX'], ['Gesendete Objekte'], ['Rechnungen', 'März 2025'], ['日本語'], ['A & B']];
  for (const [place, folder] of folders.entries()) {
    for (let n = 0; n < 4; n += 1) {
      mails.push({
        folder,
        flags: [['\\Seen'], ['\\Flagged', '$Forwarded'], ['\\Answered', '\\Seen'], []][n] ?? [],
        internalDate: new Date(Date.UTC(2020 + place, n, 3, 4, 5, 6)),
        raw: messageOf(user, `${place}.${n}`, n === 1 ? `Grüße ${'x'.repeat(500)}` : 'Hello.'),
      });
    }
  }
  const twin = {
    folder: ['INBOX'],
    raw: messageOf(user, 'twin', 'The same twice.'),
    internalDate: new Date(86_400_000),
  };
  return [...mails, twin, twin];
}

function messageOf(user: string, name: string, text: string): Buffer {
  return Buffer.from(
    [
      `From: sender@example.org`,
      `To: ${user}@example.test`,
      `Subject: Message ${name}`,
      `Message-ID: <${name}.${Buffer.from(user).toString('hex')}@example.org>`,
      'Date: Wed, 01 Jan 2020 00:00:00 +0000',
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      '',
      text,
      '.',
      '',
    ].join('\r\n'),
  );
}
