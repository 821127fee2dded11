import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table migrations (
      id text primary key,
      number bigint generated always as identity unique,
      plan jsonb not null,
      view jsonb,
      created_at timestamptz not null default now(),
      created_by text not null
    )`.execute(db);
  await sql`
    create table mailboxes (
      number bigint generated always as identity unique,
      id text primary key,
      migration_id text not null references migrations,
      position int not null,
      address text not null,
      planned jsonb not null,
      status text not null default 'listed'
        check (status in ('listed', 'ready', 'copying', 'copied', 'held', 'dropped')),
      held_code text,
      held_message text,
      preflight jsonb,
      mapping jsonb not null default '{}',
      pass_number int not null default 0,
      change_id text,
      unique (migration_id, position)
    )`.execute(db);
  // A mailbox that was dropped may be added again; it is a new one then.
  await sql`
    create unique index mailboxes_address on mailboxes (migration_id, lower(address)) where status <> 'dropped'`.execute(
    db,
  );
  await sql`
    create table target_claims (
      target text primary key,
      migration_id text not null references migrations,
      mailbox_id text not null unique references mailboxes
    )`.execute(db);
  await sql`create index target_claims_migration on target_claims (migration_id)`.execute(db);
  await sql`
    create table passes (
      migration_id text not null references migrations,
      mailbox_id text not null references mailboxes,
      pass_number int not null,
      kind text not null check (kind in ('initial', 'delta', 'final', 'straggler')),
      moved bigint not null,
      finished_at timestamptz not null default now(),
      primary key (mailbox_id, pass_number)
    )`.execute(db);
  await sql`create index passes_migration on passes (migration_id, pass_number)`.execute(db);
  await sql`
    create table evidence (
      id text primary key,
      migration_id text not null references migrations,
      step text not null,
      body text not null,
      recorded_at timestamptz not null default now(),
      turn bigint generated always as identity unique
    )`.execute(db);
  await sql`create index evidence_step on evidence (migration_id, step, turn)`.execute(db);
  await sql`
    create table issues (
      id text primary key,
      number bigint generated always as identity unique,
      migration_id text not null references migrations,
      mailbox_id text references mailboxes,
      kind text not null check (kind in ('missing-mail', 'access', 'client-set-up', 'other')),
      text text not null,
      reported_by text not null,
      reported_at timestamptz not null default now(),
      outcome text check (outcome in ('resolved', 'accepted')),
      note text,
      settled_by text,
      settled_at timestamptz
    )`.execute(db);
  await sql`create index issues_migration on issues (migration_id, number)`.execute(db);
}
