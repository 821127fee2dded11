import { type Selectable, sql, type UpdateObject } from 'kysely';
import { type ErrorCode, MigrationError } from '../../domain/errors.ts';
import { addTallies, EMPTY_TALLY, type Tally } from '../../domain/mail.ts';
import type { MailboxStatus, MailboxView, PreflightVerdict } from '../../domain/migration-view.ts';
import type { Pass, PassKind } from '../../domain/passes.ts';
import type { StoredMailbox } from '../../domain/ports/store.ts';
import type { MailboxRoutes } from '../../domain/routes.ts';
import type { Db } from './database.ts';
import { jsonb, storableText } from './encoding.ts';
import { tallyMailboxes } from './ledger-tallies.ts';
import { paged } from './pages.ts';
import type { Database } from './schema.ts';

export async function getMailbox(db: Db, id: string): Promise<StoredMailbox> {
  const row = await db.selectFrom('mailboxes').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw unknownMailbox(id);
  return toMailbox(row);
}

/** Mailboxes that were not dropped; with a pass only those that it still has to do. */
export async function pageMailboxes(
  db: Db,
  migrationId: string,
  duePass: Pass | null,
  afterPosition: number,
  limit: number,
): Promise<readonly StoredMailbox[]> {
  let query = db
    .selectFrom('mailboxes')
    .selectAll()
    .where('migration_id', '=', migrationId)
    .where('status', '<>', 'dropped')
    .where('position', '>', afterPosition);
  if (duePass !== null) query = query.where('pass_number', '<', duePass.number);
  const rows = await query.orderBy('position').limit(limit).execute();
  return rows.map(toMailbox);
}

/** All mailboxes, the dropped ones too, in the order of the list. */
export async function* listMailboxes(db: Db, migrationId: string): AsyncIterable<MailboxView> {
  const pages = paged(async (after, limit) => {
    const rows = await selectViews(db)
      .where('mailboxes.migration_id', '=', migrationId)
      .where('position', '>', after)
      .orderBy('position')
      .limit(limit)
      .execute();
    const numbers = sql.join(rows.map((row) => sql`(${row.number}::bigint)`));
    const tallies =
      rows.length === 0
        ? new Map<number, Tally>()
        : await tallyMailboxes(db, sql`select * from (values ${numbers}) as n(number)`);
    return rows.map((row) => ({ number: row.position, view: toView(row, tallies.get(row.number) ?? EMPTY_TALLY) }));
  });
  for await (const row of pages) yield row.view;
}

export async function getMailboxView(db: Db, id: string): Promise<MailboxView> {
  const row = await selectViews(db).where('mailboxes.id', '=', id).executeTakeFirst();
  if (row === undefined) throw unknownMailbox(id);
  return toView(row, await tallyMailbox(db, id));
}

function selectViews(db: Db) {
  return db
    .selectFrom('mailboxes')
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom('passes')
          .select(['passes.pass_number as last_pass', 'kind', 'moved', 'finished_at'])
          .whereRef('passes.mailbox_id', '=', 'mailboxes.id')
          .orderBy('passes.pass_number', 'desc')
          .limit(1)
          .as('last'),
      (join) => join.onTrue(),
    )
    .selectAll();
}

export async function countMailboxes(
  db: Db,
  migrationId: string,
  pass: Pass,
): Promise<{ total: number; done: number; held: number }> {
  const { rows } = await sql<{ total: number; done: number; held: number }>`
    select count(*) as total, count(*) filter (where pass_number >= ${pass.number}) as done,
      count(*) filter (where pass_number < ${pass.number} and status = 'held') as held
    from mailboxes where migration_id = ${migrationId} and status <> 'dropped'`.execute(db);
  return rows[0] ?? { total: 0, done: 0, held: 0 };
}

export async function recordPreflight(db: Db, mailboxId: string, verdict: PreflightVerdict): Promise<void> {
  await changeMailbox(db, mailboxId, { preflight: jsonb(verdict) });
}

