import { type Kysely, sql } from 'kysely';

/** What a migration made or changed in the tenant, intent first, so that it can be taken back after a crash at any point. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table made_objects (
      turn bigint generated always as identity,
      migration_id text not null references migrations (id),
      kind text not null,
      address text not null,
      detail text not null,
      state text not null check (state in ('intended', 'made', 'undone')),
      before text,
      at timestamptz not null default clock_timestamp(),
      primary key (migration_id, kind, address, detail)
    )`.execute(db);
  await sql`create index made_objects_turn on made_objects (migration_id, turn)`.execute(db);
  await sql`
    create table provisioning_reports (
      migration_id text not null references migrations (id),
      kind text not null check (kind in ('plan', 'undo')),
      body jsonb not null,
      at timestamptz not null default clock_timestamp(),
      primary key (migration_id, kind)
    )`.execute(db);
}
