import { type RawBuilder, sql } from 'kysely';
import type { CensusEntry, FlagsEntry, FolderStatus } from '../../domain/mail.ts';
import type { Pass } from '../../domain/passes.ts';
import type { CensusEnd, Lease, UidRange } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { countUnderLease, isHeld } from './fencing.ts';
import { endsOf, flagsWindow, isIn, rowsOf, STATE_WHEN_GONE } from './ledger-rows.ts';
import type { FolderKey } from './mailbox-numbers.ts';

/** What is at the source: message rows come, change their flags and go. */

export async function recordCensus(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  uidValidity: string,
  pass: Pass,
  entries: readonly CensusEntry[],
): Promise<void> {
  // `do update` refuses to touch a row twice, and a server may send one UID twice in a window.
  const distinct = [...new Map(entries.map((entry) => [entry.uid, entry])).values()];
  // A message that was taken for vanished, or whose copy was taken over by another one, and is here after all, starts anew.
  const again = sql`(messages.state = 'vanished' or messages.given_away)`;
  const unlessGiven = (column: string) => sql`case when not messages.given_away then messages.${sql.ref(column)} end`;
  await countUnderLease(
    db,
    lease,
    sql`written as (
      insert into messages (mailbox_number, folder_id, uid_validity, uid, size_bytes, internal_date, flags, state, detail,
        origin_id, seen_fence, seen_pass)
      select ${folder.mailbox}::bigint, ${folder.folder}::bigint, ${uidValidity}, entry.uid, entry."sizeBytes", entry."internalDate",
        entry.flags, case when entry.excluded is null then 'planned' else 'excluded' end, entry.excluded,
        entry."originId", ${lease.fence}::bigint, ${pass.number}::int
      from ${rowsOf(distinct)}
        as entry(uid bigint, "sizeBytes" bigint, "internalDate" text, flags text[], excluded text, "originId" text)
      where ${isHeld(folder)}
      on conflict (mailbox_number, folder_id, uid_validity, uid) do update
        set flags = excluded.flags, origin_id = coalesce(excluded.origin_id, messages.origin_id), present = true, seen_fence = excluded.seen_fence, seen_pass = excluded.seen_pass,
          state = case when ${again} then excluded.state else messages.state end,
          code = case when not ${again} then messages.code end,
          detail = case when ${again} then excluded.detail else messages.detail end,
          target_folder_id = ${unlessGiven('target_folder_id')},
          delivered_pass = ${unlessGiven('delivered_pass')},
          delivered_flags = ${unlessGiven('delivered_flags')},
          given_away = false, removal = case when not messages.given_away then messages.removal end
      returning 1
    )`,
  );
}

export async function recordChanges(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  uidValidity: string,
  changes: { readonly flags: readonly FlagsEntry[]; readonly vanished: readonly UidRange[] },
): Promise<void> {
  const { flags, vanished } = changes;
  const [first] = endsOf(vanished.map((range) => range.firstUid));
  const [, last] = endsOf(vanished.map((range) => range.lastUid));
  // A multirange is searched, not joined: a server may name ten thousand ranges for a hundred thousand rows.
  const ranges = vanished.map((range) => `[${range.firstUid},${range.lastUid}]`);
  const isGone = sql`messages.uid <@ ${`{${ranges.join(',')}}`}::int8multirange`;
  await countUnderLease(
    db,
    lease,
    sql`changed as (${newFlags(folder, uidValidity, flags)} and not ${isGone}),
    written as (
      update messages
      set present = false, state = ${STATE_WHEN_GONE}
      where ${isHeld(folder)} and ${isIn(folder)} and uid_validity = ${uidValidity} and uid between ${first} and ${last}
        and present and ${isGone}
      returning 1
    )`,
  );
}

export async function recordPresence(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  uidValidity: string,
  range: UidRange,
  entries: readonly FlagsEntry[],
): Promise<void> {
  const uids = `{${entries.map((entry) => entry.uid).join(',')}}`;
  await countUnderLease(
    db,
    lease,
    sql`changed as (
      ${newFlags(folder, uidValidity, entries)} and messages.uid between ${range.firstUid} and ${range.lastUid}
    ), written as (
      update messages
      set present = false, state = ${STATE_WHEN_GONE}
      where ${isHeld(folder)} and ${isIn(folder)} and uid_validity = ${uidValidity}
        and uid between ${range.firstUid} and ${range.lastUid}
        and present and uid <> all (${uids}::bigint[])
      returning 1
    )`,
  );
}

/** Writes where the flags differ, as sets. */
function newFlags(folder: FolderKey, uidValidity: string, entries: readonly FlagsEntry[]): RawBuilder<unknown> {
  const window = flagsWindow(
    folder,
    entries.map((entry) => ({ ...entry, uidValidity })),
  );
  return sql`
    update messages set flags = ${window.flags}
    where ${window.isIn} and present and not (flags @> ${window.flags} and flags <@ ${window.flags})`;
}

export async function countPresent(db: Db, folder: FolderKey): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from messages where ${isIn(folder)} and present`.execute(db);
  return rows[0]?.count ?? 0;
}

/**
 * A row counts as seen when its mark is this lease and this pass. The pass alone would not do: what a killed attempt saw may
 * be gone when the next attempt of the same pass looks. Rows of another UIDVALIDITY are looked for below and above this one,
 * which the primary key knows, so that a partial census does not read the folder.
 */
export async function recordCensusEnd(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  pass: Pass,
  status: FolderStatus,
  end: CensusEnd,
): Promise<void> {
  const { uidValidity } = status;
  const gone = (which: RawBuilder<boolean>) => sql`
    update messages set present = false, state = ${STATE_WHEN_GONE}
    where ${isHeld(folder)} and ${isIn(folder)} and present and ${which}`;
  const unseen = sql<boolean>`uid_validity = ${uidValidity} and ${end.complete}
    and (seen_fence, seen_pass) is distinct from (${lease.fence}::bigint, ${pass.number}::int)`;
  const { counts } = end;
  await countUnderLease(
    db,
    lease,
    sql`unseen as (${gone(unseen)}),
    below as (${gone(sql`uid_validity < ${uidValidity}`)}),
    above as (${gone(sql`uid_validity > ${uidValidity}`)}),
    written as (
      update folders
      set uid_validity = ${uidValidity}, uid_next = ${status.uidNext}, exists_count = ${status.exists},
        highest_mod_seq = ${status.highestModSeq},
        status_count = case when ${counts !== null} then ${counts?.status ?? null}::bigint else status_count end,
        search_count = case when ${counts !== null} then ${counts?.search ?? null}::bigint else search_count end,
        fetch_count = case when ${counts !== null} then ${counts?.fetch ?? null}::bigint else fetch_count end
      where ${isHeld(folder)} and folders.id = ${folder.folder} and folders.mailbox_number = ${folder.mailbox}
      returning 1
    )`,
  );
}
