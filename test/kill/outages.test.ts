import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../adapters/ledger/database.ts';
import { migrateToLatest } from '../../adapters/ledger/migrate.ts';
import { ERRORS, type ErrorCode } from '../../domain/errors.ts';
import type { Pass } from '../../domain/passes.ts';
import { findFreePort } from '../../embedded/ports.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../embedded/postgres.ts';
import { waitUntil } from '../../embedded/wait-until.ts';
import { type Dovecot, startDovecot } from '../../lab/dovecot.ts';
import { type SeedMail, seedMailbox } from '../../lab/mail/seed.ts';
import { CopyStage, endpointOf, runPass, type StagedMailbox } from '../support/copy-stage.ts';
import type { CopyWorker, WorkerAnswer } from '../support/copy-worker.ts';
import { PASSWORD } from '../support/imap-accounts.ts';
import { MailHistory, readMails } from '../support/mail-history.ts';
import { startTappedLine } from '../support/tapped-line.ts';

const INITIAL: Pass = { kind: 'initial', number: 1 };
const DELTA: Pass = { kind: 'delta', number: 2 };
const USER = 'ann';
const USERS = [{ name: USER, password: PASSWORD }];
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** So many messages of so many bytes each, over three folders. */
function mailsOf(count: number, sizeBytes: number): readonly SeedMail[] {
  return Array.from({ length: count }, (_, at) => ({
    folder: [['INBOX'], ['Archive'], ['Kunden']][at % 3] ?? ['INBOX'],
    raw: Buffer.from(
      `Subject: ${at}\r\nFrom: ada@example.net\r\n\r\n${`${at} 0123456789abcdef\r\n`.repeat(sizeBytes / 20)}`,
    ),
  }));
}

async function startServers(mails: readonly SeedMail[], targetSettings = '') {
  const [source, target] = await Promise.all([
    startDovecot({ users: USERS }),
    startDovecot({ users: USERS, settings: targetSettings }),
  ]);
  ends.push(() => Promise.all([source.stop(), target.stop()]));
  await seedMailbox(endpointOf(source, USER), mails);
  return { source, target };
}

async function expectDone(worker: CopyWorker, mailbox: StagedMailbox, source: Dovecot, target: Dovecot) {
  const history = new MailHistory();
  history.observe(await readMails(endpointOf(source, USER)));
  expect(history.faultsOf(await readMails(endpointOf(target, USER)))).toEqual([]);
  expect(await runPass(worker, mailbox, DELTA)).toMatchObject({ moved: 0 });
  expect(history.faultsOf(await readMails(endpointOf(target, USER)))).toEqual([]);
}

function reactionTo({ code }: WorkerAnswer): string {
  return code === null || code === 'BUG' || code === 'KILLED'
    ? String(code)
    : ERRORS[code satisfies ErrorCode].reaction;
}

