import { type RawBuilder, sql } from 'kysely';
import type { Pass } from '../../domain/passes.ts';
import type { IntendedMessage, Intent, Lease, LedgerMessage, Outcome } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { countUnderLease } from './fencing.ts';
import { parsePath } from './ledger-folders.ts';
import { DELIVERED, isIn, UNFINISHED, windowOf } from './ledger-rows.ts';
import { type FolderKey, folderId, numberOf } from './mailbox-numbers.ts';

/** The way of a message from planned to its end: one statement a window. */

const MESSAGE = sql`
  uid_validity as "uidValidity", uid, size_bytes as "sizeBytes", internal_date as "internalDate", flags, state, fingerprint,
  copy_fingerprint as "copyFingerprint", intent_uid_next as "intentUidNext", code`;

export async function listUnfinished(
  db: Db,
  folder: FolderKey,
  beforeUid: number | null,
  limit: number,
): Promise<readonly LedgerMessage[]> {
  const { rows } = await sql<LedgerMessage>`
    select ${MESSAGE} from messages
    where ${isIn(folder)} and present and ${UNFINISHED} and ${beforeUid === null ? sql`true` : sql`uid < ${beforeUid}`}
    order by uid desc limit ${limit}`.execute(db);
  return rows;
}

interface IntendedRow extends Omit<IntendedMessage, 'folderId' | 'targetPath'> {
  folder: number;
  path: string;
}

export async function listIntended(db: Db, mailboxId: string): Promise<readonly IntendedMessage[]> {
  const mailbox = await numberOf(db, mailboxId);
  const { rows } = await sql<IntendedRow>`
    select folder_id as folder, ${MESSAGE}, present, detail, intent_state as "intentState",
      (select path from target_folders where target_folders.id = coalesce(
        intent_target_folder_id, (select target_folder_id from folders where folders.id = messages.folder_id))) as path
    from messages
    where mailbox_number = ${mailbox} and state = 'intended'
    order by folder_id, uid`.execute(db);
  return rows.map(({ folder, path, ...message }) => ({
    ...message,
    folderId: folderId(mailbox, folder),
    targetPath: parsePath(path),
  }));
}

export async function recordIntents(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  intents: readonly Intent[],
): Promise<void> {
  const { isIn: isInWindow, given } = windowOf(folder, intents, (at) => intents[at]);
  await countUnderLease(
    db,
    lease,
    sql`written as (
      update messages
      set (state, fingerprint, copy_fingerprint, intent_uid_next, intent_state, detail, intent_target_folder_id) = (
        select 'intended', intent.fingerprint, intent."copyFingerprint", intent."targetUidNext", intent.state,
          intent.detail, ${mappedTo(folder)}
        from jsonb_to_record(${given}) as intent(fingerprint text, "copyFingerprint" text, "targetUidNext" bigint,
          state text, detail text))
      where ${isInWindow} and ${UNFINISHED}
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
  const { isIn: isInWindow, given } = windowOf(folder, outcomes, (at) => outcomes[at]);
  const ifIntended = (value: RawBuilder<unknown>) => sql`case when outcome.state = 'intended' then ${value} end`;
  const ifDelivered = (value: RawBuilder<unknown>) => sql`case when outcome.state in (${DELIVERED}) then ${value} end`;
  await countUnderLease(
    db,
    lease,
    sql`written as (
      update messages
      set (state, code, detail, fingerprint, copy_fingerprint, intent_uid_next, intent_state,
        intent_target_folder_id, target_uid_validity, target_uid,
        target_folder_id, delivered_pass, delivered_flags, delivered_at) = (
        select outcome.state, outcome.code, coalesce(outcome.detail, ${ifIntended(sql`messages.detail`)}),
          coalesce(outcome.fingerprint, messages.fingerprint),
          coalesce(outcome."copyFingerprint", messages.copy_fingerprint),
          ${ifIntended(sql`messages.intent_uid_next`)}, ${ifIntended(sql`messages.intent_state`)}, ${ifIntended(sql`messages.intent_target_folder_id`)},
          outcome.target ->> 'uidValidity', (outcome.target ->> 'uid')::bigint,
          ${ifDelivered(sql`coalesce(messages.intent_target_folder_id, ${mappedTo(folder)})`)},
          ${ifDelivered(sql`${pass.number}::int`)},
          ${ifDelivered(sql`coalesce(outcome.flags, messages.flags)`)},
          ${ifDelivered(sql`nullif(outcome."receivedAt", messages.internal_date)`)}
        from jsonb_to_record(${given}) as outcome(state text, fingerprint text, "copyFingerprint" text, target jsonb,
          code text, detail text, flags text[], "receivedAt" text))
      where ${isInWindow} and state not in (${DELIVERED})
      returning 1
    )`,
  );
}

function mappedTo(folder: FolderKey): RawBuilder<number> {
  return sql`(select target_folder_id from folders where id = ${folder.folder})`;
}

export async function recordInDoubt(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  messages: readonly { readonly uidValidity: string; readonly uid: number }[],
): Promise<void> {
  const { isIn: isInWindow } = windowOf(folder, messages, () => true);
  await countUnderLease(
    db,
    lease,
    sql`written as (
      update messages
      set state = 'intended', intent_state = case when state <> 'already-there' then state end, intent_uid_next = 1,
        intent_target_folder_id = target_folder_id, target_folder_id = null,
        target_uid_validity = null, target_uid = null, delivered_pass = null,
        delivered_flags = null, delivered_at = null, code = null
      where ${isInWindow} and state in (${DELIVERED}) and not given_away
      returning 1
    )`,
  );
}
