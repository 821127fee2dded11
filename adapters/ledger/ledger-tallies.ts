import { type RawBuilder, sql } from 'kysely';
import type { ErrorCode } from '../../domain/errors.ts';
import { EMPTY_TALLY, type FolderPath, type MessageState, type Tally } from '../../domain/mail.ts';
import type { Pass } from '../../domain/passes.ts';
import type { FolderFinding, FolderTally, Lease, LedgerException } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { storableJson } from './encoding.ts';
import { countUnderLease } from './fencing.ts';
import { parsePath, pathKey } from './ledger-folders.ts';
import { folderId, numberOf } from './mailbox-numbers.ts';

/** Numbers and lists of the report, counted by the database from the rows, never added up along the way. */

const STATE_COUNTS = sql`
  count(*) filter (where state = 'copied') as copied,
  count(*) filter (where state = 'repaired') as repaired,
  count(*) filter (where state = 'wrapped') as wrapped,
  count(*) filter (where state = 'already-there') as "alreadyThere",
  count(*) filter (where state = 'vanished') as vanished,
  count(*) filter (where state = 'excluded') as excluded,
  count(*) filter (where state = 'refused') as refused`;

export async function tallyFolders(db: Db, mailboxId: string): Promise<readonly FolderTally[]> {
  const mailbox = await numberOf(db, mailboxId);
  const { rows } = await sql<
    Omit<Tally, 'source'> & {
      folder: number;
      sourcePath: FolderPath;
      targetPath: string;
      exists: number;
      unfinished: number;
    }
  >`
    with counted as (
      select folder_id, count(*) filter (where state in ('planned', 'intended')) as unfinished, ${STATE_COUNTS}
      from messages
      where mailbox_number = ${mailbox} and present
      group by folder_id
    ), found as (
      select distinct on (target_folder_id) target_folder_id, lost, doubled
      from verifications
      where mailbox_number = ${mailbox}
      order by target_folder_id, pass_number desc
    ), ranked as (
      -- Several source folders may share a target folder: the first one carries its findings, so that they add up once.
      select folders.*, row_number() over (partition by target_folder_id order by id) as share
      from folders where mailbox_number = ${mailbox}
    )
    select ranked.id as folder, ranked.source_path as "sourcePath", target_folders.path as "targetPath",
      coalesce(ranked.exists_count, 0) as exists, coalesce(unfinished, 0) as unfinished,
      coalesce(copied, 0) as copied, coalesce(repaired, 0) as repaired, coalesce(wrapped, 0) as wrapped,
      coalesce("alreadyThere", 0) as "alreadyThere", coalesce(vanished, 0) as vanished,
      coalesce(excluded, 0) as excluded, coalesce(refused, 0) as refused,
      coalesce(lost, 0) as lost, coalesce(doubled, 0) as doubled
    from ranked
    join target_folders on target_folders.id = ranked.target_folder_id
    left join counted on counted.folder_id = ranked.id
    left join found on found.target_folder_id = ranked.target_folder_id and ranked.share = 1
    order by ranked.id`.execute(db);
  return rows.map(({ folder, sourcePath, targetPath, exists, unfinished, ...counts }) => ({
    folderId: folderId(mailbox, folder),
    sourcePath,
    targetPath: parsePath(targetPath),
    exists,
    unfinished,
    tally: { source: exists, ...counts },
  }));
}

