import { sql } from 'kysely';
import type { HostConnections, HostPlace } from '../../domain/ports/connections.ts';
import type { Db } from './database.ts';
import { newId } from './encoding.ts';
import { rowsOf } from './ledger-rows.ts';

export interface HostConnectionsOptions {
  /** How often the places of this process are renewed, all by one statement. */
  readonly renewMs?: number;
  /** A place that was not renewed for so long is free: three renewals may fail. */
  readonly placeValidMs?: number;
  /** Who waits asks again within this time, or is taken for gone. */
  readonly waitValidMs?: number;
  /** An answer of `isWanted` is as old as this at most. */
  readonly wantedMs?: number;
}

export interface OpenHostConnections extends HostConnections {
  /** Gives all places back and stops renewing. */
  close(): Promise<void>;
}

/** One taking of a place: `turn` tells it from others of the same place. */
interface Taking {
  readonly host: string;
  readonly number: number;
  readonly turn: number;
}

/**
 * Places of hosts over all processes: rows in PostgreSQL, by its clock. One object for a process. A limit that is smaller than
 * that of others is one on place numbers, and the lowest are taken first.
 */
export function createHostConnections(db: Db, options: HostConnectionsOptions = {}): OpenHostConnections {
  const { renewMs = 5_000, placeValidMs = 20_000, waitValidMs = 3_000, wantedMs = 1_000 } = options;
  const holder = newId('proc');
  const taken = new Set<Taking>();
  const made = new Map<string, number>();
  const wanted = new Map<string, { readonly askedAt: number; readonly answer: Promise<boolean> }>();
  let timer: NodeJS.Timeout | null = null;
  let renewing = false;

  async function renew(): Promise<void> {
    if (renewing) return;
    renewing = true;
    // A failure is made good by the next renewal, or the places are free again.
    await renewPlaces(db, holder, [...taken], placeValidMs).catch(() => {});
    renewing = false;
  }

  function hold(taking: Taking): HostPlace {
    taken.add(taking);
    timer ??= setInterval(() => void renew(), renewMs).unref();
    return {
      async release() {
        if (!taken.delete(taking)) return;
        stopWhenIdle();
        // Where the database is away, the place becomes free by itself, as nobody renews it any more.
        await releasePlaces(db, holder, [taking]).catch(() => {});
        wanted.delete(taking.host);
      },
    };
  }

  function stopWhenIdle(): void {
    if (taken.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  }

  return {
    async findPlace(host, limit, waits) {
      if ((made.get(host) ?? 0) < limit) {
        await makePlaces(db, host, limit);
        made.set(host, limit);
      }
      const taking = await takePlace(db, holder, host, limit, placeValidMs, waits ? waitValidMs : null);
      if (taking !== null) return hold(taking);
      if (waits) wanted.delete(host);
      return null;
    },
    async isWanted(host) {
      const known = wanted.get(host);
      if (known !== undefined && performance.now() - known.askedAt < wantedMs) return await known.answer;
      // While the database is away nobody can be given a place.
      const answer = isAnyoneWaiting(db, host).catch(() => false);
      wanted.set(host, { askedAt: performance.now(), answer });
      return await answer;
    },
    async close() {
      const all = [...taken];
      taken.clear();
      stopWhenIdle();
      await releasePlaces(db, holder, all).catch(() => {});
    },
  };
}

async function makePlaces(db: Db, host: string, limit: number): Promise<void> {
  await sql`
    insert into host_places (host, number) select ${host}, number from generate_series(1, ${limit}::int) as number
    on conflict do nothing`.execute(db);
}

/** `skip locked` passes over what others are taking at this moment; what one of them took meanwhile is seen as taken. */
async function takePlace(
  db: Db,
  holder: string,
  host: string,
  limit: number,
  validMs: number,
  waitMs: number | null,
): Promise<Taking | null> {
  const { rows } = await sql<Taking>`
    with free as (
      select number from host_places
      where host = ${host} and number <= ${limit} and expires_at <= clock_timestamp()
      order by number limit 1
      for update skip locked
    ), taken as (
      update host_places
      set holder = ${holder}, turn = turn + 1, expires_at = ${fromNow(validMs)}
      from free where host = ${host} and host_places.number = free.number
      returning host_places.host, host_places.number, host_places.turn
    ), served as (
      delete from host_waiters where host = ${host} and holder = ${holder} and exists (select from taken)
    ), waiting as (
      insert into host_waiters (host, holder, place_limit, expires_at)
      select ${host}, ${holder}, ${limit}::int, ${fromNow(waitMs ?? 0)}
      where ${waitMs !== null}::boolean and not exists (select from taken)
      on conflict (host, holder) do update set place_limit = excluded.place_limit, expires_at = excluded.expires_at
    )
    select host, number, turn from taken`.execute(db);
  return rows[0] ?? null;
}

async function renewPlaces(db: Db, holder: string, takings: readonly Taking[], validMs: number): Promise<void> {
  await sql`
    update host_places set expires_at = ${fromNow(validMs)}
    from ${rowsOf(takings)} as mine(host text, number int, turn bigint)
    where ${isMine(holder)}`.execute(db);
}

async function releasePlaces(db: Db, holder: string, takings: readonly Taking[]): Promise<void> {
  await sql`
    update host_places set holder = null, expires_at = 'epoch'
    from ${rowsOf(takings)} as mine(host text, number int, turn bigint)
    where ${isMine(holder)}`.execute(db);
}

function isMine(holder: string) {
  return sql`host_places.host = mine.host and host_places.number = mine.number and host_places.turn = mine.turn
    and holder = ${holder}`;
}

/** Somebody waits, and no place is free that would do. */
async function isAnyoneWaiting(db: Db, host: string): Promise<boolean> {
  const { rows } = await sql<{ wanted: boolean }>`
    select exists (
      select from host_waiters as waiter
      where waiter.host = ${host} and waiter.expires_at > clock_timestamp() and not exists (
        select from host_places as place
        where place.host = ${host} and place.number <= waiter.place_limit and place.expires_at <= clock_timestamp())
    ) as wanted`.execute(db);
  return rows[0]?.wanted === true;
}

function fromNow(ms: number) {
  return sql`clock_timestamp() + ${ms}::float8 * interval '1 millisecond'`;
}
