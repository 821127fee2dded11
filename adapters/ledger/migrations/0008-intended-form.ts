import { type Kysely, sql } from 'kysely';

/**
 * What a message would be once it is delivered. Where the mark of a copy is never its fingerprint, that does not tell any more
 * whether something of the message was changed, and after a lost answer nobody else knows.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table messages add column intent_state text check (intent_state in ('copied', 'repaired', 'wrapped'))`.execute(
    db,
  );
}
