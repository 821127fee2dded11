import { type RawBuilder, sql } from 'kysely';
import { type CensusEntry, DELIVERED_STATES, type FolderPath } from '../../domain/mail.ts';
import type { Pass } from '../../domain/passes.ts';
import type { DeliveredCopy, Intent, Lease, LedgerMessage, Outcome } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { storableJson } from './encoding.ts';
import { countUnderLease, isHeld } from './fencing.ts';
import { pathKey } from './ledger-folders.ts';
import { type FolderKey, numberOf } from './mailbox-numbers.ts';

/** Message rows: one statement a window, whose rows travel as one JSON parameter. */

export const DELIVERED = sql.join(DELIVERED_STATES.map((state) => sql.lit(state)));

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
  // A message that was taken for vanished, or whose copy was taken over by another one, and is here after all: copy it.
  await countUnderLease(
    db,
    lease,
    sql`written as (
      insert into messages (mailbox_number, folder_id, uid_validity, uid, size_bytes, internal_date, flags, seen_fence, seen_pass)
      select ${folder.mailbox}::bigint, ${folder.folder}::bigint, ${uidValidity}, entry.uid, entry."sizeBytes", entry."internalDate",
        entry.flags, ${lease.fence}::bigint, ${pass.number}::int
      from ${rowsOf(distinct)} as entry(uid bigint, "sizeBytes" bigint, "internalDate" text, flags text[])
      where ${isHeld(folder)}
      on conflict (mailbox_number, folder_id, uid_validity, uid) do update
        set flags = excluded.flags, present = true, seen_fence = excluded.seen_fence, seen_pass = excluded.seen_pass,
          state = case when messages.state = 'vanished' or messages.given_away then 'planned' else messages.state end,
          target_folder_id = case when messages.given_away then null else messages.target_folder_id end,
          given_away = false
      returning 1
    )`,
  );
}

export async function nextUnfinished(db: Db, folder: FolderKey, limit: number): Promise<readonly LedgerMessage[]> {
  return await listUnfinished(db, folder, sql`state in ('planned', 'intended')`, limit);
}

export async function listIntended(db: Db, folder: FolderKey): Promise<readonly LedgerMessage[]> {
  return await listUnfinished(db, folder, sql`state = 'intended'`, null);
}

async function listUnfinished(
  db: Db,
  folder: FolderKey,
  which: RawBuilder<unknown>,
  limit: number | null,
): Promise<readonly LedgerMessage[]> {
  // The state is named twice, so that the planner sees that the partial index messages_unfinished covers both questions.
  const { rows } = await sql<LedgerMessage>`
    select uid_validity as "uidValidity", uid, size_bytes as "sizeBytes", internal_date as "internalDate", flags, state,
      fingerprint, intent_uid_next as "intentUidNext"
    from messages
    where mailbox_number = ${folder.mailbox} and folder_id = ${folder.folder}
      and present and state in ('planned', 'intended') and ${which}
    order by uid limit ${limit}`.execute(db);
  return rows;
}

export async function recordIntents(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  intents: readonly Intent[],
): Promise<void> {
  await countUnderLease(
    db,
    lease,
    sql`written as (
      update messages
      set state = 'intended', fingerprint = intent.fingerprint, intent_uid_next = intent."targetUidNext"
      from ${rowsOf(intents)}
        as intent("uidValidity" text, uid bigint, fingerprint text, "targetUidNext" bigint)
      where ${sameMessage(folder, 'intent', intents)} and messages.state in ('planned', 'intended')
      returning 1
    )`,
  );
}

/** A delivered message stays delivered: a late or repeated outcome never turns a copy into something to be sent again. */
export async function recordOutcomes(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  pass: Pass,
  outcomes: readonly Outcome[],
): Promise<void> {
  const rows = outcomes.map(({ target, ...outcome }) => ({
    ...outcome,
    targetUidValidity: target?.uidValidity ?? null,
    targetUid: target?.uid ?? null,
  }));
  await countUnderLease(
    db,
    lease,
    sql`written as (
      update messages
      set state = outcome.state, code = outcome.code, detail = outcome.detail,
        fingerprint = coalesce(outcome.fingerprint, messages.fingerprint),
        intent_uid_next = null,
        target_uid_validity = outcome."targetUidValidity", target_uid = outcome."targetUid",
        target_folder_id = case when outcome.state in (${DELIVERED}) then folders.target_folder_id end,
        delivered_pass = case when outcome.state in (${DELIVERED}) then ${pass.number}::int end
      from folders, ${rowsOf(rows)} as outcome("uidValidity" text, uid bigint, state text, fingerprint text,
        "targetUidValidity" text, "targetUid" bigint, code text, detail text)
      where ${sameMessage(folder, 'outcome', outcomes)} and folders.id = ${folder.folder}
        and messages.state not in (${DELIVERED})
      returning 1
    )`,
  );
}

