import { sql } from 'kysely';
import { MigrationError } from '../../domain/errors.ts';
import type { PlannedMailbox } from '../../domain/plan.ts';
import type { Db } from './database.ts';
import { storableJson } from './encoding.ts';

/**
 * Claims target mailboxes for a migration. Two migrations that write into one mailbox would each take the other's mail for
 * doubles, so the primary key of the claim decides, whoever asks at the same moment.
 * @throws CONFLICT when one of them is claimed already; the caller's transaction rolls back.
 */
export async function claimTargets(
  trx: Db,
  migrationId: string,
  targetHost: string,
  mailboxes: readonly { id: string; planned: PlannedMailbox }[],
): Promise<void> {
  const rows = mailboxes.map(({ id, planned }) => ({
    id,
    target: targetOf(targetHost, planned),
    user: planned.targetUser,
  }));
  const distinct = new Set(rows.map((row) => row.target));
  if (distinct.size < rows.length) {
    throw new MigrationError('CONFLICT', 'Two lines of the list have the same target mailbox.', {
      facts: { migrationId },
    });
  }
  // Sorted, so that two plans that overlap wait for each other instead of deadlocking.
  const wanted = sql`json_to_recordset(${storableJson(rows)}::json) as wanted(id text, target text, "user" text)`;
  await sql`
    insert into target_claims (target, migration_id, mailbox_id)
    select target, ${migrationId}, id from ${wanted} order by target
    on conflict do nothing`.execute(trx);
  const { rows: refused } = await sql<{ user: string; owner: string; total: number }>`
    select wanted."user", target_claims.migration_id as owner, count(*) over () as total
    from ${wanted} join target_claims on target_claims.target = wanted.target and target_claims.mailbox_id <> wanted.id
    order by wanted.target limit 1`.execute(trx);
  const [first] = refused;
  if (first === undefined) return;
  const where =
    first.owner === migrationId ? 'this migration already' : `migration ${first.owner}, which has not ended`;
  const others = first.total > 1 ? ` So are ${first.total - 1} more.` : '';
  throw new MigrationError('CONFLICT', `The target mailbox ${first.user} is part of ${where}.${others}`, {
    facts: { migrationId, otherMigrationId: first.owner, targetHost, mailboxes: first.total },
  });
}

export async function releaseTargets(trx: Db, migrationId: string): Promise<void> {
  await trx.deleteFrom('target_claims').where('migration_id', '=', migrationId).execute();
}

function targetOf(host: string, planned: PlannedMailbox): string {
  return `${host}/${planned.targetUser}`.toLowerCase();
}
