import type { Selectable } from 'kysely';
import type { MigrationView } from '../../domain/migration-view.ts';
import type { AccessReport } from '../../domain/permissions.ts';
import type { Plan, PlannedMailbox } from '../../domain/plan.ts';
import type { StoredMigration } from '../../domain/ports/store.ts';
import type { Db } from './database.ts';
import { jsonb, storableText } from './encoding.ts';
import { unknownMigration } from './lock-migration.ts';
import { paged } from './pages.ts';
import type { Database } from './schema.ts';
import { insertMailboxes } from './store-mailbox-list.ts';
import { claimTargets, releaseTargets } from './target-claims.ts';

export async function createMigration(
  db: Db,
  input: { id: string; plan: Plan; mailboxes: readonly PlannedMailbox[]; createdBy: string },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const made = await trx
      .insertInto('migrations')
      .values({
        id: input.id,
        plan: jsonb(input.plan),
        view: null,
        access: null,
        created_by: storableText(input.createdBy),
      })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .executeTakeFirst();
    if (made.numInsertedOrUpdatedRows === 0n) return;
    const inserted = await insertMailboxes(trx, input.id, null, 0, input.mailboxes);
    await claimTargets(trx, input.id, input.plan.target.imap.host, inserted);
  });
}

export async function getMigration(db: Db, id: string): Promise<StoredMigration> {
  const row = await db.selectFrom('migrations').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw unknownMigration(id);
  return toMigration(row);
}

export async function* listMigrations(db: Db): AsyncIterable<StoredMigration> {
  const rows = paged((after, limit) =>
    db.selectFrom('migrations').selectAll().where('number', '>', after).orderBy('number').limit(limit).execute(),
  );
  for await (const row of rows) yield toMigration(row);
}

/** What has ended stays ended: a publication that was delayed on its way cannot bring it back. */
export async function recordView(db: Db, id: string, view: MigrationView): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const row = await trx.selectFrom('migrations').select('view').where('id', '=', id).forUpdate().executeTakeFirst();
    if (row === undefined) throw unknownMigration(id);
    if (row.view !== null && hasEnded(row.view)) return;
    await trx
      .updateTable('migrations')
      .set({ view: jsonb(view) })
      .where('id', '=', id)
      .execute();
    if (hasEnded(view)) await releaseTargets(trx, id);
  });
}

export async function recordAccess(db: Db, id: string, access: AccessReport): Promise<void> {
  const changed = await db
    .updateTable('migrations')
    .set({ access: jsonb(access) })
    .where('id', '=', id)
    .executeTakeFirst();
  if (changed.numUpdatedRows === 0n) throw unknownMigration(id);
}

export async function findAccess(db: Db, id: string): Promise<AccessReport | null> {
  const row = await db.selectFrom('migrations').select('access').where('id', '=', id).executeTakeFirst();
  return row?.access ?? null;
}

export async function recordPlan(db: Db, id: string, plan: Plan): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('migrations')
      .select(['plan', 'view'])
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) throw unknownMigration(id);
    await trx
      .updateTable('migrations')
      .set({ plan: jsonb(plan) })
      .where('id', '=', id)
      .execute();
    if (row.plan.target.imap.host === plan.target.imap.host || (row.view !== null && hasEnded(row.view))) return;
    await releaseTargets(trx, id);
    const mailboxes = await trx
      .selectFrom('mailboxes')
      .select(['id', 'planned'])
      .where('migration_id', '=', id)
      .where('status', '<>', 'dropped')
      .execute();
    await claimTargets(trx, id, plan.target.imap.host, mailboxes);
  });
}

function hasEnded(view: MigrationView): boolean {
  return view.status === 'ended' || view.status === 'cancelled';
}

function toMigration(row: Selectable<Database['migrations']>): StoredMigration {
  return { id: row.id, plan: row.plan, createdAt: row.created_at, createdBy: row.created_by, view: row.view };
}
