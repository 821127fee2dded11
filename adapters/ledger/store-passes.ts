import { sql } from 'kysely';
import type { Pass } from '../../domain/passes.ts';
import type { Db } from './database.ts';
import { storableJson } from './encoding.ts';

/** One statement for a whole batch. A repeat writes the same row again; a mailbox never goes back to an older pass. */
export async function recordPassEnd(
  db: Db,
  pass: Pass,
  ended: readonly { mailboxId: string; moved: number }[],
): Promise<void> {
  if (ended.length === 0) return;
  const rows = storableJson(ended.map(({ mailboxId, moved }) => ({ mailboxId, moved })));
  // `distinct on` and the order: two batches that overlap neither touch a row twice nor deadlock.
  await sql`
    with ended as (
      select distinct on (mailboxes.id) mailboxes.id, migration_id, moved
      from json_to_recordset(${rows}::json) as row("mailboxId" text, moved bigint)
      join mailboxes on mailboxes.id = row."mailboxId" order by mailboxes.id
    ), done as (
      update mailboxes set pass_number = greatest(pass_number, ${pass.number}::int)
      from ended where mailboxes.id = ended.id
    )
    insert into passes (migration_id, mailbox_id, pass_number, kind, moved)
    select migration_id, id, ${pass.number}::int, ${pass.kind}, moved from ended
    on conflict (mailbox_id, pass_number) do update set moved = excluded.moved`.execute(db);
}

export async function countMoved(db: Db, migrationId: string, pass: Pass): Promise<number> {
  const { rows } = await sql<{ moved: number }>`
    select coalesce(sum(moved), 0)::bigint as moved from passes
    where migration_id = ${migrationId} and pass_number = ${pass.number}`.execute(db);
  return rows[0]?.moved ?? 0;
}
