import { sql } from 'kysely';
import type { RedirectionPeriod, Redirections } from '../../domain/ports/redirection.ts';
import type { Json } from '../../domain/ports/store.ts';
import type { Db } from './database.ts';

/** What is remembered of redirection, in PostgreSQL and by its clock. @throws DATABASE_UNAVAILABLE */
export function createRedirections(db: Db): Redirections {
  return {
    memory: (migrationId) => ({
      async find(object) {
        const { rows } = await sql<{ before: Json }>`
          select before from redirection_before where migration_id = ${migrationId} and object = ${object}`.execute(db);
        return rows[0]?.before ?? null;
      },
      async list() {
        const { rows } = await sql<{ object: string }>`
          select object from redirection_before where migration_id = ${migrationId} order by object`.execute(db);
        return rows.map(({ object }) => object);
      },
      async record(object, before) {
        await sql`
          insert into redirection_before (migration_id, object, before)
          values (${migrationId}, ${object}, ${JSON.stringify(before)}::jsonb) on conflict do nothing`.execute(db);
      },
      async forget(object) {
        await sql`
          delete from redirection_before where migration_id = ${migrationId} and object = ${object}`.execute(db);
      },
    }),
    async recordOn(migrationId, means) {
      await sql`
        insert into redirection_periods (migration_id, means) values (${migrationId}, ${means})
        on conflict (migration_id, means) where until is null do nothing`.execute(db);
    },
    async recordOff(migrationId) {
      await sql`
        update redirection_periods set until = clock_timestamp()
        where migration_id = ${migrationId} and until is null`.execute(db);
    },
    async listPeriods(migrationId) {
      const { rows } = await sql<RedirectionPeriod>`
        select means, ${utc('since')} as since, ${utc('until')} as until from redirection_periods
        where migration_id = ${migrationId} order by since, means`.execute(db);
      return rows;
    },
  };
}

function utc(column: string) {
  return sql`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}
