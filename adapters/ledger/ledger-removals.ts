import { type RawBuilder, sql } from 'kysely';
import type { Lease, Removable, RemovalState } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { countUnderLease, isHeld } from './fencing.ts';
import { parsePath } from './ledger-folders.ts';
import { rowsOf } from './ledger-rows.ts';
import { folderId, numberOf, parseFolderId } from './mailbox-numbers.ts';

/** Copies of messages that were deleted at the source. */

const PAGE = 2_000;

interface RemovableRow extends Omit<Removable, 'folderId' | 'targetPath'> {
  folder: number;
  path: string;
}

const REMOVABLE = sql`
  folder_id as folder, uid_validity as "uidValidity", uid, coalesce(copy_fingerprint, fingerprint) as fingerprint,
  (select path from target_folders where target_folders.id = messages.target_folder_id) as path,
  target_uid_validity as "targetUidValidity", target_uid as "targetUid"`;

export async function* listRemovable(db: Db, mailboxId: string): AsyncIterable<Removable> {
  const mailbox = await numberOf(db, mailboxId);
  const pageAfter = async (last: RemovableRow | null): Promise<readonly RemovableRow[]> => {
    const { rows } = await sql<RemovableRow>`
      select ${REMOVABLE} from messages
      where mailbox_number = ${mailbox} and not present and target_folder_id is not null and not given_away
        and state in ('copied', 'repaired', 'wrapped') and target_uid is not null and fingerprint is not null
        and (folder_id, uid_validity, uid)
          > (${last?.folder ?? 0}::bigint, ${last?.uidValidity ?? ''}, ${last?.uid ?? 0}::bigint)
        and not exists (
          select from messages as other
          where other.mailbox_number = ${mailbox} and other.origin_id = messages.origin_id and other.present)
      order by folder_id, uid_validity, uid limit ${PAGE}`.execute(db);
    return rows;
  };
  for (let last: RemovableRow | null = null; ; ) {
    const rows = await pageAfter(last);
    for (const row of rows) yield toRemovable(mailbox, row);
    last = rows.at(-1) ?? null;
    if (rows.length < PAGE) return;
  }
}

export async function listRemovalsIntended(db: Db, mailboxId: string): Promise<readonly Removable[]> {
  const mailbox = await numberOf(db, mailboxId);
  const { rows } = await sql<RemovableRow>`
    select ${REMOVABLE} from messages
    where mailbox_number = ${mailbox} and removal = 'intended'
    order by folder_id, uid_validity, uid`.execute(db);
  return rows.map((row) => toRemovable(mailbox, row));
}

export async function countCopies(db: Db, mailboxId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from messages
    where mailbox_number = ${await numberOf(db, mailboxId)} and state in ('copied', 'repaired', 'wrapped')
      and not given_away`.execute(db);
  return rows[0]?.count ?? 0;
}

export async function recordRemovals(
  db: Db,
  lease: Lease,
  copies: readonly Pick<Removable, 'folderId' | 'uidValidity' | 'uid'>[],
  state: RemovalState | null,
): Promise<void> {
  const [first] = copies;
  if (first === undefined) return;
  const { mailbox } = parseFolderId(first.folderId);
  const rows = copies.map(({ folderId: id, uidValidity, uid }) => ({
    folder: parseFolderId(id).folder,
    uidValidity,
    uid,
  }));
  await countUnderLease(
    db,
    lease,
    sql`written as (
      update messages set ${changes(state)}
      from ${rowsOf(rows)} as copy(folder bigint, "uidValidity" text, uid bigint)
      where ${isHeld({ mailbox, folder: 0 })} and messages.mailbox_number = ${mailbox}
        and messages.folder_id = copy.folder and messages.uid_validity = copy."uidValidity" and messages.uid = copy.uid
        and not given_away and target_uid is not null
      returning 1
    )`,
  );
}

/** A removed copy is nobody's, as one that was given away; a message that is at the source after all is to be copied again. */
function changes(state: RemovalState | null): RawBuilder<unknown> {
  if (state !== 'removed') return sql`removal = ${state}`;
  const unlessPresent = (column: string) => sql`case when not present then ${sql.ref(column)} end`;
  return sql`
    removal = case when not present then 'removed' end, given_away = not present,
    state = case when present then 'planned' else state end, target_uid_validity = null, target_uid = null,
    target_folder_id = ${unlessPresent('target_folder_id')}, delivered_pass = ${unlessPresent('delivered_pass')},
    delivered_flags = ${unlessPresent('delivered_flags')},
    detail = case when not present then 'removed at the target, as it was deleted at the source' end`;
}

function toRemovable(mailbox: number, { folder, path, ...row }: RemovableRow): Removable {
  return { folderId: folderId(mailbox, folder), ...row, targetPath: parsePath(path) };
}
