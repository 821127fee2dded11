import { sql } from 'kysely';
import type { Db } from '../../adapters/ledger/database.ts';
import { jsonb } from '../../adapters/ledger/encoding.ts';
import { folderId } from '../../adapters/ledger/mailbox-numbers.ts';
import { testMailbox, testPlan } from './plans.ts';

export interface Load {
  readonly mailboxes: number;
  readonly foldersEach: number;
  readonly messagesEach: number;
}

export interface LoadedMailbox {
  readonly id: string;
  readonly folderIds: readonly string[];
  readonly targetPaths: readonly string[][];
}

const LOAD = 'mig_load';

/**
 * Fills the ledger with mailboxes as they are after some passes: of 100 messages 2 are unfinished, 1 is gone from the source, 1 has
 * flags that its copy has not, 1 is excluded, the others were copied. UIDs of a folder are 1 to `messagesEach`, their fingerprints
 * `loadFingerprint`. Every fifth folder's target tells no UIDs.
 */
export async function loadLedger(db: Db, load: Load): Promise<readonly LoadedMailbox[]> {
  await sql`
    insert into migrations (id, plan, created_by) values (${LOAD}, ${jsonb(testPlan())}, 'test') on conflict do nothing`.execute(
    db,
  );
  await sql`
    insert into mailboxes (id, migration_id, position, address, planned)
    select 'mbx_load_' || n, ${LOAD}, n, 'user' || n || '@example.test', ${jsonb(testMailbox('load'))}
    from generate_series(1, ${load.mailboxes}::int) as n`.execute(db);
  const mine = sql`mailbox_number in (select number from mailboxes where migration_id = ${LOAD})`;
  await sql`
    insert into target_folders (mailbox_number, path)
    select number, '["Folder ' || n || '"]' from mailboxes, generate_series(1, ${load.foldersEach}::int) as n
    where migration_id = ${LOAD}`.execute(db);
  await sql`
    insert into folders (mailbox_number, source_id, source_path, target_folder_id, uid_validity, uid_next, exists_count)
    select mailbox_number, path, path::jsonb, id, '1700000000', ${load.messagesEach + 1}::int, ${load.messagesEach}::int
    from target_folders where ${mine} order by mailbox_number, id`.execute(db);
  // Eight mailboxes side by side, as they are copied at once.
  await sql`
    insert into messages (mailbox_number, folder_id, uid_validity, uid, size_bytes, internal_date, flags, state, present,
      seen_fence, seen_pass, fingerprint, target_folder_id, target_uid_validity, target_uid, delivered_pass,
      delivered_flags, detail)
    select mailbox_number, folders.id, '1700000000', uid, 2000 + uid % 90000, '2025-03-04T05:06:07Z',
      case when uid % 100 = 4 then '{"\\\\Seen","\\\\Flagged"}' when uid % 3 = 0 then '{}' else '{"\\\\Seen"}' end::text[],
      case when uid % 100 in (1, 2) then 'planned' when uid % 100 = 5 then 'excluded' else 'copied' end,
      uid % 100 <> 3, 1, 1,
      case when uid % 100 not in (1, 2, 5) then ${loadFingerprintSql()} end,
      case when uid % 100 not in (1, 2, 5) then folders.target_folder_id end,
      case when uid % 100 not in (1, 2, 5) and folders.id % 5 > 0 then '1600000000' end,
      case when uid % 100 not in (1, 2, 5) and folders.id % 5 > 0 then uid end,
      case when uid % 100 not in (1, 2, 5) then 1 end,
      case when uid % 100 not in (1, 2, 5) then (case when uid % 3 = 0 then '{}' else '{"\\\\Seen"}' end)::text[] end,
      case when uid % 100 = 5 then 'lies in another folder too' end
    from generate_series(1, ${load.messagesEach}::int) as uid, folders
    where ${mine}
    order by mailbox_number / 8, uid, mailbox_number`.execute(db);
  return await listLoaded(db);
}

async function listLoaded(db: Db): Promise<readonly LoadedMailbox[]> {
  const { rows } = await sql<{ id: string; number: number; folders: string[]; paths: string[] }>`
    select mailboxes.id, mailboxes.number, array_agg(folders.id::text order by folders.id) as folders,
      array_agg(target_folders.path order by folders.id) as paths
    from mailboxes join folders on folders.mailbox_number = mailboxes.number
    join target_folders on target_folders.id = folders.target_folder_id
    where migration_id = ${LOAD} group by mailboxes.id, mailboxes.number order by mailboxes.number`.execute(db);
  return rows.map(({ id, number, folders, paths }) => ({
    id,
    folderIds: folders.map((folder) => folderId(number, Number(folder))),
    targetPaths: paths.map((path) => JSON.parse(path) as string[]),
  }));
}

/** Equal in all folders of a mailbox and in no other. */
function loadFingerprintSql() {
  return sql`encode(sha256((mailbox_number || '/' || uid)::text::bytea), 'hex')`;
}

export async function loadFingerprints(db: Db, mailbox: LoadedMailbox, uids: readonly number[]): Promise<string[]> {
  const { rows } = await sql<{ fingerprint: string }>`
    select encode(sha256((number || '/' || uid)::text::bytea), 'hex') as fingerprint
    from mailboxes, unnest(${uids}::bigint[]) with ordinality as wanted(uid, place)
    where id = ${mailbox.id} order by place`.execute(db);
  return rows.map((row) => row.fingerprint);
}

/** So that statistics come when they are asked for, and not before. */
export async function switchOffAutovacuum(db: Db): Promise<void> {
  const { rows } = await sql<{ name: string }>`
    select inhrelid::regclass::text as name from pg_inherits where inhparent = 'messages'::regclass`.execute(db);
  for (const { name } of rows) await sql`alter table ${sql.table(name)} set (autovacuum_enabled = false)`.execute(db);
}
