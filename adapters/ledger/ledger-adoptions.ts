import { sql } from 'kysely';
import type { Lease } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { writeUnderLease } from './fencing.ts';
import { DELIVERED, UNFINISHED, windowOf } from './ledger-rows.ts';
import { type FolderKey, numberOf } from './mailbox-numbers.ts';

/** Copies whose source message is gone are taken over by equal messages, each once. */

// The first half of an advisory lock, beside the number of the mailbox; any number that no other program uses here.
const ADOPTION_LOCK = 720_344_113;

/**
 * The copy keeps flags, date and number of the pass that delivered it, since it lies where that pass put it.
 *
 * Adoptions of one mailbox take turns. To skip rows that another lane has locked would miss a copy when that lane's statement
 * fails, and to wait for them one by one in each lane's own order of preference would deadlock. A lane that has waited sees
 * donors as they were before, so `for update` looks at the newest version of each and goes on to the next.
 */
export async function recordAdoptions(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  adopters: readonly { readonly uidValidity: string; readonly uid: number; readonly fingerprint: string }[],
): Promise<readonly number[]> {
  if (adopters.length === 0) return [];
  const window = windowOf(folder, adopters, (at) => adopters[at]?.fingerprint);
  const rows = await writeUnderLease(
    db,
    lease,
    sql`turn as materialized (
      select pg_advisory_xact_lock(${sql.lit(ADOPTION_LOCK)}, mailbox_number::int) from held
    ), mine as materialized (
      select uid_validity, uid, ${window.given} #>> '{}' as fingerprint
      from messages
      where exists (select from turn) and ${window.isIn} and ${UNFINISHED}
      for update
    ), wanted as materialized (
      select fingerprint, count(*) as copies from mine group by fingerprint
    ), found as materialized (
      select donor.*
      from wanted cross join lateral (
        select other.folder_id, other.uid_validity, other.uid, other.fingerprint, other.copy_fingerprint,
          other.target_folder_id, other.target_uid_validity, other.target_uid, other.delivered_pass,
          other.delivered_flags, coalesce(other.delivered_at, other.internal_date) as received_at,
          other.target_folder_id = (select target_folder_id from folders where id = ${folder.folder}) as near
        from messages as other
        where other.mailbox_number = ${folder.mailbox} and other.fingerprint = wanted.fingerprint
          and not other.present and other.target_folder_id is not null and not other.given_away
          and other.state in (${DELIVERED})
        order by near desc, other.target_uid, other.folder_id, other.uid_validity, other.uid
        limit wanted.copies
        for update of other
      ) as donor
    ), pair as materialized (
      select adopter.uid_validity as my_validity, adopter.uid as my_uid, donor.*
      from (select *, row_number() over (partition by fingerprint order by uid_validity, uid) as turn from mine) as adopter
      join (
        select *, row_number() over (partition by fingerprint order by near desc, target_uid, folder_id, uid_validity, uid) as turn
        from found
      ) as donor using (fingerprint, turn)
    ), given as (
      update messages set given_away = true, target_uid_validity = null, target_uid = null
      from pair
      where messages.mailbox_number = ${folder.mailbox} and messages.folder_id = pair.folder_id
        and messages.uid_validity = pair.uid_validity and messages.uid = pair.uid
    ), written as (
      update messages
      set (state, fingerprint, copy_fingerprint, target_folder_id, target_uid_validity, target_uid, delivered_pass,
        delivered_flags, delivered_at, intent_uid_next, intent_state, intent_target_folder_id, code, detail) = (
        select 'already-there', pair.fingerprint, pair.copy_fingerprint, pair.target_folder_id, pair.target_uid_validity,
          pair.target_uid, pair.delivered_pass, pair.delivered_flags, nullif(pair.received_at, messages.internal_date),
          null::bigint, null, null::bigint, null, null
        from pair where pair.my_validity = messages.uid_validity and pair.my_uid = messages.uid)
      where ${window.isIn}
        -- An array, as a join would go through the window for each pair.
        and uid_validity || '/' || uid = any (array(select my_validity || '/' || my_uid from pair))
      returning messages.uid
    )`,
    sql<number>`written.uid`,
  );
  return rows;
}

/** In the order of the index, as the planner would else read the partition until it meets one. */
export async function hasOrphans(db: Db, mailboxId: string): Promise<boolean> {
  const { rows } = await sql`
    select from messages
    where mailbox_number = ${await numberOf(db, mailboxId)} and not present and target_folder_id is not null
      and not given_away and fingerprint is not null and state in (${DELIVERED})
    order by fingerprint limit 1`.execute(db);
  return rows.length > 0;
}