export async function recordRoutes(db: Db, mailboxId: string, routes: MailboxRoutes): Promise<void> {
  await changeMailbox(db, mailboxId, { routes: jsonb(routes) });
}

export async function findRoutes(db: Db, mailboxId: string): Promise<MailboxRoutes | null> {
  const query = db.selectFrom('mailboxes').select('routes').where('id', '=', mailboxId);
  return (await query.executeTakeFirst())?.routes ?? null;
}

export async function recordAllowedDeletions(db: Db, mailboxId: string, count: number | null): Promise<void> {
  await changeMailbox(db, mailboxId, { allowed_deletions: count });
}

export async function findAllowedDeletions(db: Db, mailboxId: string): Promise<number | null> {
  const query = db.selectFrom('mailboxes').select('allowed_deletions').where('id', '=', mailboxId);
  return (await query.executeTakeFirst())?.allowed_deletions ?? null;
}

/** A mailbox that was dropped stays dropped, whatever a worker that has not heard of it says. */
export async function recordMailboxStatus(
  db: Db,
  mailboxId: string,
  status: MailboxStatus,
  held: { code: ErrorCode; message: string } | null,
): Promise<void> {
  await changeMailbox(db, mailboxId, {
    status: sql<MailboxStatus>`case when status = 'dropped' then status else ${status} end`,
    held_code: held?.code ?? null,
    held_message: held === null ? null : storableText(held.message),
  });
}

export async function recordMapping(
  db: Db,
  mailboxId: string,
  mapping: Readonly<Record<string, string>>,
): Promise<void> {
  await changeMailbox(db, mailboxId, { mapping: jsonb({ ...mapping }) });
}

export async function tallyMailbox(db: Db, mailboxId: string): Promise<Tally> {
  const tallies = await tallyMailboxes(db, sql`select number from mailboxes where id = ${mailboxId}`);
  const [tally] = tallies.values();
  if (tally === undefined) throw unknownMailbox(mailboxId);
  return tally;
}

/** Without the mailboxes that were dropped: they are nobody's promise any more. */
export async function tallyMigration(db: Db, migrationId: string): Promise<Tally> {
  const tallies = await tallyMailboxes(
    db,
    sql`select number from mailboxes where migration_id = ${migrationId} and status <> 'dropped'`,
  );
  return [...tallies.values()].reduce(addTallies, EMPTY_TALLY);
}

async function changeMailbox(db: Db, id: string, change: UpdateObject<Database, 'mailboxes'>): Promise<void> {
  const result = await db.updateTable('mailboxes').set(change).where('id', '=', id).executeTakeFirst();
  if (result.numUpdatedRows === 0n) throw unknownMailbox(id);
}

function unknownMailbox(mailboxId: string): MigrationError {
  return new MigrationError('NOT_FOUND', 'There is no such mailbox.', { facts: { mailboxId } });
}

type MailboxRow = Selectable<Database['mailboxes']>;

function toMailbox(row: MailboxRow): StoredMailbox {
  return {
    id: row.id,
    migrationId: row.migration_id,
    position: row.position,
    planned: row.planned,
    status: row.status,
    mapping: row.mapping,
    passNumber: row.pass_number,
  };
}

interface LastPass {
  last_pass: number | null;
  kind: PassKind | null;
  moved: number | null;
  finished_at: string | null;
}

function toView(row: MailboxRow & LastPass, tally: Tally): MailboxView {
  const { last_pass, kind, moved, finished_at } = row;
  return {
    id: row.id,
    migrationId: row.migration_id,
    address: row.address,
    displayName: row.planned.displayName,
    sourceUser: row.planned.sourceUser,
    targetUser: row.planned.targetUser,
    status: row.status,
    heldCode: row.held_code,
    heldMessage: row.held_message,
    preflight: row.preflight,
    routes: row.routes,
    tally,
    lastPass:
      last_pass === null || kind === null || moved === null || finished_at === null
        ? null
        : { kind, number: last_pass, finishedAt: finished_at, moved },
  };
}
