import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pass } from '../../domain/passes.ts';
import { type Dovecot, startDovecot } from '../../lab/dovecot.ts';
import { type SeedMail, seedMailbox } from '../../lab/mail/seed.ts';
import { startTcpProxy } from '../../lab/tcp-proxy.ts';
import { CopyStage, endpointOf, runPass } from '../support/copy-stage.ts';
import { PASSWORD } from '../support/imap-accounts.ts';
import { MailHistory, readMails } from '../support/mail-history.ts';

const INITIAL: Pass = { kind: 'initial', number: 1 };
const DELTA: Pass = { kind: 'delta', number: 2 };
/**
 * One unit: a single MULTIAPPEND of 3.9 MB. Its literals are large enough to be asked for, so a worker that is stopped in the first has
 * not given the others to its kernel, which would send them without it.
 */
const MAILS: readonly SeedMail[] = Array.from({ length: 3 }, (_, at) => ({
  folder: ['INBOX'],
  raw: Buffer.from(`Subject: ${at}\r\nFrom: ada@example.net\r\n\r\n${`${at} 0123456789abcdef\r\n`.repeat(65_000)}`),
}));
const UNIT_BYTES = MAILS.reduce((sum, { raw }) => sum + raw.length, 0);
const USERS = ['asleep', 'apart'];

let source: Dovecot;
let target: Dovecot;
let stage: CopyStage;
beforeAll(async () => {
  const users = USERS.map((name) => ({ name, password: PASSWORD }));
  [source, target, stage] = await Promise.all([startDovecot({ users }), startDovecot({ users }), CopyStage.open()]);
  for (const user of USERS) await seedMailbox(endpointOf(source, user), MAILS);
});
afterAll(async () => {
  await stage?.close();
  await Promise.all([source?.stop(), target?.stop()]);
});

async function expectWhole(user: string) {
  const history = new MailHistory();
  history.observe(await readMails(endpointOf(source, user)));
  expect(history.faultsOf(await readMails(endpointOf(target, user)))).toEqual([]);
}

test('a worker that slept in the middle of an APPEND and lost its mailbox sends no more of it, and records nothing', async () => {
  const line = await startTcpProxy({ target, bytesPerSecond: 400_000, holdsBytes: 65_536 });
  const mailbox = await stage.addMailbox('asleep', { source: source.port, target: line.port, maxConnections: 1 });
  const [zombie, successor] = [stage.startWorker(), stage.startWorker()];
  const late = zombie.run({ kind: 'copy', ...mailbox, pass: INITIAL });
  await expect.poll(() => line.counters.bytesToTarget, { timeout: 30_000, interval: 5 }).toBeGreaterThan(200_000);
  zombie.signal('SIGSTOP');
  expect(line.counters.bytesToTarget).toBeLessThan(UNIT_BYTES);

  await stage.reroute(mailbox, { source: source.port, target: target.port });
  const begun = performance.now();
  expect(await runPass(successor, mailbox, INITIAL)).toMatchObject({ moved: MAILS.length });
  expect(performance.now() - begun).toBeGreaterThan(4_000); // it waited until the other one could not write any more
  await expectWhole('asleep');

  zombie.signal('SIGCONT');
  expect(await late).toMatchObject({ code: 'LEASE_LOST' });
  await expect.poll(() => line.counters.heldBytes, { timeout: 30_000 }).toBe(0);
  expect(line.counters.bytesToTarget).toBeLessThan(UNIT_BYTES);
  await expectWhole('asleep');
  expect(await runPass(successor, mailbox, DELTA)).toMatchObject({ moved: 0 });
  await expectWhole('asleep');
  await line.close();
});

/** Without the fix of it, the line would bring the server the rest of a command that the successor has repeated. */
test('a worker that is cut off from ledger and target takes back what waits on the line when its lease has run out', async () => {
  const [line, ledgerLine] = await Promise.all([
    startTcpProxy({ target, bytesPerSecond: 4_000_000 }),
    startTcpProxy({ target: { host: '127.0.0.1', port: Number(new URL(stage.database.url).port) } }),
  ]);
  const databaseUrl = new URL(stage.database.url);
  databaseUrl.port = String(ledgerLine.port);
  const mailbox = await stage.addMailbox('apart', { source: source.port, target: line.port, maxConnections: 1 });
  const [cutOff, successor] = [stage.startWorker({ databaseUrl: databaseUrl.href }), stage.startWorker()];
  const late = cutOff.run({ kind: 'copy', ...mailbox, pass: INITIAL });
  await expect.poll(() => line.counters.bytesToTarget, { timeout: 30_000, interval: 5 }).toBeGreaterThan(200_000);
  line.blackhole();
  ledgerLine.blackhole();
  expect(line.counters.bytesToTarget).toBeLessThan(UNIT_BYTES);

  await stage.reroute(mailbox, { source: source.port, target: target.port });
  expect(await runPass(successor, mailbox, INITIAL)).toMatchObject({ moved: MAILS.length });
  expect(line.counters.heldBytes).toBe(0);
  await line.heal();
  await ledgerLine.heal();
  expect(await late).toMatchObject({ code: 'LEASE_LOST' });
  await expect.poll(() => line.counters.heldBytes, { timeout: 30_000 }).toBe(0);
  await expectWhole('apart');
  expect(await runPass(successor, mailbox, DELTA)).toMatchObject({ moved: 0 });
  await Promise.all([line.close(), ledgerLine.close()]);
});
