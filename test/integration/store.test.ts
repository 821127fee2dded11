import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../adapters/ledger/database.ts';
import { createPostgresLedger } from '../../adapters/ledger/ledger.ts';
import { migrateToLatest } from '../../adapters/ledger/migrate.ts';
import { createMigrationStore } from '../../adapters/ledger/migration-store.ts';
import { collect } from '../../domain/collect.ts';
import { EMPTY_TALLY } from '../../domain/mail.ts';
import type { Pass } from '../../domain/passes.ts';
import type { MigrationStore } from '../../domain/ports/store.ts';
import type { MailboxRoutes } from '../../domain/routes.ts';
import { NO_FINDING } from '../contract/ledger-stage.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { testEndpoint, testMailbox, testPlan, testView } from '../support/plans.ts';

const FIRST: Pass = { kind: 'initial', number: 1 };
const SECOND: Pass = { kind: 'delta', number: 2 };

let database: TestDatabase;
let store: MigrationStore;
let made = 0;

beforeAll(async () => {
  database = await testDatabase();
  store = createMigrationStore(database.db);
});
afterAll(async () => {
  await database?.drop();
});

/** A migration to a target host of its own, so that tests do not meet at a mailbox. */
async function newMigration(names: readonly string[]): Promise<{ id: string; mailboxes: string[] }> {
  made++;
  const id = `mig_${made}`;
  const target = { kind: 'imap' as const, imap: testEndpoint(`target${made}.example.test`) };
  const mailboxes = names.map((name) => testMailbox(name));
  await store.createMigration({ id, plan: testPlan({ target }), mailboxes, createdBy: 'op_1' });
  const stored = await store.pageMailboxes(id, 0, 1_000);
  return { id, mailboxes: stored.map((mailbox) => mailbox.id) };
}

describe('the schema', () => {
  test('is made once when five processes start at the same moment', async () => {
    const empty = await testDatabase({ migrate: false });
    const processes = Array.from({ length: 5 }, () => openDatabase(empty.url));
    try {
      const applied = await Promise.all(processes.map(migrateToLatest));
      expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
    } finally {
      await Promise.all(processes.map((db) => db.destroy()));
      await empty.drop();
    }
  });

  test('spreads messages over 16 partitions', async () => {
    const { rows } = await sql`select inhrelid from pg_inherits where inhparent = 'messages'::regclass`.execute(
      database.db,
    );
    expect(rows).toHaveLength(16);
  });

  test('has no column of messages that could hold a subject or a body', async () => {
    const { rows } = await sql<{ name: string }>`
      select attname as name from pg_attribute join pg_type on pg_type.oid = atttypid
      where attrelid = 'messages'::regclass and attnum > 0 and not attisdropped
        and (typcategory in ('S', 'A', 'U') or typname in ('json', 'jsonb', 'bytea', 'xml'))`.execute(database.db);
    // Whoever adds a column says here what words it holds. None of these is from inside a message.
    const known = {
      uid_validity: 'number of the source folder',
      internal_date: 'RFC 3339',
      flags: 'system flags and keywords',
      state: 'one of nine words',
      fingerprint: 'SHA-256',
      copy_fingerprint: 'SHA-256',
      target_uid_validity: 'number of the target folder',
      code: 'of our errors',
      detail: 'our words: why refused or excluded, what was repaired',
      delivered_flags: 'as flags',
      delivered_at: 'RFC 3339',
      origin_id: 'a number of Gmail',
      removal: 'one of two',
      intent_state: 'one of three',
    };
    expect(rows.map(({ name }) => name).toSorted()).toEqual(Object.keys(known).toSorted());
  });
});

