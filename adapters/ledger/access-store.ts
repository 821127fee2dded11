import { sql } from 'kysely';
import { MigrationError } from '../../domain/errors.ts';
import type { AccessStore, Json } from '../../domain/ports/store.ts';
import type { Db } from './database.ts';
import { newId, sha256, storableText } from './encoding.ts';

export interface AccessOptions {
  /** A request that began so long ago without an end died with its process; its key may be used again. */
  readonly abandonedMs?: number;
}

// Any number that no other program uses on this database.
const OPERATOR_LOCK = 7_203_441_120;

/** Operators and the memory of idempotent requests. Of tokens only the SHA-256 is kept: they are 256 random bits. */
export function createAccessStore(db: Db, options: AccessOptions = {}): AccessStore {
  const { abandonedMs = 120_000 } = options; // twice what the longest request of the API takes
  return {
    async ensureFirstOperator(name, token) {
      return await db.transaction().execute(async (trx) => {
        await sql`select pg_advisory_xact_lock(${sql.lit(OPERATOR_LOCK)})`.execute(trx);
        const there = await trx.selectFrom('operators').select('id').limit(1).executeTakeFirst();
        if (there !== undefined) return false;
        await trx
          .insertInto('operators')
          .values({ id: newId('op'), name: storableText(name), token_hash: sha256(token) })
          .execute();
        return true;
      });
    },
    async findOperator(token) {
      const row = await db
        .selectFrom('operators')
        .select(['id', 'name'])
        .where('token_hash', '=', sha256(token))
        .executeTakeFirst();
      return row ?? null;
    },
    async beginRequest(key, fingerprint) {
      const { rows } = await sql`
        insert into requests (key, fingerprint) values (${key}, ${fingerprint})
        on conflict (key) do update set begun_at = now()
        where requests.status is null and requests.fingerprint = excluded.fingerprint
          and requests.begun_at < now() - ${abandonedMs} * interval '1 millisecond'
        returning 1`.execute(db);
      if (rows.length > 0) return null;
      const row = await db.selectFrom('requests').selectAll().where('key', '=', key).executeTakeFirst();
      // Forgotten between the two statements: the other request failed just now.
      if (row === undefined) throw new MigrationError('CONFLICT', 'The same request has just failed; send it again.');
      if (row.fingerprint !== fingerprint) {
        throw new MigrationError('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key belongs to a different request.');
      }
      if (row.status === null || row.body === null) {
        throw new MigrationError('CONFLICT', 'The same request is still running.', { retryAfterMs: 1_000 });
      }
      return { status: row.status, body: JSON.parse(row.body) as Json };
    },
    async endRequest(key, answer) {
      await db
        .updateTable('requests')
        .set({ status: answer.status, body: JSON.stringify(answer.body) })
        .where('key', '=', key)
        .where('status', 'is', null)
        .execute();
    },
    async forgetRequest(key) {
      await db.deleteFrom('requests').where('key', '=', key).where('status', 'is', null).execute();
    },
  };
}
