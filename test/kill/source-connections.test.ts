import { sql } from 'kysely';
import { afterEach, expect, test } from 'vitest';
import type { Pass } from '../../domain/passes.ts';
import type { ImapServerOptions } from '../../lab/imap/options.ts';
import { type ImapLabServer, startImapServer } from '../../lab/imap/server.ts';
import { MailStore } from '../../lab/imap/store.ts';
import type { SeedMail } from '../../lab/mail/seed.ts';
import { seedMailbox } from '../../lab/mail/seed.ts';
import { startTcpProxy } from '../../lab/tcp-proxy.ts';
import { CopyStage, endpointOf } from '../support/copy-stage.ts';
import type { CopyWorker } from '../support/copy-worker.ts';
import { PASSWORD } from '../support/imap-accounts.ts';
import { MailHistory, readMails } from '../support/mail-history.ts';

const INITIAL: Pass = { kind: 'initial', number: 1 };
const DELTA: Pass = { kind: 'delta', number: 2 };
const USERS = Array.from({ length: 12 }, (_, at) => `user${at}`);
/** Enough folders that one copy would like several lanes. */
const MAILS: readonly SeedMail[] = Array.from({ length: 60 }, (_, at) => ({
  folder: at % 6 === 0 ? ['INBOX'] : [`F${at % 6}`],
  raw: Buffer.from(`Subject: ${at}\r\nFrom: ada@example.net\r\n\r\n${'0123456789abcdef\r\n'.repeat(1_000)}`),
}));
const LIMIT = 3;
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startServer(options: Partial<ImapServerOptions>): Promise<ImapLabServer> {
  const store = new MailStore();
  for (const user of USERS) store.addAccount(user, PASSWORD);
  const server = await startImapServer({ store, ...options });
  ends.push(() => server.close());
  return server;
}

/** A source that is far enough away for copies to overlap, and what a test needs to know of it. */
async function setUp() {
  const [source, target, stage] = await Promise.all([
    startServer({ latencyMs: 3 }),
    startServer({ latencyMs: 3 }),
    CopyStage.open(),
  ]);
  ends.push(() => stage.close());
  return { source, target, stage };
}

async function expectCopied(source: ImapLabServer, target: ImapLabServer, users: readonly string[]) {
  for (const user of users) {
    const history = new MailHistory();
    history.observe(await readMails(endpointOf(source, user)));
    expect(history.faultsOf(await readMails(endpointOf(target, user))), user).toEqual([]);
  }
}

test('two workers with six mailboxes each never have more connections at the source than the plan allows', async () => {
  const { source, target, stage } = await setUp();
  for (const user of USERS) await seedMailbox(endpointOf(source, user), MAILS);
  const before = source.connections.ever;
  const mailboxes = await stage.addMailboxes(USERS, {
    source: source.port,
    target: target.port,
    maxConnections: LIMIT,
  });
  const workers = [stage.startWorker(), stage.startWorker()];
  const peaks: number[] = [];
  const watch = setInterval(() => peaks.push(source.connections.now), 1);
  const answers = await Promise.all(
    mailboxes.map((mailbox, at) => (workers[at % 2] as CopyWorker).run({ kind: 'copy', ...mailbox, pass: INITIAL })),
  );
  clearInterval(watch);
  expect(answers.map(({ code }) => code)).toEqual(USERS.map(() => null));
  // Seeding went one by one.
  expect(source.connections.peak).toBeLessThanOrEqual(LIMIT);
  expect(Math.max(...peaks)).toBe(LIMIT); // the limit was reached, so it was one
  expect(source.connections.ever - before).toBeGreaterThanOrEqual(USERS.length);
  await expectCopied(source, target, USERS);
  const again = await Promise.all(
    mailboxes.map((mailbox, at) => (workers[at % 2] as CopyWorker).run({ kind: 'copy', ...mailbox, pass: DELTA })),
  );
  expect(again.map(({ moved }) => moved)).toEqual(USERS.map(() => 0));
  expect(source.connections.peak).toBeLessThanOrEqual(LIMIT);
});

test('a copy gives its spare lanes back when another mailbox waits for a first one, and a dead worker its places', async () => {
  const { source, target, stage } = await setUp();
  const [large = '', small = '', last = ''] = USERS;
  await seedMailbox(endpointOf(source, large), Array.from({ length: 10 }, () => MAILS).flat());
  await seedMailbox(endpointOf(source, small), MAILS);
  await seedMailbox(endpointOf(source, last), MAILS);
  // 11 MB over three lanes of it take ten seconds.
  const narrow = await startTcpProxy({ target: { host: '127.0.0.1', port: source.port }, bytesPerSecond: 350_000 });
  ends.push(() => narrow.close());
  const ways = { source: narrow.port, target: target.port, maxConnections: LIMIT };
  const [one, two, three] = await stage.addMailboxes([large, small, last], ways);
  if (one === undefined || two === undefined || three === undefined) throw new Error('three were added');
  const [greedy, modest] = [stage.startWorker(), stage.startWorker()];

  const whole = greedy.run({ kind: 'copy', ...one, pass: INITIAL });
  await expect.poll(() => source.connections.now, { timeout: 20_000, interval: 5 }).toBe(LIMIT);
  const first = await Promise.race([
    whole.then(() => 'large'),
    modest.run({ kind: 'copy', ...two, pass: INITIAL }).then(({ code }) => code ?? 'small'),
  ]);
  expect(first).toBe('small'); // it did not have to wait for the end of the other one

  greedy.signal('SIGKILL');
  expect(await whole).toMatchObject({ code: 'KILLED' });
  expect(await modest.run({ kind: 'copy', ...three, pass: INITIAL })).toMatchObject({ code: null });
  expect(await modest.run({ kind: 'copy', ...one, pass: INITIAL, attempt: 2 })).toMatchObject({ code: null });
  expect(source.connections.peak).toBeLessThanOrEqual(LIMIT + 1); // by a process that is dead and not yet missed by the kernel
  await expectCopied(source, target, [large, small, last]);
  const taken = sql<{ count: number }>`select count(*) from host_places where expires_at > clock_timestamp()`;
  const takenNow = async () => (await taken.execute(stage.database.db)).rows[0]?.count;
  await expect.poll(takenNow, { timeout: 25_000 }).toBe(0); // nobody renews those of the dead
}, 120_000);
