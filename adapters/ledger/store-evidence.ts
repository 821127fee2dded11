import { sql } from 'kysely';
import type { Json } from '../../domain/ports/store.ts';
import type { StepId } from '../../domain/steps.ts';
import type { Db } from './database.ts';
import { canonicalJson, sha256 } from './encoding.ts';
import { paged } from './pages.ts';

/**
 * The id follows from the content, so an activity that is tried again stores nothing new. Where a step finds again what it found
 * before something else, that evidence is the newest once more, under its old id.
 */
export async function recordEvidence(db: Db, migrationId: string, step: StepId, body: Json): Promise<string> {
  const text = canonicalJson(body);
  const id = `ev_${sha256(`${migrationId}\n${step}\n${text}`).slice(0, 24)}`;
  await sql`
    insert into evidence (id, migration_id, step, body) values (${id}, ${migrationId}, ${step}, ${text})
    on conflict (id) do update set turn = default
    where evidence.turn < (select max(turn) from evidence where migration_id = ${migrationId} and step = ${step})`.execute(
    db,
  );
  return id;
}

interface StoredEvidence {
  id: string;
  step: StepId;
  recordedAt: string;
  body: Json;
}

export async function* listEvidence(db: Db, migrationId: string): AsyncIterable<StoredEvidence> {
  const rows = paged((after, limit) =>
    db
      .selectFrom('evidence')
      .select(['id', 'step', 'recorded_at', 'body', 'turn as number'])
      .where('migration_id', '=', migrationId)
      .where('turn', '>', after)
      .orderBy('turn')
      .limit(limit)
      .execute(),
  );
  for await (const row of rows) {
    yield { id: row.id, step: row.step, recordedAt: row.recorded_at, body: JSON.parse(row.body) as Json };
  }
}

export async function findEvidence(db: Db, migrationId: string, step: StepId): Promise<StoredEvidence | null> {
  const row = await db
    .selectFrom('evidence')
    .select(['id', 'recorded_at', 'body'])
    .where('migration_id', '=', migrationId)
    .where('step', '=', step)
    .orderBy('turn', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined
    ? null
    : { id: row.id, step, recordedAt: row.recorded_at, body: JSON.parse(row.body) as Json };
}
