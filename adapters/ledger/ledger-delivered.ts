import { sql } from 'kysely';
import type { FolderPath } from '../../domain/mail.ts';
import type { Pass } from '../../domain/passes.ts';
import type { DeliveredCopy, DeliveredCount } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { parsePath, pathKey } from './ledger-folders.ts';
import { DELIVERED } from './ledger-rows.ts';
import { folderId, numberOf } from './mailbox-numbers.ts';

/** Copies at the target, for reconciliation and verification. */

const PAGE = 2_000;

interface CopyRow extends Omit<DeliveredCopy, 'folderId'> {
  folder: number;
}

const COPY = sql`
  folder_id as folder, uid_validity as "uidValidity", uid, size_bytes as "sizeBytes",
  coalesce(copy_fingerprint, fingerprint) as fingerprint, coalesce(delivered_at, internal_date) as "receivedAt",
  delivered_flags as flags, state, target_uid as "targetUid", target_uid_validity as "targetUidValidity",
  delivered_pass as "passNumber"`;

export const IS_OURS = sql`state in (${DELIVERED}) and not given_away and fingerprint is not null`;

/** Two lists, each in the order of an index of its own: a page is as cheap as the first one wherever it begins. */
export async function* listDelivered(
  db: Db,
  mailboxId: string,
  targetPath: FolderPath,
  fromUid: number,
): AsyncIterable<DeliveredCopy> {
  const mailbox = await numberOf(db, mailboxId);
  const target = await findTarget(db, mailbox, targetPath);
  if (target === null) return;
  const isThere = sql`mailbox_number = ${mailbox} and target_folder_id = ${target} and ${IS_OURS}`;
  const numbered = async (last: CopyRow | null) => {
    const from = last?.targetUid ?? fromUid;
    const behind =
      last === null
        ? sql`true`
        : sql`(target_uid, folder_id, uid_validity, uid)
            > (${last.targetUid}::bigint, ${last.folder}::bigint, ${last.uidValidity}, ${last.uid}::bigint)`;
    return await sql<CopyRow>`
      select ${COPY} from messages where ${isThere} and target_uid >= ${from} and ${behind}
      order by target_uid, folder_id, uid_validity, uid limit ${PAGE}`.execute(db);
  };
  const unnumbered = async (last: CopyRow | null) => {
    const behind = sql`(folder_id, uid_validity, uid)
      > (${last?.folder ?? 0}::bigint, ${last?.uidValidity ?? ''}, ${last?.uid ?? 0}::bigint)`;
    return await sql<CopyRow>`
      select ${COPY} from messages where ${isThere} and target_uid is null and ${behind}
      order by folder_id, uid_validity, uid limit ${PAGE}`.execute(db);
  };
  for (const nextPage of [numbered, unnumbered]) {
    for (let last: CopyRow | null = null; ; ) {
      const { rows }: { rows: CopyRow[] } = await nextPage(last);
      for (const { folder, ...copy } of rows) yield { folderId: folderId(mailbox, folder), ...copy };
      last = rows.at(-1) ?? null;
      if (last === null || rows.length < PAGE) break;
    }
  }
}

export async function countDelivered(db: Db, mailboxId: string, targetPath: FolderPath): Promise<DeliveredCount> {
  const mailbox = await numberOf(db, mailboxId);
  const target = await findTarget(db, mailbox, targetPath);
  const { rows } = await sql<DeliveredCount>`
    select count(*) as copies, min(delivered_pass) as "firstPass"
    from messages where mailbox_number = ${mailbox} and target_folder_id = ${target} and ${IS_OURS}`.execute(db);
  return rows[0] ?? { copies: 0, firstPass: null };
}

export async function countMoved(db: Db, mailboxId: string, pass: Pass): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from messages
    where mailbox_number = ${await numberOf(db, mailboxId)} and delivered_pass = ${pass.number}
      and state in ('copied', 'repaired', 'wrapped') and not given_away`.execute(db);
  return rows[0]?.count ?? 0;
}

export async function listTargetPaths(db: Db, mailboxId: string): Promise<readonly FolderPath[]> {
  const mailbox = await numberOf(db, mailboxId);
  const { rows } = await sql<{ path: string }>`
    select path from target_folders
    where mailbox_number = ${mailbox} and (
      exists (select from folders where folders.mailbox_number = ${mailbox} and target_folder_id = target_folders.id)
      or (
        -- Its order is that of an index: else the planner would as well read the partition until it meets one.
        select true from messages
        where messages.mailbox_number = ${mailbox} and messages.target_folder_id = target_folders.id and ${IS_OURS}
        order by target_uid limit 1))
    order by id`.execute(db);
  return rows.map((row) => parsePath(row.path));
}

async function findTarget(db: Db, mailbox: number, path: FolderPath): Promise<number | null> {
  const row = await db
    .selectFrom('target_folders')
    .select('id')
    .where('mailbox_number', '=', mailbox)
    .where('path', '=', pathKey(path))
    .executeTakeFirst();
  return row?.id ?? null;
}
