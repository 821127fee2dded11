import { type RawBuilder, sql } from 'kysely';
import { MigrationError } from '../../domain/errors.ts';
import type { Lease } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import type { FolderKey } from './mailbox-numbers.ts';

/** Takes a mailbox over: the number grows, and every statement under an older one changes nothing. */
export async function takeLease(db: Db, mailboxId: string, holder: string): Promise<Lease> {
  const { rows } = await sql<{ fence: number }>`
    insert into leases (mailbox_id, mailbox_number, fence, holder)
    select id, number, 1, ${holder} from mailboxes where id = ${mailboxId}
    on conflict (mailbox_id) do update
      set fence = leases.fence + 1, holder = excluded.holder, taken_at = now()
    returning fence`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new MigrationError('NOT_FOUND', 'There is no such mailbox.', { facts: { mailboxId } });
  return { mailboxId, fence: row.fence };
}

/**
 * Runs one statement that writes, under a lease. `held` is a table of one row (`mailbox_number`) for the holder and of none for
 * anybody else, so steps that select from it change nothing without the lease. The share lock makes a newcomer wait until
 * the write is through, hence no write can land after {@link takeLease} has answered.
 *
 * @param steps  what follows `held` in the WITH list; one of them is named `written` and its rows are the result.
 * @throws LEASE_LOST
 */
export async function writeUnderLease<Row>(
  db: Db,
  lease: Lease,
  steps: RawBuilder<unknown>,
  row: RawBuilder<Row>,
): Promise<readonly Row[]> {
  return await run(db, lease, steps, sql<Row[]>`(select coalesce(json_agg(${row}), '[]') from written)`);
}

/** True in a step when the lease is held and the folder is one of its mailbox. */
export function isHeld(folder: FolderKey): RawBuilder<boolean> {
  return sql`exists (select from held where held.mailbox_number = ${folder.mailbox})`;
}

/** As {@link writeUnderLease}, where nobody needs the rows: only their number crosses. */
export async function countUnderLease(db: Db, lease: Lease, steps: RawBuilder<unknown>): Promise<number> {
  return await run(db, lease, steps, sql<number>`(select count(*) from written)`);
}

async function run<T>(db: Db, lease: Lease, steps: RawBuilder<unknown>, result: RawBuilder<T>): Promise<T> {
  const { rows } = await sql<{ held: boolean; result: T }>`
    with held as materialized (
      select mailbox_number from leases where mailbox_id = ${lease.mailboxId} and fence = ${lease.fence} for share
    ), ${steps}
    select exists (select from held) as held, ${result} as result`.execute(db);
  const [answer] = rows;
  if (answer?.held !== true) {
    throw new MigrationError('LEASE_LOST', 'Another worker has taken the mailbox over.', {
      facts: { mailboxId: lease.mailboxId, fence: lease.fence },
    });
  }
  return answer.result;
}
