import { sql } from 'kysely';
import { MigrationError } from '../../domain/errors.ts';
import type { Plan } from '../../domain/plan.ts';
import type { Db } from './database.ts';

/**
 * Holds the row of a migration until the transaction ends, so that changes of its list and of its gates come one after the other,
 * and gives its plan.
 * @throws NOT_FOUND
 */
export async function lockMigration(trx: Db, id: string): Promise<Plan> {
  const { rows } = await sql<{ plan: Plan }>`select plan from migrations where id = ${id} for update`.execute(trx);
  const [row] = rows;
  if (row === undefined) throw unknownMigration(id);
  return row.plan;
}

export function unknownMigration(migrationId: string): MigrationError {
  return new MigrationError('NOT_FOUND', 'There is no such migration.', { facts: { migrationId } });
}
