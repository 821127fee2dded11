import { sql } from 'kysely';
import type { FolderPath } from '../../domain/mail.ts';
import type { Pass } from '../../domain/passes.ts';
import type { DeliveredTally, Deviation, FolderFinding, Lease } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { countUnderLease } from './fencing.ts';
import { IS_OURS } from './ledger-delivered.ts';
import { parsePath, pathKey } from './ledger-folders.ts';
import { rowsOf } from './ledger-rows.ts';
import { numberOf } from './mailbox-numbers.ts';

/** Where a verification has to look, and what it found. */

const PAGE = 500;

export async function tallyDelivered(
  db: Db,
  mailboxId: string,
  passNumber: number,
): Promise<readonly DeliveredTally[]> {
  const mailbox = await numberOf(db, mailboxId);
  const { rows } = await sql<Omit<DeliveredTally, 'targetPath'> & { path: string }>`
    with counted as (
      select target_folder_id, count(*) as copies, count(*) filter (where target_uid is null) as "withoutUid",
        count(*) filter (where starts_with(copy_fingerprint, 'content:')) as "byContent",
        count(*) filter (where delivered_pass = ${passNumber}) as "ofPass",
        min(target_uid) filter (where delivered_pass = ${passNumber}) as "firstUidOfPass",
        min(coalesce(target_uid, 1)) filter (where state <> 'already-there') as "firstUidOfOurs"
      from messages
      where mailbox_number = ${mailbox} and target_folder_id is not null and ${IS_OURS}
      group by target_folder_id
    )
    select path, copies, "withoutUid", "byContent", "ofPass", "firstUidOfPass", "firstUidOfOurs"
    from counted join target_folders on target_folders.id = target_folder_id
    order by target_folder_id`.execute(db);
  return rows.map(({ path, ...counts }) => ({ targetPath: parsePath(path), ...counts }));
}

export async function recordDeviations(db: Db, lease: Lease, deviations: readonly Deviation[]): Promise<void> {
  const rows = deviations.map(({ targetPath, ...deviation }) => ({ path: pathKey(targetPath), ...deviation }));
  await countUnderLease(
    db,
    lease,
    sql`given as (
      select * from ${rowsOf(rows)} as row(path text, code text, "targetUid" bigint, "sourcePath" jsonb, "uidValidity" text,
        uid bigint, "sizeBytes" bigint, "receivedAt" text, detail text)
    ), target as (
      insert into target_folders (mailbox_number, path) select distinct mailbox_number, given.path from held, given
      on conflict (mailbox_number, path) do update set path = excluded.path
      returning id, path
    ), written as (
      insert into deviations (mailbox_number, target_folder_id, fence, code, target_uid, source_path, uid_validity, uid,
        size_bytes, received_at, detail)
      select mailbox_number, target.id, ${lease.fence}::bigint, code, "targetUid", "sourcePath", "uidValidity", uid,
        "sizeBytes", "receivedAt", detail
      from held, given join target using (path)
      returning 1
    )`,
  );
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
      select * from ${rowsOf(rows)} as row(path text, lost bigint, doubled bigint, misfiled bigint, changed bigint,
        altered bigint, "datesMoved" bigint, "flagsLost" bigint, seen bigint)
    ), target as (
      insert into target_folders (mailbox_number, path) select mailbox_number, path from held, finding
      on conflict (mailbox_number, path) do update set path = excluded.path
      returning id, path
    ), written as (
      insert into verifications (mailbox_number, target_folder_id, pass_number, lost, doubled, misfiled, changed, altered,
        dates_moved, flags_lost, seen)
      select mailbox_number, target.id, ${pass.number}::int, lost, doubled, misfiled, changed, altered, "datesMoved",
        "flagsLost", seen
      from held, finding join target using (path)
      on conflict (mailbox_number, target_folder_id, pass_number) do update
        set lost = excluded.lost, doubled = excluded.doubled, misfiled = excluded.misfiled, changed = excluded.changed,
          altered = excluded.altered, dates_moved = excluded.dates_moved, flags_lost = excluded.flags_lost,
          seen = excluded.seen, verified_at = now()
      returning 1
    ), replaced as (
      select id from held, target
      where not exists (
        select from verifications
        where verifications.mailbox_number = held.mailbox_number and target_folder_id = target.id
          and pass_number > ${pass.number})
    ), dropped as (
      delete from deviations using held
      where deviations.mailbox_number = held.mailbox_number and case
        when current or fence < ${lease.fence} then not current or target_folder_id in (select id from replaced)
        else target_folder_id not in (select id from replaced) end
    ), shown as (
      update deviations set current = true from held
      where deviations.mailbox_number = held.mailbox_number and not current and fence = ${lease.fence}
        and target_folder_id in (select id from replaced)
    )`,
  );
}

export async function listFindings(db: Db, mailboxId: string): Promise<readonly FolderFinding[]> {
  const mailbox = await numberOf(db, mailboxId);
  const { rows } = await sql<Omit<FolderFinding, 'targetPath'> & { path: string }>`
    select distinct on (target_folder_id) path, lost, doubled, misfiled, changed, altered, dates_moved as "datesMoved",
      flags_lost as "flagsLost", seen
    from verifications join target_folders on target_folders.id = target_folder_id
    where verifications.mailbox_number = ${mailbox}
    order by target_folder_id, pass_number desc`.execute(db);
  return rows.map(({ path, ...numbers }) => ({ targetPath: parsePath(path), ...numbers }));
}

interface DeviationRow extends Omit<Deviation, 'targetPath'> {
  readonly path: string;
  readonly folder: number;
  readonly number: number;
}

export async function* listDeviations(db: Db, mailboxId: string): AsyncIterable<Deviation> {
  const mailbox = await numberOf(db, mailboxId);
  for (let last = { folder: 0, number: 0 }; ; ) {
    const { rows } = await sql<DeviationRow>`
      select target_folder_id as folder, number, path, code, target_uid as "targetUid", source_path as "sourcePath",
        uid_validity as "uidValidity", uid, size_bytes as "sizeBytes", received_at as "receivedAt", detail
      from deviations join target_folders on target_folders.id = target_folder_id
      where deviations.mailbox_number = ${mailbox} and current
        and (target_folder_id, number) > (${last.folder}::bigint, ${last.number}::bigint)
      order by target_folder_id, number limit ${PAGE}`.execute(db);
    for (const { folder, number, path, ...deviation } of rows) {
      last = { folder, number };
      yield { targetPath: parsePath(path) satisfies FolderPath, ...deviation };
    }
    if (rows.length < PAGE) return;
  }
}
