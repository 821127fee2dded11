import { sql } from 'kysely';
import type { OriginRow, Place } from '../../domain/gmail-labels.ts';
import type { Lease } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { countUnderLease, isHeld } from './fencing.ts';
import { DELIVERED, rowsOf } from './ledger-rows.ts';
import { folderId, numberOf, parseFolderId } from './mailbox-numbers.ts';

/** Messages that show in several folders of one source (Gmail). */

/** Origins, not rows: a message of Gmail has about three. */
const PAGE = 1_000;

const HAS_COPY = sql`(state in (${DELIVERED}) and not given_away and target_folder_id is not null)`;

interface OriginRecord extends Omit<OriginRow, 'folderId'> {
  folder: number;
}

/** Groups come in the order of the index messages_origin, so a page ends when it is full. */
export async function* listOpenOrigins(db: Db, mailboxId: string): AsyncIterable<readonly OriginRow[]> {
  const mailbox = await numberOf(db, mailboxId);
  for (let last = ''; ; ) {
    const { rows } = await sql<OriginRecord>`
      with open as materialized (
        select origin_id from messages
        where mailbox_number = ${mailbox} and origin_id > ${last}
        group by origin_id
        having bool_or(present and state = 'planned')
          or (bool_or(present and state = 'excluded')
            and not bool_or(${HAS_COPY} or (present and state in ('refused', 'intended'))))
        order by origin_id limit ${PAGE}
      )
      select origin_id as "originId", folder_id as folder, uid_validity as "uidValidity", uid, state, present,
        ${HAS_COPY} as "hasCopy"
      from open join messages using (origin_id)
      where mailbox_number = ${mailbox}
      order by origin_id, folder_id, uid_validity, uid`.execute(db);
    const groups = Map.groupBy(rows, (row) => row.originId);
    for (const group of groups.values()) {
      yield group.map(({ folder, ...row }) => ({ ...row, folderId: folderId(mailbox, folder) }));
    }
    last = rows.at(-1)?.originId ?? '';
    if (groups.size < PAGE) return;
  }
}

export async function recordPlaces(db: Db, lease: Lease, places: readonly Place[]): Promise<void> {
  const [first] = places;
  if (first === undefined) return;
  const { mailbox } = parseFolderId(first.folderId);
  const rows = places.map(({ folderId: id, uidValidity, uid, excluded, takesFrom }) => ({
    ...{ folder: parseFolderId(id).folder, uidValidity, uid, excluded },
    donorFolder: takesFrom === null ? null : parseFolderId(takesFrom.folderId).folder,
    donorValidity: takesFrom?.uidValidity ?? null,
    donorUid: takesFrom?.uid ?? null,
  }));
  await countUnderLease(
    db,
    lease,
    sql`mine as materialized (
      select folder_id, uid_validity, messages.uid, place.excluded, "donorFolder", "donorValidity", "donorUid"
      from ${rowsOf(rows)} as place(folder bigint, "uidValidity" text, uid bigint, excluded text, "donorFolder" bigint,
        "donorValidity" text, "donorUid" bigint)
      join messages on messages.mailbox_number = ${mailbox} and messages.folder_id = place.folder
        and messages.uid_validity = place."uidValidity" and messages.uid = place.uid
      where ${isHeld({ mailbox, folder: 0 })} and present and state in ('planned', 'excluded')
      for update of messages
    ), pair as materialized (
      select mine.folder_id as my_folder, mine.uid_validity as my_validity, mine.uid as my_uid, donor.folder_id,
        donor.uid_validity, donor.uid, donor.fingerprint, donor.copy_fingerprint, donor.target_folder_id,
        donor.target_uid_validity, donor.target_uid, donor.delivered_pass, donor.delivered_flags,
        coalesce(donor.delivered_at, donor.internal_date) as received_at
      from mine join messages as donor on donor.mailbox_number = ${mailbox} and donor.folder_id = mine."donorFolder"
        and donor.uid_validity = mine."donorValidity" and donor.uid = mine."donorUid"
      where not donor.present and not donor.given_away and donor.target_folder_id is not null
        and donor.state in (${DELIVERED})
      for update of donor
    ), given as (
      update messages set given_away = true, target_uid_validity = null, target_uid = null
      from pair
      where messages.mailbox_number = ${mailbox} and messages.folder_id = pair.folder_id
        and messages.uid_validity = pair.uid_validity and messages.uid = pair.uid
    ), taken as (
      update messages
      set state = 'already-there', fingerprint = pair.fingerprint, copy_fingerprint = pair.copy_fingerprint,
        target_folder_id = pair.target_folder_id, target_uid_validity = pair.target_uid_validity,
        target_uid = pair.target_uid, delivered_pass = pair.delivered_pass, delivered_flags = pair.delivered_flags,
        delivered_at = nullif(pair.received_at, messages.internal_date),
        intent_uid_next = null, intent_target_folder_id = null, code = null, detail = null
      from pair
      where messages.mailbox_number = ${mailbox} and messages.folder_id = pair.my_folder
        and messages.uid_validity = pair.my_validity and messages.uid = pair.my_uid
    ), written as (
      update messages
      set state = case when mine.excluded is null then 'planned' else 'excluded' end, detail = mine.excluded
      from mine
      where messages.mailbox_number = ${mailbox} and messages.folder_id = mine.folder_id
        and messages.uid_validity = mine.uid_validity and messages.uid = mine.uid and mine."donorFolder" is null
      returning 1
    )`,
  );
}
