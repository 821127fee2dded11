import { sql } from 'kysely';
import type { ProvisioningStore } from '../../domain/ports/provisioning-store.ts';
import type { MadeObject } from '../../domain/provisioning/made.ts';
import type { Db } from './database.ts';
import { jsonb } from './encoding.ts';
import { paged } from './pages.ts';

export function createProvisioningStore(db: Db): ProvisioningStore {
  const rowOf = (migrationId: string, { kind, address, detail }: MadeObject) =>
    db
      .selectFrom('made_objects')
      .select('state')
      .where('migration_id', '=', migrationId)
      .where('kind', '=', kind)
      .where('address', '=', address)
      .where('detail', '=', detail);
  const setState = async (migrationId: string, { kind, address, detail }: MadeObject, state: 'made' | 'undone') => {
    await db
      .updateTable('made_objects')
      .set({ state })
      .where('migration_id', '=', migrationId)
      .where('kind', '=', kind)
      .where('address', '=', address)
      .where('detail', '=', detail)
      .execute();
  };
  return {
    journal: (migrationId) => ({
      async isOurs(object) {
        const row = await rowOf(migrationId, object).executeTakeFirst();
        return row !== undefined && row.state !== 'undone';
      },
      async recordIntent({ kind, address, detail }, before = undefined) {
        // What an earlier attempt found before its change is what was there; a later look would find our own.
        const { rows } = await sql`
          insert into made_objects (migration_id, kind, address, detail, state, before)
          values (${migrationId}, ${kind}, ${address}, ${detail}, 'intended', ${before ?? null})
          on conflict (migration_id, kind, address, detail) do update
            set state = 'intended', before = excluded.before, at = clock_timestamp()
            where made_objects.state = 'undone'
          returning state`.execute(db);
        return rows.length > 0 ? 'new' : 'known';
      },
      recordMade: (object) => setState(migrationId, object, 'made'),
      async recordWithdrawn({ kind, address, detail }) {
        await db
          .deleteFrom('made_objects')
          .where('migration_id', '=', migrationId)
          .where('kind', '=', kind)
          .where('address', '=', address)
          .where('detail', '=', detail)
          .where('state', '=', 'intended')
          .execute();
      },
    }),
    async *listMade(migrationId) {
      const rows = paged((after, limit) =>
        db
          .selectFrom('made_objects')
          .select(['turn as number', 'kind', 'address', 'detail', 'state', 'before', 'at'])
          .where('migration_id', '=', migrationId)
          .where('turn', '>', after)
          .orderBy('turn')
          .limit(limit)
          .execute(),
      );
      for await (const { number: _turn, ...row } of rows) yield row;
    },
    recordUndone: (migrationId, object) => setState(migrationId, object, 'undone'),
    async recordReport(migrationId, kind, body) {
      await sql`
        insert into provisioning_reports (migration_id, kind, body) values (${migrationId}, ${kind}, ${jsonb(body)})
        on conflict (migration_id, kind) do update set body = excluded.body, at = clock_timestamp()`.execute(db);
    },
    async findReport(migrationId, kind) {
      const found = await db
        .selectFrom('provisioning_reports')
        .select(['at', 'body'])
        .where('migration_id', '=', migrationId)
        .where('kind', '=', kind)
        .executeTakeFirst();
      return found ?? null;
    },
  };
}
