import { sql } from 'kysely';
import type { AuditRow, Json } from '../../domain/ports/store.ts';
import type { Db } from './database.ts';
import { canonicalJson, sha256, storableText } from './encoding.ts';
import { paged } from './pages.ts';

/**
 * The audit trail: one chain over all migrations. Each row holds the hash of the row before it, so a row that was changed, left
 * out or put in between is found by whoever recomputes the chain.
 */

// Any number that no other program uses on this database.
const AUDIT_LOCK = 7_203_441_119;
/** What the first row has in place of a predecessor. */
const CHAIN_START = '';

export interface NewAuditRow {
  migrationId: string | null;
  actor: string;
  action: string;
  details: Json;
}

/** Adds a row. Call it last in a transaction: it holds the chain until the transaction ends. */
export async function appendAudit(trx: Db, row: NewAuditRow): Promise<void> {
  await sql`select pg_advisory_xact_lock(${sql.lit(AUDIT_LOCK)})`.execute(trx);
  const { rows } = await sql<{ number: number; hash: string; at: string }>`
    select coalesce(number, 0) as number, coalesce(hash, ${CHAIN_START}) as hash,
      to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at
    from (values (1)) as always(one) left join (select number, hash from audit order by number desc limit 1) as last on true
  `.execute(trx);
  const [last] = rows;
  if (last === undefined) throw new Error('a left join returned no row');
  const values = {
    number: last.number + 1,
    migration_id: row.migrationId,
    at: last.at,
    actor: storableText(row.actor),
    action: row.action,
    details: canonicalJson(row.details),
    previous_hash: last.hash,
  };
  await trx
    .insertInto('audit')
    .values({ ...values, hash: hashOf(values) })
    .execute();
}

export async function* listAudit(db: Db, migrationId: string): AsyncIterable<AuditRow> {
  const rows = paged((after, limit) =>
    db
      .selectFrom('audit')
      .selectAll()
      .where('migration_id', '=', migrationId)
      .where('number', '>', after)
      .orderBy('number')
      .limit(limit)
      .execute(),
  );
  for await (const { number, at, actor, action, details, hash } of rows) {
    yield { id: auditId(number), at, actor, action, details: JSON.parse(details) as Json, hash };
  }
}

/** @returns the id of the first row that does not fit its predecessor, or null. Rows cut off at the end leave no trace. */
export async function findAuditBreak(db: Db): Promise<string | null> {
  let before = { number: 0, hash: CHAIN_START };
  const rows = paged(
    (after, limit) =>
      db.selectFrom('audit').selectAll().where('number', '>', after).orderBy('number').limit(limit).execute(),
    1_000,
  );
  for await (const row of rows) {
    const fits = row.number === before.number + 1 && row.previous_hash === before.hash && row.hash === hashOf(row);
    if (!fits) return auditId(row.number);
    before = row;
  }
  return null;
}

function auditId(number: number): string {
  return `aud_${number}`;
}

function hashOf(row: {
  number: number;
  migration_id: string | null;
  at: string;
  actor: string;
  action: string;
  details: string;
  previous_hash: string;
}): string {
  const { number, migration_id, at, actor, action, details, previous_hash } = row;
  return sha256(canonicalJson([number, migration_id, at, actor, action, details, previous_hash]));
}
