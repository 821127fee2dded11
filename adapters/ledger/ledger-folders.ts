import { type RawBuilder, sql } from 'kysely';
import type { ErrorCode } from '../../domain/errors.ts';
import type { FolderCounts, FolderPath, FolderStatus } from '../../domain/mail.ts';
import type { FolderEntry, FolderPlan, Lease } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { jsonb, storableText } from './encoding.ts';
import { countUnderLease, isHeld, writeUnderLease } from './fencing.ts';
import { rowsOf, UNFINISHED } from './ledger-rows.ts';
import { type FolderKey, folderId, numberOf } from './mailbox-numbers.ts';

/** Folders of the ledger: their mapping, the numbers of the last census, and what is wrong with them. */

interface FolderRow {
  id: number;
  mailbox_number: number;
  source_id: string;
  source_path: FolderPath;
  role: FolderPlan['role'];
  target_path: string;
  uid_validity: string | null;
  uid_next: number | null;
  exists_count: number | null;
  highest_mod_seq: string | null;
  fault_code: ErrorCode | null;
  fault_message: string | null;
  status_count: number | null;
  search_count: number | null;
  fetch_count: number | null;
  unfinished: boolean;
}

/** Rows that are as they should be are not written again: a pass over 5,000 known folders changes nothing. */
export async function recordFolders(
  db: Db,
  lease: Lease,
  plans: readonly FolderPlan[],
): Promise<readonly FolderEntry[]> {
  const mailbox = await numberOf(db, lease.mailboxId);
  // `do update` refuses to touch a row twice.
  const distinct = [...new Map(plans.map((plan) => [storableText(plan.sourceId), plan])).values()];
  const given = distinct.map((plan, place) => ({ ...plan, place, path: pathKey(plan.targetPath) }));
  const rows = await writeUnderLease(
    db,
    lease,
    sql`plan as materialized (
      select * from ${rowsOf(given)} as plan("sourceId" text, "sourcePath" jsonb, role text, path text, place int)
    ), made as (
      insert into target_folders (mailbox_number, path)
      select distinct mailbox_number, path from held, plan
      where not exists (select from target_folders as known where known.mailbox_number = ${mailbox} and known.path = plan.path)
      on conflict (mailbox_number, path) do update set path = excluded.path
      returning id, path
    ), target as (
      select id, path from made
      union all
      select id, path from target_folders where mailbox_number = ${mailbox} and path in (select path from plan)
    ), changed as (
      insert into folders (mailbox_number, source_id, source_path, role, target_folder_id)
      select mailbox_number, "sourceId", "sourcePath", role, target.id
      from held, plan join target using (path)
      order by place
      on conflict (mailbox_number, source_id) do update
        set source_path = excluded.source_path, role = excluded.role, target_folder_id = excluded.target_folder_id
        where (folders.source_path, folders.role, folders.target_folder_id)
          is distinct from (excluded.source_path, excluded.role, excluded.target_folder_id)
      returning *
    ), folder as (
      select * from changed
      union all
      select folders.* from folders, held
      where folders.mailbox_number = ${mailbox} and source_id in (select "sourceId" from plan)
        and folders.id not in (select id from changed)
    ), written as (
      select folder.*, plan.path as target_path, ${isUnfinished(mailbox, 'folder')} as unfinished
      from folder join plan on plan."sourceId" = folder.source_id
    )`,
    sql<FolderRow>`written`,
  );
  const entries = new Map(rows.map((row) => [row.source_id, toEntry(row)]));
  return plans.map((plan) => {
    const entry = entries.get(storableText(plan.sourceId));
    if (entry === undefined) throw new Error('an upsert returned no row');
    return entry;
  });
}

export async function listFolders(db: Db, mailboxId: string): Promise<readonly FolderEntry[]> {
  const mailbox = await numberOf(db, mailboxId);
  const { rows } = await sql<FolderRow>`
    select folders.*, target_folders.path as target_path, ${isUnfinished(mailbox, 'folders')} as unfinished
    from folders
    join target_folders on target_folders.id = folders.target_folder_id
    where folders.mailbox_number = ${mailbox}
    order by folders.id`.execute(db);
  return rows.map(toEntry);
}

/**
 * Two looks into small indexes for each folder, whose order is asked for: where much is unfinished, the planner would as well read
 * the partition until it meets one, and for a folder that has none that is all of it. `exists` became one join with all of them.
 */
function isUnfinished(mailbox: number, folder: string): RawBuilder<boolean> {
  const find = (which: RawBuilder<unknown>) => sql`(
    select true from messages
    where messages.mailbox_number = ${mailbox} and messages.folder_id = ${sql.ref(folder)}.id and ${which}
    order by uid limit 1)`;
  return sql`coalesce(${find(sql`present and ${UNFINISHED}`)}, ${find(sql`state = 'intended'`)}, false)`;
}

/** A name that has a row already is refused by the unique key. */
export async function recordRename(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  to: { readonly sourceId: string; readonly sourcePath: FolderPath },
): Promise<void> {
  await countUnderLease(
    db,
    lease,
    sql`written as (
      update folders set source_id = ${storableText(to.sourceId)}, source_path = ${jsonb(to.sourcePath)}
      where ${isHeld(folder)} and folders.id = ${folder.folder} and folders.mailbox_number = ${folder.mailbox}
      returning 1
    )`,
  );
}

export async function recordFolderFault(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  fault: { code: ErrorCode; message: string } | null,
): Promise<void> {
  await countUnderLease(
    db,
    lease,
    sql`written as (
      update folders
      set fault_code = ${fault?.code ?? null}, fault_message = ${fault === null ? null : storableText(fault.message)}
      where ${isHeld(folder)} and folders.id = ${folder.folder} and folders.mailbox_number = ${folder.mailbox}
      returning 1
    )`,
  );
}

/** A path as one text, so that the database can compare it: `["INBOX","2025"]`. */
export function pathKey(path: FolderPath): string {
  return JSON.stringify(path.map(storableText));
}

export function parsePath(key: string): FolderPath {
  return JSON.parse(key) as FolderPath; // only pathKey writes this column
}

function toEntry(row: FolderRow): FolderEntry {
  return {
    id: folderId(row.mailbox_number, row.id),
    sourceId: row.source_id,
    sourcePath: row.source_path,
    role: row.role,
    targetPath: parsePath(row.target_path),
    status: toStatus(row),
    counts: toCounts(row),
    unfinished: row.unfinished,
    fault: row.fault_code === null ? null : { code: row.fault_code, message: row.fault_message ?? '' },
  };
}

function toStatus(row: FolderRow): FolderStatus | null {
  if (row.uid_validity === null || row.uid_next === null || row.exists_count === null) return null;
  return {
    uidValidity: row.uid_validity,
    uidNext: row.uid_next,
    exists: row.exists_count,
    highestModSeq: row.highest_mod_seq,
  };
}

function toCounts(row: FolderRow): FolderCounts | null {
  if (row.status_count === null || row.fetch_count === null) return null;
  return { status: row.status_count, search: row.search_count, fetch: row.fetch_count };
}