describe('a database that is away', () => {
  test('is DATABASE_UNAVAILABLE where nobody listens', async () => {
    const db = openDatabase('postgres://nobody@127.0.0.1:1/nothing');
    await expect(createMigrationStore(db).getMigration('mig_1')).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    });
    await db.destroy();
  });

  test('is DATABASE_UNAVAILABLE when it ends a connection in the middle of a statement, and works again after', async () => {
    const db = openDatabase(database.url);
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
    const sleeping = sql`select pg_sleep(60)`.execute(db).catch((error: unknown) => error);
    const kill = sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where pid = ${rows[0]?.pid} and query like 'select pg_sleep%' and state = 'active'`;
    await expect.poll(async () => (await kill.execute(database.db)).rows.length).toBe(1);
    expect(await sleeping).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect((await sql`select 1`.execute(db)).rows).toHaveLength(1);
    await db.destroy();
  });

  test('is DATABASE_UNAVAILABLE when a statement takes too long', async () => {
    const db = openDatabase(database.url, { statementTimeoutMs: 20 });
    await expect(sql`select pg_sleep(60)`.execute(db)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await db.destroy();
  });
});

describe('a migration', () => {
  test('is stored once, however often and at what moment the request comes', async () => {
    const input = { id: 'mig_same', plan: testPlan(), mailboxes: [testMailbox('anna')], createdBy: 'op_1' };
    await Promise.all(Array.from({ length: 10 }, () => store.createMigration(input)));
    expect(await store.pageMailboxes('mig_same', 0, 10)).toHaveLength(1);
    const stored = await store.getMigration('mig_same');
    expect(stored).toMatchObject({ id: 'mig_same', plan: testPlan(), createdBy: 'op_1', view: null });
    expect(Date.now() - Date.parse(stored.createdAt)).toBeLessThan(60_000);
  });

  test('that nobody knows is NOT_FOUND', async () => {
    const notFound = { code: 'NOT_FOUND' };
    await expect(store.getMigration('mig_none')).rejects.toMatchObject(notFound);
    await expect(store.getMailbox('mbx_none')).rejects.toMatchObject(notFound);
    await expect(store.recordView('mig_none', testView())).rejects.toMatchObject(notFound);
    await expect(store.addMailboxes('mig_none', 'c', [])).rejects.toMatchObject(notFound);
  });

  test('is listed with the others', async () => {
    const { id } = await newMigration([]);
    expect((await collect(store.listMigrations())).map((migration) => migration.id)).toContain(id);
  });

  test('that has ended is not brought back by a view that comes late', async () => {
    const { id } = await newMigration([]);
    await store.recordView(id, testView({ status: 'ended' }));
    await store.recordView(id, testView({ status: 'running' }));
    expect((await store.getMigration(id)).view?.status).toBe('ended');
  });
});

describe('a target mailbox (T38)', () => {
  const input = (id: string, user: string) => ({
    id,
    plan: testPlan({ target: { kind: 'imap', imap: testEndpoint('Shared.Example.Test') } }),
    mailboxes: [testMailbox('own', { targetUser: id }), testMailbox('other', { targetUser: user })],
    createdBy: 'op_1',
  });
  const conflict = { code: 'CONFLICT' };

  test('is refused to a second migration, whatever the case of its name, and nothing is left of that one', async () => {
    await store.createMigration(input('mig_t1', 'Anna@example.test'));
    await expect(store.createMigration(input('mig_t2', 'aNNa@example.test'))).rejects.toMatchObject({
      ...conflict,
      facts: { otherMigrationId: 'mig_t1' },
    });
    await expect(store.getMigration('mig_t2')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test.each(['ended', 'cancelled'] as const)('is free again when the migration has %s', async (status) => {
    await store.createMigration(input(`mig_${status}_1`, `${status}@example.test`));
    await store.recordView(`mig_${status}_1`, testView({ status: 'in-support' }));
    await expect(store.createMigration(input(`mig_${status}_2`, `${status}@example.test`))).rejects.toMatchObject(
      conflict,
    );
    await store.recordView(`mig_${status}_1`, testView({ status }));
    await store.createMigration(input(`mig_${status}_2`, `${status}@example.test`));
  });

  test('goes to one of ten migrations that ask at the same moment', async () => {
    const asked = Array.from({ length: 10 }, (_, n) =>
      store.createMigration(input(`mig_race_${n}`, 'race@example.test')),
    );
    const results = await Promise.allSettled(asked);
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject(conflict);
  });

  test('is refused when it is added later, and is free again when it is dropped', async () => {
    await store.createMigration(input('mig_t5', 'eve@example.test'));
    await store.createMigration(input('mig_t6', 'six@example.test'));
    const eve = testMailbox('eve', { targetUser: 'eve@example.test' });
    await expect(store.addMailboxes('mig_t6', 'change', [eve])).rejects.toMatchObject(conflict);
    const [, other] = await store.pageMailboxes('mig_t5', 0, 10);
    await store.dropMailboxes('mig_t5', [other?.id ?? '']);
    expect(await store.addMailboxes('mig_t6', 'change', [eve])).toHaveLength(1);
  });
});

describe('the list of mailboxes', () => {
  test('is read in pages, in the order of the plan, without those dropped', async () => {
    const { id, mailboxes } = await newMigration(['a', 'b', 'c', 'd', 'e']);
    await store.dropMailboxes(id, [mailboxes[1] ?? '']);
    const first = await store.pageMailboxes(id, 0, 2);
    expect(first.map((mailbox) => mailbox.planned.displayName)).toEqual(['a', 'c']);
    const second = await store.pageMailboxes(id, first[1]?.position ?? 0, 10);
    expect(second.map((mailbox) => mailbox.planned.displayName)).toEqual(['d', 'e']);
    const views = await collect(store.listMailboxes(id));
    expect(views.map((view) => view.status)).toEqual(['listed', 'dropped', 'listed', 'listed', 'listed']);
    expect(views[0]).toMatchObject({ address: 'a@example.test', tally: EMPTY_TALLY, lastPass: null, preflight: null });
  });

  test('keeps what a probe found of its routes, and a migration what was found of rights, the newest of each', async () => {
    const { id, mailboxes } = await newMigration(['a', 'b']);
    const [a = '', b = ''] = mailboxes;
    expect(await store.findRoutes(a)).toBeNull();
    const verdict = {
      route: 'imap',
      usable: true,
      fidelity: 'bytes',
      findings: ['Größe \0'],
      probedAt: '2026-11-26T05:00:00Z',
    } as const;
    const routes: MailboxRoutes = { verdicts: [verdict], chosen: 'imap', probedAt: verdict.probedAt, doubt: null };
    await store.recordRoutes(a, routes);
    await store.recordRoutes(a, { ...routes, doubt: 'IMAP_OFF' });
    expect(await store.findRoutes(a)).toMatchObject({
      chosen: 'imap',
      doubt: 'IMAP_OFF',
      verdicts: [{ route: 'imap' }],
    });
    expect((await store.getMailboxView(a)).routes?.doubt).toBe('IMAP_OFF');
    expect((await store.getMailboxView(b)).routes).toBeNull();
    await expect(store.recordRoutes('mbx_none', routes)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const access = { checkedAt: '2026-11-26T05:00:00Z', rows: [], settings: [], faults: [] };
    expect(await store.findAccess(id)).toBeNull();
    await store.recordAccess(id, access);
    expect(await store.findAccess(id)).toEqual(access);
    await expect(store.recordAccess('mig_none', access)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('is read to its end when it is longer than a page', async () => {
    const { id } = await newMigration(Array.from({ length: 450 }, (_, n) => `user${n}`));
    const views = await collect(store.listMailboxes(id));
    expect(new Set(views.map((view) => view.address)).size).toBe(450);
  });

  test('takes additions once per change and refuses addresses that it has', async () => {
    const { id, mailboxes } = await newMigration(['a']);
    const added = [testMailbox('b'), testMailbox('c')];
    const answers = await Promise.all([1, 2, 3].map(() => store.addMailboxes(id, 'change-1', added)));
    expect(new Set(answers.flat()).size).toBe(2);
    expect((await store.pageMailboxes(id, 0, 10)).map((mailbox) => mailbox.id)).toEqual([
      ...mailboxes,
      ...(answers[0] ?? []),
    ]);
    await expect(store.addMailboxes(id, 'change-2', [testMailbox('x'), testMailbox('A')])).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    expect(await store.pageMailboxes(id, 0, 10)).toHaveLength(3);
  });

  test('keeps a mailbox dropped that a worker still reports on', async () => {
    const { id, mailboxes } = await newMigration(['a']);
    await store.dropMailboxes(id, mailboxes);
    await store.recordMailboxStatus(mailboxes[0] ?? '', 'copied', null);
    expect((await store.getMailbox(mailboxes[0] ?? '')).status).toBe('dropped');
  });

  test('keeps mapping, preflight and why a mailbox is held', async () => {
    const { id, mailboxes } = await newMigration(['a']);
    const [mailbox = ''] = mailboxes;
    await store.recordMapping(mailbox, { 'INBOX.Alt': 'Archiv/Ünsinn' });
    const verdict = {
      ok: true,
      code: null,
      message: null,
      tls: true,
      folders: 3,
      messages: 9,
      bytes: 5e9,
      capabilities: ['IDLE'],
      renames: [],
    };
    await store.recordPreflight(mailbox, verdict);
    await store.recordMailboxStatus(mailbox, 'held', { code: 'AUTH_FAILED', message: 'The server said no.' });
    expect((await store.getMailbox(mailbox)).mapping).toEqual({ 'INBOX.Alt': 'Archiv/Ünsinn' });
    const [view] = await collect(store.listMailboxes(id));
    expect(view).toMatchObject({
      status: 'held',
      heldCode: 'AUTH_FAILED',
      heldMessage: 'The server said no.',
      preflight: verdict,
    });
    await store.recordMailboxStatus(mailbox, 'ready', null);
    expect((await collect(store.listMailboxes(id)))[0]).toMatchObject({
      status: 'ready',
      heldCode: null,
      heldMessage: null,
    });
  });
});

describe('passes', () => {
  test('leave due what has not ended, and count what was moved once', async () => {
    const { id, mailboxes } = await newMigration(['a', 'b', 'c']);
    const [a = '', b = '', c = ''] = mailboxes;
    await store.recordMailboxStatus(c, 'held', { code: 'AUTH_FAILED', message: 'no' });
    const ended = [
      { mailboxId: a, moved: 7 },
      { mailboxId: b, moved: 0 },
    ];
    await Promise.all([store.recordPassEnd(FIRST, ended), store.recordPassEnd(FIRST, ended.toReversed())]);
    expect((await store.pageDueMailboxes(id, FIRST, 0, 10)).map((mailbox) => mailbox.id)).toEqual([c]);
    expect(await store.countMailboxes(id, FIRST)).toEqual({ total: 3, done: 2, held: 1 });
    expect(await store.countMoved(id, FIRST)).toBe(7);
    expect(await store.countMoved(id, SECOND)).toBe(0);
    await store.recordPassEnd(SECOND, [{ mailboxId: a, moved: 1 }]);
    await store.recordPassEnd(FIRST, [{ mailboxId: a, moved: 7 }]);
    expect((await store.getMailbox(a)).passNumber).toBe(2);
    expect((await collect(store.listMailboxes(id)))[0]?.lastPass).toMatchObject({ kind: 'delta', number: 2, moved: 1 });
  });
});

describe('tallies', () => {
  test('are counted from the rows, per mailbox and over the migration', async () => {
    const { id, mailboxes } = await newMigration(['a', 'b', 'c']);
    const ledger = createPostgresLedger(database.db);
    for (const mailboxId of mailboxes) {
      const lease = await ledger.takeLease(mailboxId, 'worker');
      const plan = { sourceId: 'INBOX', sourcePath: ['INBOX'], role: 'inbox', targetPath: ['INBOX'] } as const;
      const [folder] = await ledger.recordFolders(lease, [plan]);
      if (folder === undefined) throw new Error('a folder that was recorded is returned');
      const entries = [1, 2, 3].map((uid) => ({ uid, sizeBytes: 10, internalDate: null, flags: ['\\Seen'] }));
      await ledger.recordCensus(lease, folder.id, '1', FIRST, entries);
      const status = { uidValidity: '1', uidNext: 4, exists: 3, highestModSeq: null };
      await ledger.recordCensusEnd(lease, folder.id, FIRST, status, { complete: true, counts: null });
      const asFound = { copyFingerprint: null, flags: null, receivedAt: null };
      const outcome = { uidValidity: '1', fingerprint: 'f', target: null, code: null, detail: null, ...asFound };
      await ledger.recordOutcomes(lease, folder.id, FIRST, [
        { ...outcome, uid: 1, state: 'copied' },
        { ...outcome, uid: 2, state: 'refused', code: 'MESSAGE_TOO_LARGE', detail: 'with \0 and \ud800' },
      ]);
      await ledger.recordVerification(lease, FIRST, [{ ...NO_FINDING, lost: 1, doubled: 0, seen: 1 }]);
    }
    const one = { ...EMPTY_TALLY, source: 3, copied: 1, refused: 1, lost: 1 };
    expect(await store.tallyMailbox(mailboxes[0] ?? '')).toEqual(one);
    const views = await collect(store.listMailboxes(id));
    expect(views.map((view) => view.tally)).toEqual([one, one, one]);
    expect(await store.getMailboxView(mailboxes[1] ?? '')).toEqual(views[1]);
    await expect(store.getMailboxView('mbx_none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await store.dropMailboxes(id, [mailboxes[2] ?? '']);
    expect(await store.tallyMigration(id)).toEqual({ ...EMPTY_TALLY, source: 6, copied: 2, refused: 2, lost: 2 });
    const [refused] = await collect(ledger.listExceptions(mailboxes[0] ?? ''));
    expect(refused?.detail).toBe('with \uFFFD and \uFFFD');
  });
});

describe('evidence', () => {
  test('has one id for equal content, whatever the order of its keys', async () => {
    const { id } = await newMigration([]);
    const ids = await Promise.all(
      Array.from({ length: 8 }, (_, n) => store.recordEvidence(id, 'A3', n % 2 ? { a: 1, b: 'ü' } : { b: 'ü', a: 1 })),
    );
    expect(new Set(ids).size).toBe(1);
    expect(await collect(store.listEvidence(id))).toMatchObject([{ id: ids[0], step: 'A3', body: { a: 1, b: 'ü' } }]);
  });

  test('of a step is the newest, also when it was found before', async () => {
    const { id } = await newMigration([]);
    expect(await store.findEvidence(id, 'A7')).toBeNull();
    const first = await store.recordEvidence(id, 'A7', { mx: 'old' });
    const second = await store.recordEvidence(id, 'A7', { mx: 'new' });
    expect((await store.findEvidence(id, 'A7'))?.id).toBe(second);
    expect(await store.recordEvidence(id, 'A7', { mx: 'old' })).toBe(first);
    expect(await store.findEvidence(id, 'A7')).toMatchObject({ id: first, body: { mx: 'old' } });
  });
});

describe('issues', () => {
  test('are stored once and settled once', async () => {
    const { id } = await newMigration([]);
    const issue = {
      id: `iss_${id}`,
      migrationId: id,
      mailboxId: null,
      kind: 'missing-mail' as const,
      text: 'One mail is not there.',
      reportedBy: 'office',
    };
    await Promise.all([store.recordIssue(issue), store.recordIssue(issue)]);
    expect(await collect(store.listIssues(id))).toMatchObject([{ ...issue, outcome: null, note: null }]);
    await store.settleIssue(issue.id, 'resolved', 'It was in another folder.', 'op_1');
    await store.settleIssue(issue.id, 'resolved', 'Again.', 'op_1');
    await expect(store.settleIssue(issue.id, 'accepted', '', 'op_1')).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(store.settleIssue('iss_none', 'accepted', '', 'op_1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await collect(store.listIssues(id))).toMatchObject([
      { outcome: 'resolved', note: 'It was in another folder.' },
    ]);
  });
});
