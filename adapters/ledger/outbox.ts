import { sql } from 'kysely';
import type { DecisionSignal, Outbox, OutboxEntry } from '../../domain/ports/store.ts';
import type { Db } from './database.ts';
import { jsonb } from './encoding.ts';

type Mail = Extract<OutboxEntry, { kind: 'mail' }>['mail'];

/** In the caller's transaction: what is written there and what is sent for it happen together or not at all. */
export async function addMail(trx: Db, migrationId: string | null, mail: Mail): Promise<void> {
  await trx
    .insertInto('outbox')
    .values({ kind: 'mail', migration_id: migrationId, payload: jsonb(mail) })
    .execute();
}

export async function addDecisionSignal(trx: Db, migrationId: string, signal: DecisionSignal): Promise<void> {
  await trx
    .insertInto('outbox')
    .values({ kind: 'signal', migration_id: migrationId, payload: jsonb({ ...signal }) })
    .execute();
}

/**
 * Of the signals of one workflow only the oldest is handed out, so that they arrive in order even when one has to be tried
 * again. What was delivered or given up keeps no payload: mails hold tokens and codes, of which only hashes are kept.
 */
export function createOutbox(db: Db): Outbox {
  return {
    async takeDue(limit, leaseMs) {
      const { rows } = await sql<OutboxRow>`
        with due as (
          select id from outbox as entry
          where state = 'pending' and due_at <= now() and (kind = 'mail' or not exists (
            select from outbox as earlier
            where earlier.kind = 'signal' and earlier.state = 'pending' and earlier.migration_id = entry.migration_id
              and earlier.id < entry.id))
          order by id limit ${limit}
          for update skip locked
        )
        update outbox set due_at = now() + ${leaseMs} * interval '1 millisecond'
        from due where outbox.id = due.id
        returning outbox.id, kind, migration_id, payload`.execute(db);
      return rows.toSorted((one, other) => one.id - other.id).map(toEntry);
    },
    async recordDelivered(id) {
      await sql`
        update outbox set state = 'delivered', settled_at = now(), payload = null, attempts = attempts + 1
        where id = ${id} and state = 'pending'`.execute(db);
    },
    async recordAttempt(id, error, retryInMs) {
      await sql`
        update outbox
        set attempts = attempts + 1, last_error = ${error}, due_at = now() + ${retryInMs} * interval '1 millisecond'
        where id = ${id} and state = 'pending'`.execute(db);
    },
    async recordDead(id, error) {
      await sql`
        update outbox
        set state = 'dead', settled_at = now(), payload = null, attempts = attempts + 1, last_error = ${error}
        where id = ${id} and state = 'pending'`.execute(db);
    },
  };
}

type OutboxRow = { id: number; migration_id: string | null } & (
  | { kind: 'signal'; payload: DecisionSignal }
  | { kind: 'mail'; payload: Mail }
);

function toEntry(row: OutboxRow): OutboxEntry {
  const id = String(row.id);
  return row.kind === 'mail'
    ? { id, kind: 'mail', migrationId: row.migration_id, mail: row.payload }
    : { id, kind: 'signal', migrationId: row.migration_id ?? '', signal: 'decision', payload: row.payload };
}
