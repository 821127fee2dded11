import { type RawBuilder, sql } from 'kysely';
import { EMPTY_TALLY, type FolderPath, type Tally } from '../../domain/mail.ts';
import type { FolderMismatch, FolderTally } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { parsePath } from './ledger-folders.ts';
import { UNFINISHED } from './ledger-rows.ts';
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
      select folder_id, count(*) filter (where ${UNFINISHED}) as unfinished, ${STATE_COUNTS}
      from messages
      where mailbox_number = ${mailbox} and present
      group by folder_id
    ), found as (
      select distinct on (target_folder_id) target_folder_id, lost + misfiled + changed as lost, doubled
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

/** As many UIDs are named in a report; the list of exceptions has them all. */
const NAMED = 20;

/** Every folder is compared here and not from the tallies above: what compares must not be what counted along the way. */
export async function listMismatches(db: Db, mailboxId: string): Promise<readonly FolderMismatch[]> {
  const mailbox = await numberOf(db, mailboxId);
  const { rows } = await sql<
    Omit<FolderMismatch, 'folderId' | 'unfinishedUids'> & { folder: number; unfinishedUids: string[] }
  >`
    with counted as (
      select folder_id, count(*) filter (where not ${UNFINISHED}) as sum, count(*) filter (where ${UNFINISHED}) as unfinished
      from messages
      where mailbox_number = ${mailbox} and present
      group by folder_id
    )
    select folders.id as folder, source_path as "sourcePath", coalesce(exists_count, 0) as exists, coalesce(sum, 0) as sum,
      coalesce(unfinished, 0) as unfinished,
      array(
        select uid from messages
        where messages.mailbox_number = ${mailbox} and messages.folder_id = folders.id and present and ${UNFINISHED}
        order by uid limit ${NAMED}
      ) as "unfinishedUids"
    from folders
    left join counted on counted.folder_id = folders.id
    where folders.mailbox_number = ${mailbox}
      and (coalesce(sum, 0) <> coalesce(exists_count, 0) or coalesce(unfinished, 0) > 0)
    order by folders.id`.execute(db);
  return rows.map(({ folder, unfinishedUids, ...mismatch }) => ({
    folderId: folderId(mailbox, folder),
    ...mismatch,
    unfinishedUids: unfinishedUids.map(Number), // the driver gives numbers in an array as text
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
      select distinct on (mailbox_number, target_folder_id) mailbox_number, lost + misfiled + changed as lost, doubled
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
