import { sql } from 'kysely';
import { MigrationError } from '../../domain/errors.ts';
import type { PlannedMailbox } from '../../domain/plan.ts';
import type { Db } from './database.ts';
import { newId, storableJson } from './encoding.ts';
import { lockMigration } from './lock-migration.ts';
import { claimTargets } from './target-claims.ts';

/** The list of mailboxes and its changes. Each change holds the migration's row, so two changes come one after the other. */

export async function addMailboxes(
  db: Db,
  migrationId: string,
  changeId: string,
  mailboxes: readonly PlannedMailbox[],
): Promise<readonly string[]> {
  return await db.transaction().execute(async (trx) => {
    const plan = await lockMigration(trx, migrationId);
    const earlier = await trx
      .selectFrom('mailboxes')
      .select('id')
      .where('migration_id', '=', migrationId)
      .where('change_id', '=', changeId)
      .orderBy('position')
      .execute();
    if (earlier.length > 0) return earlier.map((row) => row.id);
    const last = await trx
      .selectFrom('mailboxes')
      .select((eb) => eb.fn.max('position').as('position'))
      .where('migration_id', '=', migrationId)
      .executeTakeFirst();
    const inserted = await insertMailboxes(trx, migrationId, changeId, last?.position ?? 0, mailboxes);
    await claimTargets(trx, migrationId, plan.target.imap.host, inserted);
    return inserted.map((mailbox) => mailbox.id);
  });
}

export async function dropMailboxes(db: Db, migrationId: string, mailboxIds: readonly string[]): Promise<void> {
  if (mailboxIds.length === 0) return;
  await db.transaction().execute(async (trx) => {
    await lockMigration(trx, migrationId);
    const dropped = await trx
      .updateTable('mailboxes')
      .set({ status: 'dropped', held_code: null, held_message: null })
      .where('migration_id', '=', migrationId)
      .where('id', 'in', [...mailboxIds])
      .returning('id')
      .execute();
    if (dropped.length < new Set(mailboxIds).size) {
      throw new MigrationError('NOT_FOUND', 'Not all of these mailboxes are part of the migration.', {
        facts: { migrationId },
      });
    }
    await trx
      .deleteFrom('target_claims')
      .where('mailbox_id', 'in', [...mailboxIds])
      .execute();
  });
}

/** Positions go on after `lastPosition`, in the order of the list. @throws CONFLICT */
export async function insertMailboxes(
  trx: Db,
  migrationId: string,
  changeId: string | null,
  lastPosition: number,
  mailboxes: readonly PlannedMailbox[],
): Promise<readonly { id: string; planned: PlannedMailbox }[]> {
  const rows = mailboxes.map((planned, index) => ({ id: newId('mbx'), position: lastPosition + index + 1, planned }));
  const { rows: inserted } = await sql<{ id: string }>`
    insert into mailboxes (id, migration_id, position, address, planned, change_id)
    select id, ${migrationId}, position, planned ->> 'address', planned, ${changeId}
    from json_to_recordset(${storableJson(rows)}::json) as row(id text, position int, planned jsonb)
    on conflict (migration_id, lower(address)) where status <> 'dropped' do nothing
    returning id`.execute(trx);
  if (inserted.length < rows.length) {
    const kept = new Set(inserted.map((row) => row.id));
    const first = rows.find((row) => !kept.has(row.id));
    throw new MigrationError('CONFLICT', `${first?.planned.address} is in the list already.`, {
      facts: { migrationId, mailboxes: rows.length - inserted.length },
    });
  }
  return rows;
}
