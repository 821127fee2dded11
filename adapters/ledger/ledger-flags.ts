import { sql } from 'kysely';
import type { FlagsEntry } from '../../domain/mail.ts';
import type { FlagsDue, Lease } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { countUnderLease } from './fencing.ts';
import { parsePath } from './ledger-folders.ts';
import { flagsWindow } from './ledger-rows.ts';
import { type FolderKey, folderId, numberOf, parseFolderId } from './mailbox-numbers.ts';

/** Flags of copies that the source has changed since: the third way of the merge is what the copy was given. */

interface DueRow extends Omit<FlagsDue, 'folderId' | 'targetPath'> {
  folder: number;
  path: string;
}

/** The partial index messages_flags_due holds just these rows: an unchanged mailbox costs one look into an empty page. */
export async function listFlagsDue(
  db: Db,
  mailboxId: string,
  after: FlagsDue | null,
  limit: number,
): Promise<readonly FlagsDue[]> {
  const mailbox = await numberOf(db, mailboxId);
  const folder = after === null ? 0 : parseFolderId(after.folderId).folder;
  const { rows } = await sql<DueRow>`
    select folder_id as folder, uid_validity as "uidValidity", uid, delivered_flags as base, flags,
      (select path from target_folders where target_folders.id = messages.target_folder_id) as path,
      target_uid_validity as "targetUidValidity", target_uid as "targetUid"
    from messages
    where mailbox_number = ${mailbox} and present and target_uid is not null
      and not (flags @> delivered_flags and flags <@ delivered_flags)
      and (folder_id, uid_validity, uid)
        > (${folder}::bigint, ${after?.uidValidity ?? ''}, ${after?.uid ?? 0}::bigint)
    order by folder_id, uid_validity, uid limit ${limit}`.execute(db);
  return rows.map(({ folder, path, ...due }) => ({
    folderId: folderId(mailbox, folder),
    ...due,
    targetPath: parsePath(path),
  }));
}

export async function recordFlags(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  merged: readonly (FlagsEntry & { readonly uidValidity: string })[],
): Promise<void> {
  const { isIn, flags } = flagsWindow(folder, merged);
  await countUnderLease(
    db,
    lease,
    sql`written as (
      update messages set delivered_flags = ${flags} where ${isIn} and delivered_flags is not null returning 1
    )`,
  );
}
