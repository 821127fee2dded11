import { sql } from 'kysely';
import type { ErrorCode } from '../../domain/errors.ts';
import type { FolderPath, FolderStatus } from '../../domain/mail.ts';
import type { Pass } from '../../domain/passes.ts';
import type { FolderEntry, FolderPlan, Lease } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { jsonb, storableText } from './encoding.ts';
import { countUnderLease, isHeld, writeUnderLease } from './fencing.ts';
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
}

export async function recordFolder(db: Db, lease: Lease, folder: FolderPlan): Promise<FolderEntry> {
  const targetPath = pathKey(folder.targetPath);
  const rows = await writeUnderLease(
    db,
    lease,
    sql`target as (
      insert into target_folders (mailbox_number, path) select mailbox_number, ${targetPath} from held
      on conflict (mailbox_number, path) do update set path = excluded.path
      returning id
    ), written as (
      insert into folders (mailbox_number, source_id, source_path, role, target_folder_id)
      select mailbox_number, ${storableText(folder.sourceId)}, ${jsonb(folder.sourcePath)}, ${folder.role}, target.id
      from held, target
      on conflict (mailbox_number, source_id) do update
        set source_path = excluded.source_path, role = excluded.role, target_folder_id = excluded.target_folder_id
      returning *, ${targetPath} as target_path
    )`,
    sql<FolderRow>`written`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('an upsert returned no row');
  return toEntry(row);
}

export async function listFolders(db: Db, mailboxId: string): Promise<readonly FolderEntry[]> {
  const { rows } = await sql<FolderRow>`
    select folders.*, target_folders.path as target_path
    from folders
    join target_folders on target_folders.id = folders.target_folder_id
    where folders.mailbox_number = ${await numberOf(db, mailboxId)}
    order by folders.id`.execute(db);
  return rows.map(toEntry);
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

/**
 * A row counts as seen when its mark is this lease and this pass. The pass alone would not do: what a killed attempt saw may
 * be gone when the next attempt of the same pass looks.
 */
export async function recordCensusEnd(
  db: Db,
  lease: Lease,
  folder: FolderKey,
  pass: Pass,
  status: FolderStatus,
): Promise<void> {
  await countUnderLease(
    db,
    lease,
    sql`gone as (
      update messages
      set present = false, state = case when state in ('planned', 'intended') then 'vanished' else state end
      where ${isHeld(folder)} and mailbox_number = ${folder.mailbox} and folder_id = ${folder.folder} and present
        and ((seen_fence, seen_pass) is distinct from (${lease.fence}::bigint, ${pass.number}::int)
          or messages.uid_validity <> ${status.uidValidity})
    ), written as (
      update folders
      set uid_validity = ${status.uidValidity}, uid_next = ${status.uidNext}, exists_count = ${status.exists},
        highest_mod_seq = ${status.highestModSeq}
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
