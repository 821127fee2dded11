import { sql } from 'kysely';
import type { DailyReads } from '../../domain/ports/connections.ts';
import type { Db } from './database.ts';
import { storableText } from './encoding.ts';

// The first half of an advisory lock, beside a hash of the account; any number that no other part of this program uses.
const READS_LOCK = 720_344_114;
const KEPT = sql`interval '24 hours'`;

/**
 * What was read of an account in the last 24 hours, in PostgreSQL and by its clock. Counted by the hour: an hour counts until a day
 * after its end, which errs on the side of the limit.
 */
export function createDailyReads(db: Db): DailyReads {
  return {
    async book(account, bytes, limitBytes) {
      const name = storableText(account);
      return await db.transaction().execute(async (trx) => {
        // Lanes of other workers wait here, so that no two of them take the rest of the day.
        await sql`select pg_advisory_xact_lock(${sql.lit(READS_LOCK)}, hashtext(${name}))`.execute(trx);
        const ofDay = sql`account = ${name} and hour + interval '1 hour' + ${KEPT} > clock_timestamp()`;
        await sql`delete from source_reads where account = ${name} and not (${ofDay})`.execute(trx);
        const { rows } = await sql<{ used: number; waitMs: number }>`
          select coalesce(sum(bytes), 0)::bigint as used,
            coalesce(ceil(extract(epoch from min(hour) + interval '1 hour' + ${KEPT} - clock_timestamp()) * 1000), 0)::bigint
              as "waitMs"
          from source_reads where ${ofDay}`.execute(trx);
        const [{ used, waitMs } = { used: 0, waitMs: 0 }] = rows;
        // A message larger than the limit has a day of its own: it would wait for ever.
        if (used > 0 && used + bytes > limitBytes) return Math.max(1_000, waitMs);
        await sql`
          insert into source_reads (account, hour, bytes)
          values (${name}, date_trunc('hour', clock_timestamp()), ${bytes})
          on conflict (account, hour) do update set bytes = source_reads.bytes + excluded.bytes`.execute(trx);
        return null;
      });
    },
  };
}