/** Tallies of the mailboxes that `which` selects (`mailboxes.number`), in one statement. Absent = nothing is known yet. */
export async function tallyMailboxes(db: Db, which: RawBuilder<unknown>): Promise<ReadonlyMap<number, Tally>> {
  const { rows } = await sql<Tally & { number: number }>`
    with wanted as materialized (${which}), counted as (
      select mailbox_number, ${STATE_COUNTS}
      from messages where mailbox_number in (select number from wanted) and present
      group by mailbox_number
    ), held as (
      select mailbox_number, sum(exists_count)::bigint as source
      from folders where mailbox_number in (select number from wanted)
      group by mailbox_number
    ), newest as (
      select distinct on (mailbox_number, target_folder_id) mailbox_number, lost, doubled
      from verifications where mailbox_number in (select number from wanted)
      order by mailbox_number, target_folder_id, pass_number desc
    ), found as (
      select mailbox_number, sum(lost)::bigint as lost, sum(doubled)::bigint as doubled
      from newest group by mailbox_number
    )
    select wanted.number, coalesce(source, 0) as source, coalesce(copied, 0) as copied,
      coalesce(repaired, 0) as repaired, coalesce(wrapped, 0) as wrapped, coalesce("alreadyThere", 0) as "alreadyThere",
      coalesce(vanished, 0) as vanished, coalesce(excluded, 0) as excluded, coalesce(refused, 0) as refused,
      coalesce(lost, 0) as lost, coalesce(doubled, 0) as doubled
    from wanted
    left join counted on counted.mailbox_number = wanted.number
    left join held on held.mailbox_number = wanted.number
    left join found on found.mailbox_number = wanted.number`.execute(db);
  return new Map(rows.map(({ number, ...tally }) => [number, { ...EMPTY_TALLY, ...tally }]));
}

export async function recordVerification(
  db: Db,
  lease: Lease,
  pass: Pass,
  findings: readonly FolderFinding[],
): Promise<void> {
  const rows = findings.map(({ targetPath, ...numbers }) => ({ path: pathKey(targetPath), ...numbers }));
  await countUnderLease(
    db,
    lease,
    sql`finding as (
      select * from json_to_recordset(${storableJson(rows)}::json) as row(path text, lost bigint, doubled bigint, seen bigint)
    ), target as (
      insert into target_folders (mailbox_number, path) select mailbox_number, path from held, finding
      on conflict (mailbox_number, path) do update set path = excluded.path
      returning id, path
    ), written as (
      insert into verifications (mailbox_number, target_folder_id, pass_number, lost, doubled, seen)
      select mailbox_number, target.id, ${pass.number}::int, lost, doubled, seen
      from held, finding join target using (path)
      on conflict (mailbox_number, target_folder_id, pass_number) do update
        set lost = excluded.lost, doubled = excluded.doubled, seen = excluded.seen, verified_at = now()
      returning 1
    )`,
  );
}

const PAGE = 500;

export async function* listExceptions(db: Db, mailboxId: string): AsyncIterable<LedgerException> {
  const mailbox = await numberOf(db, mailboxId);
  let after: { folderId: number; uidValidity: string; uid: number } = { folderId: 0, uidValidity: '', uid: 0 };
  for (;;) {
    const { rows } = await sql<{
      folder_id: number;
      source_path: FolderPath;
      uid_validity: string;
      uid: number;
      size_bytes: number;
      internal_date: string | null;
      state: MessageState;
      code: ErrorCode | null;
      detail: string | null;
    }>`
      select folder_id, source_path, messages.uid_validity, uid, size_bytes, internal_date, state, code, detail
      from messages join folders on folders.id = folder_id
      where messages.mailbox_number = ${mailbox}
        and state in ('planned', 'intended', 'vanished', 'excluded', 'refused')
        and (folder_id, messages.uid_validity, uid) > (${after.folderId}, ${after.uidValidity}, ${after.uid})
      order by folder_id, messages.uid_validity, uid limit ${PAGE}`.execute(db);
    for (const row of rows) {
      yield {
        sourcePath: row.source_path,
        uidValidity: row.uid_validity,
        uid: row.uid,
        sizeBytes: row.size_bytes,
        internalDate: row.internal_date,
        state: row.state,
        code: row.code,
        detail: row.detail,
      };
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = { folderId: last.folder_id, uidValidity: last.uid_validity, uid: last.uid };
  }
}
