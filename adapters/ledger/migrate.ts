import { sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { Db } from './database.ts';
import * as migrationsAndMailboxes from './migrations/0001-migrations-and-mailboxes.ts';
import * as foldersAndMessages from './migrations/0002-folders-and-messages.ts';
import * as approvals from './migrations/0003-approvals.ts';
import * as access from './migrations/0004-access.ts';
import * as copyOnManyConnections from './migrations/0005-copy-on-many-connections.ts';
import * as deviations from './migrations/0006-deviations.ts';
import * as gmailAndDeletions from './migrations/0007-gmail-and-deletions.ts';
import * as intendedForm from './migrations/0008-intended-form.ts';
import * as routesAndThrottling from './migrations/0009-routes-and-throttling.ts';
import * as provisioning from './migrations/0010-provisioning.ts';
import * as redirection from './migrations/0011-redirection.ts';

/** In order; a migration that was released is never changed, only followed. */
const MIGRATIONS = {
  '0001-migrations-and-mailboxes': migrationsAndMailboxes,
  '0002-folders-and-messages': foldersAndMessages,
  '0003-approvals': approvals,
  '0004-access': access,
  '0005-copy-on-many-connections': copyOnManyConnections,
  '0006-deviations': deviations,
  '0007-gmail-and-deletions': gmailAndDeletions,
  '0008-intended-form': intendedForm,
  '0009-routes-and-throttling': routesAndThrottling,
  '0010-provisioning': provisioning,
  '0011-redirection': redirection,
};

/**
 * Brings the schema to the newest migration. Twice is safe, also when several processes start at once: Kysely holds an advisory
 * lock while it migrates, and the others wait for it (measured with eight processes and Kysely 0.29.9).
 * @returns the names of the migrations that were applied by this call.
 * @throws DATABASE_UNAVAILABLE
 */
export async function migrateToLatest(db: Db): Promise<readonly string[]> {
  return await db.connection().execute(async (connection) => {
    // Waiting for the process in front counts as a statement, and that one may have a large table to change.
    await sql`set statement_timeout = 0`.execute(connection);
    const migrator = new Migrator({ db: connection, provider: { getMigrations: async () => MIGRATIONS } });
    const { error, results = [] } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
    await sql`reset statement_timeout`.execute(connection);
    return results.map((result) => result.migrationName);
  });
}