/**
 * The copy keeps the number of the pass that delivered it, since it lies where that pass put it. `skip locked` lets two equal
 * messages look at the same time and take two different copies.
 */
export async function recordAdoption(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  message: { uidValidity: string; uid: number; fingerprint: string },
): Promise<boolean> {
  const taken = await countUnderLease(
    db,
    lease,
    sql`mine as (
      select messages.uid_validity, messages.uid, folders.target_folder_id
      from messages, folders
      where ${isHeld(folder)} and ${isIn(folder)}
        and messages.uid_validity = ${message.uidValidity} and messages.uid = ${message.uid}
        and messages.state in ('planned', 'intended') and folders.id = messages.folder_id
      for update of messages
    ), found as (
      select other.folder_id, other.uid_validity, other.uid, other.target_folder_id, other.target_uid_validity,
        other.target_uid, other.delivered_pass
      from messages as other, mine
      where other.mailbox_number = ${folder.mailbox} and other.target_folder_id = mine.target_folder_id
        and other.fingerprint = ${message.fingerprint} and not other.present and not other.given_away
        and other.state in (${DELIVERED})
      order by other.target_uid limit 1
      for update of other skip locked
    ), given as (
      update messages set given_away = true, target_uid_validity = null, target_uid = null
      from found
      where messages.mailbox_number = ${folder.mailbox} and messages.folder_id = found.folder_id
        and messages.uid_validity = found.uid_validity and messages.uid = found.uid
    ), written as (
      update messages
      set state = 'already-there', fingerprint = ${message.fingerprint}, target_folder_id = found.target_folder_id,
        target_uid_validity = found.target_uid_validity, target_uid = found.target_uid,
        delivered_pass = found.delivered_pass, intent_uid_next = null, code = null, detail = null
      from mine, found
      where ${isIn(folder)} and messages.uid_validity = mine.uid_validity and messages.uid = mine.uid
      returning 1
    )`,
  );
  return taken === 1;
}

export async function listDelivered(
  db: Db,
  mailboxId: string,
  targetPath: FolderPath,
  fromUid: number,
): Promise<readonly DeliveredCopy[]> {
  const mailbox = await numberOf(db, mailboxId);
  const { rows } = await sql<DeliveredCopy>`
    select fingerprint, state, target_uid as "targetUid", delivered_pass as "passNumber"
    from messages
    where mailbox_number = ${mailbox}
      and target_folder_id = (
        select id from target_folders where mailbox_number = ${mailbox} and path = ${pathKey(targetPath)})
      and state in (${DELIVERED}) and not given_away and fingerprint is not null
      and (target_uid is null or target_uid >= ${fromUid})
    order by target_uid`.execute(db);
  return rows;
}

function rowsOf(rows: readonly object[]): RawBuilder<unknown> {
  return sql`json_to_recordset(${storableJson(rows)}::json)`;
}

/**
 * Joins message rows with the given ones. The window of UIDs is also named by its ends: without statistics, as in the first
 * minutes of a large census, the planner takes the folder for a handful of rows and reads all of it for each window (30 ms at
 * 100,000 messages); a range goes into the index whatever it believes.
 */
function sameMessage(
  folder: FolderKey,
  row: string,
  keys: readonly { uidValidity: string; uid: number }[],
): RawBuilder<boolean> {
  const given = sql.ref(row);
  const [first, ...others] = new Set(keys.map((key) => key.uidValidity));
  const oneUidValidity = others.length > 0 ? sql`true` : sql`messages.uid_validity = ${first ?? ''}`;
  const uids = keys.map((key) => key.uid);
  const from = uids.reduce((one, other) => Math.min(one, other), Number.MAX_SAFE_INTEGER);
  const to = uids.reduce((one, other) => Math.max(one, other), 0);
  return sql`${isHeld(folder)} and ${isIn(folder)} and ${oneUidValidity} and messages.uid between ${from} and ${to}
    and messages.uid_validity = ${given}."uidValidity" and messages.uid = ${given}.uid`;
}

function isIn(folder: FolderKey): RawBuilder<boolean> {
  return sql`messages.mailbox_number = ${folder.mailbox} and messages.folder_id = ${folder.folder}`;
}
