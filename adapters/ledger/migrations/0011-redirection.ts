import { type Kysely, sql } from 'kysely';

/** What was in the tenant before redirection touched it, and when which means was on. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table redirection_before (
      migration_id text not null references migrations (id),
      object text not null,
      before jsonb not null,
      primary key (migration_id, object)
    )`.execute(db);
  await sql`
    create table redirection_periods (
      migration_id text not null references migrations (id),
      means text not null check (means in ('relay', 'forwarding')),
      since timestamptz not null default clock_timestamp(),
      until timestamptz,
      primary key (migration_id, means, since)
    )`.execute(db);
  await sql`create unique index redirection_on on redirection_periods (migration_id, means) where until is null`.execute(
    db,
  );
}
