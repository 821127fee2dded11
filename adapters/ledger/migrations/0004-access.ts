import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table operators (
      id text primary key,
      name text not null,
      token_hash text not null unique,
      made_at timestamptz not null default now()
    )`.execute(db);
  await sql`
    create table requests (
      key text primary key,
      fingerprint text not null,
      status int,
      body text,
      begun_at timestamptz not null default now()
    )`.execute(db);
}