describe('a ledger whose PostgreSQL is killed by force', () => {
  const KILLS = 4;

  async function startPostgres(): Promise<EmbeddedPostgres> {
    const dataDir = mkdtempSync(join(tmpdir(), 'mailferry-killed-database-'));
    ends.push(() => rmSync(dataDir, { recursive: true, force: true }));
    const postgres = await startEmbeddedPostgres({ dataDir, port: await findFreePort(), fast: true });
    ends.push(() => postgres.stop());
    return postgres;
  }

  test(`${KILLS} times in mid-copy has forgotten nothing, and the copy goes on when it is back`, async () => {
    const { source, target } = await startServers(mailsOf(120, 2_000));
    const postgres = await startPostgres();
    const db = openDatabase(postgres.url);
    await migrateToLatest(db);
    const stage = CopyStage.on({ url: postgres.url, db, drop: () => db.destroy() });
    ends.push(() => stage.close());
    let pieces = 0;
    let dieAt = Number.POSITIVE_INFINITY;
    const killed: number[] = [];
    const line = await startTappedLine('ledger', postgres.port, () => {
      pieces += 1;
      if (pieces !== dieAt) return true;
      const pid = postgres.pid();
      if (pid === null) throw new Error('PostgreSQL is down already');
      process.kill(pid, 'SIGKILL');
      killed.push(pid);
      return false;
    });
    ends.push(() => line.close());
    const url = new URL(postgres.url);
    url.port = String(line.port);
    const worker = stage.startWorker({ databaseUrl: url.href });
    const mailbox = await stage.addMailbox(USER, { source: source.port, target: target.port, maxConnections: 2 });
    for (let kill = 0; kill < KILLS; kill += 1) {
      [pieces, dieAt] = [0, 30 + 12 * kill];
      const answer = await worker.run({ kind: 'copy', ...mailbox, pass: INITIAL, attempt: kill + 1 });
      expect(reactionTo(answer), answer.message).toBe('retry');
      expect(killed).toHaveLength(kill + 1);
      // The worker may learn of the death before its supervisor does, for whom it is ready until then.
      const isNoticed = await waitUntil(() => postgres.pid() !== killed.at(-1), 30_000);
      expect(isNoticed).toBe(true);
      await postgres.whenReady();
    }
    dieAt = Number.POSITIVE_INFINITY;
    await runPass(worker, mailbox, INITIAL);
    await expectDone(worker, mailbox, source, target);
  }, 120_000);
});

/** Room for about half of the mail, by a quota of the server or by the disk itself. */
const MAIL_BYTES = 20_000;
const MAIL_COUNT = 120;

describe('a target that is full', () => {
  async function meet(source: Dovecot, target: Dovecot, code: ErrorCode, makeRoom: () => Promise<void>) {
    const stage = await CopyStage.open();
    ends.push(() => stage.close());
    const worker = stage.startWorker();
    const mailbox = await stage.addMailbox(USER, { source: source.port, target: target.port, maxConnections: 2 });
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      const answer = await worker.run({ kind: 'copy', ...mailbox, pass: INITIAL, attempt });
      expect(answer, answer.message).toMatchObject({ code });
    }
    const there = (await readMails(endpointOf(target, USER))).length;
    expect(there).toBeLessThan(MAIL_COUNT);
    await makeRoom();
    expect(await runPass(worker, mailbox, INITIAL)).toMatchObject({ moved: MAIL_COUNT - there });
    await expectDone(worker, mailbox, source, target);
  }

  test('by its quota holds the mailbox, which goes on when there is room', async () => {
    const quota = (size: string) => `
mail_plugins = quota
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=${size}
}
`;
    const { source, target } = await startServers(mailsOf(MAIL_COUNT, MAIL_BYTES), quota('1M'));
    await meet(source, target, 'QUOTA_EXCEEDED', () => target.restart({ settings: quota('100M') }));
    expect(ERRORS.QUOTA_EXCEEDED.reaction).toBe('pause'); // until a person has made room
  }, 120_000);

  // Measured against Dovecot 2.3: where its list of UIDs or an index does not fit, it says no more than "Internal error".
  test.runIf(mayMount())(
    'by its disk is tried again, and has lost nothing when there is room',
    async () => {
      const disk = mkdtempSync('/tmp/mailferry-small-disk-');
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=1777', 'none', disk]);
      ends.push(() => {
        execFileSync('umount', [disk]);
        rmSync(disk, { recursive: true });
      });
      const { source, target } = await startServers(
        mailsOf(MAIL_COUNT, MAIL_BYTES),
        `mail_location = maildir:${disk}/%u:LAYOUT=fs\n`,
      );
      await meet(source, target, 'SERVER_BUSY', async () => {
        execFileSync('mount', ['-o', 'remount,size=100m', disk]);
      });
    },
    120_000,
  );
});

function mayMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const place = join(tmpdir(), `mailferry-mount-${process.pid}`);
  mkdirSync(place);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', place], { stdio: 'ignore' });
    execFileSync('umount', [place]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
