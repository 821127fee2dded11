import { sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { Db } from './database.ts';
import * as migrationsAndMailboxes from './migrations/0001-migrations-and-mailboxes.ts';
import * as foldersAndMessages from './migrations/0002-folders-and-messages.ts';
import * as approvals from './migrations/0003-approvals.ts';
import * as access from './migrations/0004-access.ts';

/** In order; a migration that was released is never changed, only followed. */
const MIGRATIONS = {
  '0001-migrations-and-mailboxes': migrationsAndMailboxes,
  '0002-folders-and-messages': foldersAndMessages,
  '0003-approvals': approvals,
  '0004-access': access,
};

// Any number that no other program uses on this database.
const MIGRATE_LOCK = 7_203_441_118;

/**
 * Brings the schema to the newest migration. Twice is safe, also when several processes start at once.
 * @returns the names of the migrations that were applied by this call.
 * @throws DATABASE_UNAVAILABLE
 */
export async function migrateToLatest(db: Db): Promise<readonly string[]> {
  return await db.connection().execute(async (connection) => {
    // Kysely's own lock is taken after it has made its tables, and two processes that make them at once collide in pg_class.
    // The timeout is lifted because the process in front may have a large table to change.
    await sql`set statement_timeout = 0`.execute(connection);
    await sql`select pg_advisory_lock(${sql.lit(MIGRATE_LOCK)})`.execute(connection);
    try {
      const migrator = new Migrator({ db: connection, provider: { getMigrations: async () => MIGRATIONS } });
      const { error, results = [] } = await migrator.migrateToLatest();
      if (error !== undefined) throw error;
      return results.map((result) => result.migrationName);
    } finally {
      await sql`select pg_advisory_unlock(${sql.lit(MIGRATE_LOCK)})`.execute(connection);
      await sql`reset statement_timeout`.execute(connection);
    }
  });
}
