import { sql, type Transaction } from 'kysely';
import type { RequestParty, ThrottleStore } from '../../domain/ports/request-limiter.ts';
import {
  firstPace,
  grantOf,
  type Pace,
  type ThrottleGrant,
  type ThrottleReport,
  UPLOAD_SLICE_MS,
  UPLOAD_WINDOW_MS,
} from '../../domain/throttle.ts';
import type { Db } from './database.ts';
import type { Database } from './schema.ts';

type Trx = Transaction<Database>;

interface Known {
  readonly nowMs: number;
  readonly mailbox: Pace;
  readonly application: Pace;
  readonly held: number;
  readonly others: { places: number; wanted: number }[];
  readonly slices: { endMs: number; bytes: number }[];
}

/** Paces, shares and uploads in PostgreSQL. The rules are the domain's; here is only what is read and written around them. */
export function createThrottleStore(db: Db, clock: ThrottleClock = DATABASE_CLOCK): ThrottleStore {
  return {
    async exchange(report) {
      return await db.transaction().execute(async (trx) => {
        const known = await lockAndRead(trx, report, clock);
        const { grant, mailbox, application } = grantOf(report, known);
        if (mailbox !== known.mailbox) await writePace(trx, report.party, mailbox);
        if (application !== known.application) await writePace(trx, { ...report.party, mailbox: null }, application);
        await writeShare(trx, report, grant, known.nowMs);
        return grant;
      });
    },
  };
}

/** SQL for milliseconds since 1970: the one clock of all workers. */
export type ThrottleClock = () => ReturnType<typeof sql<number>>;

const DATABASE_CLOCK: ThrottleClock = () => sql<number>`(extract(epoch from clock_timestamp()) * 1000)::float8`;

/** The pace's row is the lock: whoever comes meanwhile waits for the end of this transaction, a few milliseconds. */
async function lockAndRead(trx: Trx, { party, holder }: ThrottleReport, clock: ThrottleClock): Promise<Known> {
  const mailbox = party.mailbox ?? '';
  const first = firstPace(0);
  const locked = await sql<Pace & { nowMs: number }>`
    insert into request_paces as pace (app, mailbox, places, changed_at_ms, not_before_ms, strikes)
    values (${party.app}, ${mailbox}, ${first.places}, ${clock()}, ${first.notBeforeMs}, ${first.strikes})
    on conflict (app, mailbox) do update set app = excluded.app
    returning places, changed_at_ms as "changedAtMs", not_before_ms as "notBeforeMs", strikes, ${clock()} as "nowMs"`.execute(
    trx,
  );
  const { nowMs, ...pace } = onlyRow(locked.rows);
  const read = await sql<Omit<Known, 'nowMs' | 'mailbox' | 'application'> & { application: Pace | null }>`
    select
      (select json_build_object('places', places, 'changedAtMs', changed_at_ms, 'notBeforeMs', not_before_ms, 'strikes', strikes)
        from request_paces where app = ${party.app} and mailbox = '') as application,
      coalesce((select places from request_shares
        where app = ${party.app} and mailbox = ${mailbox} and holder = ${holder}), 0) as held,
      (select coalesce(json_agg(json_build_object('places', places, 'wanted', wanted)), '[]') from request_shares
        where app = ${party.app} and mailbox = ${mailbox} and holder <> ${holder} and expires_at_ms > ${nowMs}) as others,
      (select coalesce(json_agg(json_build_object('endMs', end_ms, 'bytes', bytes)), '[]') from request_uploads
        where app = ${party.app} and mailbox = ${mailbox} and end_ms > ${nowMs - UPLOAD_WINDOW_MS}) as slices`.execute(
    trx,
  );
  const { application, ...rest } = onlyRow(read.rows);
  return { nowMs, mailbox: pace, application: application ?? firstPace(nowMs), ...rest };
}

/** A wait that another party was told of meanwhile, for the whole application, is never made shorter. */
async function writePace(trx: Trx, { app, mailbox }: RequestParty, pace: Pace): Promise<void> {
  await sql`
    insert into request_paces as known (app, mailbox, places, changed_at_ms, not_before_ms, strikes)
    values (${app}, ${mailbox ?? ''}, ${pace.places}, ${pace.changedAtMs}, ${pace.notBeforeMs}, ${pace.strikes})
    on conflict (app, mailbox) do update set places = excluded.places, changed_at_ms = excluded.changed_at_ms,
      not_before_ms = greatest(known.not_before_ms, excluded.not_before_ms), strikes = excluded.strikes`.execute(trx);
}

/** One statement: the share, what was booked, and the removal of what is of no use any more. */
async function writeShare(trx: Trx, report: ThrottleReport, grant: ThrottleGrant, nowMs: number): Promise<void> {
  const { party, holder, wanted, validMs } = report;
  const mailbox = party.mailbox ?? '';
  const isParty = sql`app = ${party.app} and mailbox = ${mailbox}`;
  const endMs = (Math.floor(nowMs / UPLOAD_SLICE_MS) + 1) * UPLOAD_SLICE_MS;
  await sql`
    with dead as (
      delete from request_shares where ${isParty} and holder <> ${holder} and expires_at_ms <= ${nowMs}
    ), left_behind as (
      delete from request_shares where ${isParty} and holder = ${holder} and ${wanted}::int = 0
    ), past as (
      delete from request_uploads where ${isParty} and end_ms <= ${nowMs - UPLOAD_WINDOW_MS}
    ), booked as (
      insert into request_uploads as known (app, mailbox, end_ms, bytes)
      select ${party.app}, ${mailbox}, ${endMs}::float8, ${grant.uploadBytes}::bigint where ${grant.uploadBytes}::bigint > 0
      on conflict (app, mailbox, end_ms) do update set bytes = known.bytes + excluded.bytes
    )
    insert into request_shares (app, mailbox, holder, places, wanted, expires_at_ms)
    select ${party.app}, ${mailbox}, ${holder}, ${grant.places}::int, ${wanted}::int, ${nowMs + validMs}::float8
    where ${wanted}::int > 0
    on conflict (app, mailbox, holder) do update
      set places = excluded.places, wanted = excluded.wanted, expires_at_ms = excluded.expires_at_ms`.execute(trx);
}

function onlyRow<R>(rows: readonly R[]): R {
  const [row] = rows;
  if (row === undefined) throw new Error('unreachable: the statement returns one row');
  return row;
}
