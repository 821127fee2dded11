import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table gates (
      id text primary key,
      number bigint generated always as identity unique,
      migration_id text not null references migrations,
      gate text not null check (gate in ('accounts', 'data', 'cutover', 'completion')),
      revision int not null,
      digest text not null,
      evidence text not null,
      state text not null default 'open'
        check (state in ('open', 'approved', 'rejected', 'superseded', 'expired', 'withdrawn')),
      opened_at timestamptz not null default now(),
      settled_at timestamptz,
      unique (migration_id, gate, revision)
    )`.execute(db);
  await sql`create unique index gates_open on gates (migration_id, gate) where state = 'open'`.execute(db);
  await sql`
    create table acknowledgements (
      id text primary key,
      migration_id text not null references migrations,
      step text not null check (step in ('B2', 'B4', 'C4', 'C6')),
      text text not null,
      state text not null default 'open' check (state in ('open', 'done')),
      asked_at timestamptz not null default now()
    )`.execute(db);
  await sql`
    create unique index acknowledgements_open on acknowledgements (migration_id, step) where state = 'open'`.execute(
    db,
  );
  await sql`
    create table links (
      id text primary key,
      migration_id text not null references migrations,
      contact_id text not null,
      gate_id text references gates,
      acknowledgement_id text references acknowledgements,
      token_hash text not null unique,
      state text not null default 'live' check (state in ('live', 'used', 'revoked')),
      made_at timestamptz not null default now(),
      expires_at timestamptz not null,
      check (num_nonnulls(gate_id, acknowledgement_id) = 1)
    )`.execute(db);
  await sql`create index links_gate on links (gate_id)`.execute(db);
  await sql`create index links_acknowledgement on links (acknowledgement_id)`.execute(db);
  await sql`
    create table challenges (
      number bigint generated always as identity primary key,
      link_id text not null references links,
      code_hash text not null,
      wrong int not null default 0,
      made_at timestamptz not null default now(),
      expires_at timestamptz not null
    )`.execute(db);
  await sql`create index challenges_link on challenges (link_id, number)`.execute(db);
  await sql`
    create table decisions (
      id text primary key,
      number bigint generated always as identity unique,
      migration_id text not null references migrations,
      gate_id text references gates,
      acknowledgement_id text references acknowledgements,
      step text,
      verdict text not null check (verdict in ('approve', 'reject', 'acknowledge')),
      party text not null check (party in ('client', 'operator')),
      person_id text not null,
      digest text,
      comment text not null,
      request_id text not null,
      decided_at timestamptz not null default now(),
      check (num_nonnulls(gate_id, acknowledgement_id) = 1),
      unique (gate_id, person_id),
      unique (acknowledgement_id, person_id)
    )`.execute(db);
  await sql`
    create table audit (
      number bigint primary key,
      migration_id text,
      at text not null,
      actor text not null,
      action text not null,
      details text not null,
      previous_hash text not null,
      hash text not null
    )`.execute(db);
  await sql`create index audit_migration on audit (migration_id, number)`.execute(db);
  await sql`
    create table outbox (
      id bigint generated always as identity primary key,
      kind text not null check (kind in ('signal', 'mail')),
      migration_id text,
      payload jsonb,
      state text not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
      due_at timestamptz not null default now(),
      made_at timestamptz not null default now(),
      settled_at timestamptz,
      attempts int not null default 0,
      last_error text
    )`.execute(db);
  await sql`create index outbox_pending on outbox (id) where state = 'pending'`.execute(db);
  await sql`
    create index outbox_signals on outbox (migration_id, id) where state = 'pending' and kind = 'signal'`.execute(db);
}
