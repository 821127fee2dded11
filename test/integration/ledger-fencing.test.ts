import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Db } from '../../adapters/ledger/database.ts';
import { createPostgresLedger } from '../../adapters/ledger/ledger.ts';
import type { Pass } from '../../domain/passes.ts';
import type { Lease, Ledger } from '../../domain/ports/ledger.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { type LoadedMailbox, loadLedger } from '../support/ledger-load.ts';

const PASS: Pass = { kind: 'initial', number: 1 };

let database: TestDatabase;
let ledger: Ledger;
let mailbox: LoadedMailbox;
let lease: Lease;

beforeAll(async () => {
  database = await testDatabase();
  const [first] = await loadLedger(database.db, { mailboxes: 1, foldersEach: 1, messagesEach: 200 });
  if (first === undefined) throw new Error('nothing was loaded');
  mailbox = first;
  ledger = createPostgresLedger(database.db);
});
afterAll(async () => {
  await database?.drop();
});
beforeEach(async () => {
  lease = await ledger.takeLease(mailbox.id, 'worker 1');
});

/** A write that has done its work and is not committed yet, as one whose disk is slow. */
async function duringWrite(then: () => Promise<void>): Promise<void> {
  await database.db.transaction().execute(async (trx) => {
    await intend(createPostgresLedger(trx), 1);
    await then();
  });
}

async function intend(through: Ledger, uid: number): Promise<void> {
  const intent = { uidValidity: '1700000000', uid, fingerprint: 'f', copyFingerprint: null, targetUidNext: 1 };
  await through.recordIntents(lease, mailbox.folderIds[0] ?? '', [intent]);
}

async function waitingForLocks(db: Db): Promise<number> {
  const { rows } = await sql`
    select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`.execute(db);
  return rows.length;
}

test('a write waits neither for another write of its holder nor for a renewal', async () => {
  await duringWrite(async () => {
    await ledger.renewLease(lease);
    await intend(ledger, 2);
    await ledger.releaseLease(lease);
    await ledger.recordFolderFault(lease, mailbox.folderIds[0] ?? '', null);
  });
});

test('a renewal that is not through holds up no write', async () => {
  await database.db.transaction().execute(async (trx) => {
    await createPostgresLedger(trx).renewLease(lease);
    await intend(ledger, 2);
  });
});

test('a newcomer waits until the write is through: no write lands after it has the lease', async () => {
  let next: Promise<Lease> | null = null;
  let taken = false;
  await duringWrite(async () => {
    next = ledger.takeLease(mailbox.id, 'worker 2').then((newer) => {
      taken = true;
      return newer;
    });
    await expect.poll(() => waitingForLocks(database.db)).toBe(1);
    expect(taken).toBe(false);
  });
  expect(await next).toMatchObject({ fence: lease.fence + 1 });
  await expect(intend(ledger, 2)).rejects.toMatchObject({ code: 'LEASE_LOST' });
});

test('a write that began before a newcomer and comes to its turn after it changes nothing', async () => {
  let late: Promise<unknown> | null = null;
  await database.db.transaction().execute(async (trx) => {
    await createPostgresLedger(trx).takeLease(mailbox.id, 'worker 2');
    late = intend(ledger, 101).catch((error: unknown) => error);
    await expect.poll(() => waitingForLocks(database.db)).toBe(1);
  });
  expect(await late).toMatchObject({ code: 'LEASE_LOST' });
  expect((await ledger.listIntended(mailbox.id)).map(({ uid }) => uid)).not.toContain(101);
});

test('an adoption that waits for another sees what that one took', async () => {
  const folder = mailbox.folderIds[0] ?? '';
  const vanished = [{ firstUid: 10, lastUid: 10 }];
  await ledger.recordChanges(lease, folder, '1700000000', { flags: [], vanished });
  const [donor] = await database.db.selectFrom('messages').select('fingerprint').where('uid', '=', 10).execute();
  const adopt = (through: Ledger, uid: number) =>
    through.recordAdoptions(lease, folder, PASS, [
      { uidValidity: '1700000000', uid, fingerprint: donor?.fingerprint ?? '' },
    ]);
  let second: Promise<readonly number[]> | null = null;
  await database.db.transaction().execute(async (trx) => {
    expect(await adopt(createPostgresLedger(trx), 101)).toEqual([101]);
    second = adopt(ledger, 102);
    await expect.poll(() => waitingForLocks(database.db)).toBe(1);
  });
  expect(await second).toEqual([]);
});
