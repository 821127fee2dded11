import { type RawBuilder, sql } from 'kysely';
import { MigrationError } from '../../domain/errors.ts';
import { LEASE_VALID_MS, type Lease } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import type { FolderKey } from './mailbox-numbers.ts';

/**
 * Takes a mailbox over: the number grows, and every statement under an older one changes nothing. A holder that is given up while
 * it waits for the one before it does not shorten the wait of the next: the latest end counts.
 */
export async function takeLease(db: Db, mailboxId: string, holder: string): Promise<Lease> {
  const { rows } = await sql<{ fence: number; settledInMs: number }>`
    insert into leases (mailbox_id, mailbox_number, fence, holder, renewed_at)
    select id, number, 1, ${holder}, clock_timestamp() from mailboxes where id = ${mailboxId}
    on conflict (mailbox_id) do update
      set fence = leases.fence + 1, holder = excluded.holder, taken_at = now(), renewed_at = clock_timestamp(), released = false,
        settles_at = case when leases.released then leases.settles_at
          else greatest(leases.settles_at, leases.renewed_at + ${LEASE_VALID_MS} * interval '1 millisecond') end
    returning fence,
      greatest(0, ceil(extract(epoch from settles_at - clock_timestamp()) * 1000))::int as "settledInMs"`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new MigrationError('NOT_FOUND', 'There is no such mailbox.', { facts: { mailboxId } });
  return { mailboxId, ...row };
}

export async function renewLease(db: Db, lease: Lease): Promise<void> {
  const { rows } = await sql`
    update leases set renewed_at = clock_timestamp()
    where mailbox_id = ${lease.mailboxId} and fence = ${lease.fence}
    returning 1`.execute(db);
  if (rows.length === 0) throw leaseLost(lease);
}

export async function releaseLease(db: Db, lease: Lease): Promise<void> {
  await sql`
    update leases set released = true where mailbox_id = ${lease.mailboxId} and fence = ${lease.fence}`.execute(db);
}

/**
 * Runs one statement that writes, under a lease. `held` is a table of one row (`mailbox_number`) for the holder and of none for
 * anybody else, so steps that select from it change nothing without the lease. The lock makes a newcomer wait until the write
 * is through, hence no write can land after {@link takeLease} has answered. It holds up neither the other writes of the same
 * holder nor {@link renewLease}.
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
      select mailbox_number from leases where mailbox_id = ${lease.mailboxId} and fence = ${lease.fence} for key share
    ), ${steps}
    select exists (select from held) as held, ${result} as result`.execute(db);
  const [answer] = rows;
  if (answer?.held !== true) {
    throw leaseLost(lease);
  }
  return answer.result;
}

function leaseLost({ mailboxId, fence }: Lease): MigrationError {
  return new MigrationError('LEASE_LOST', 'Another worker has taken the mailbox over.', {
    facts: { mailboxId, fence },
  });
}
