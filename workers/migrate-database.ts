import { openDatabase } from '../adapters/ledger/database.ts';
import { migrateToLatest } from '../adapters/ledger/migrate.ts';
import type { Config } from '../config.ts';
import { MigrationError } from '../domain/errors.ts';

/**
 * Brings the schema of DATABASE_URL up to date: the one-shot service of a deployment. Twice is once; several at a time wait for
 * each other. @returns names of the migrations that were applied. @throws CONFIG_INVALID without DATABASE_URL
 */
export async function migrateDatabase(config: Config): Promise<readonly string[]> {
  if (config.databaseUrl === null) {
    throw new MigrationError('CONFIG_INVALID', 'DATABASE_URL is not set; the embedded database is migrated by `up`.');
  }
  const db = openDatabase(config.databaseUrl);
  try {
    return await migrateToLatest(db);
  } finally {
    await db.destroy();
  }
}
