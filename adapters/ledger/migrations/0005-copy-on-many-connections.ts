import { type Kysely, sql } from 'kysely';

/** What a copy on several connections needs: leases that are renewed, the base of each copy's flags, limits of hosts. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await addLeaseTimes(db);
  await addEvidence(db);
  await addCopies(db);
  await addHosts(db);
}

async function addLeaseTimes(db: Kysely<unknown>): Promise<void> {
  // The fence is part of a key, so that taking a lease locks its row `for update`, which the `for key share` of writers holds up.
  // Renewing changes no key: it waits for no writer and no writer for it (PostgreSQL manual §13.3.2, row-level locks).
  await sql`
    alter table leases
      add column renewed_at timestamptz not null default now(),
      add column released boolean not null default false,
      add column settles_at timestamptz not null default 'epoch',
      add unique (mailbox_id, fence)`.execute(db);
}

async function addEvidence(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table folders
      add column status_count bigint,
      add column search_count bigint,
      add column fetch_count bigint`.execute(db);
}

async function addCopies(db: Kysely<unknown>): Promise<void> {
  // `copy_fingerprint` and `delivered_at` are null where they are the message's own, as nearly always: a null costs one bit.
  await sql`
    alter table messages
      add column intent_target_folder_id bigint,
      add column copy_fingerprint text,
      add column delivered_flags text[],
      add column delivered_at text`.execute(db);
  await sql`
    update messages set delivered_flags = flags
    where target_folder_id is not null and delivered_flags is null`.execute(db);
  // Flags are a set: servers tell them in any order.
  await sql`
    create index messages_flags_due on messages (mailbox_number, folder_id, uid_validity, uid)
    where present and target_uid is not null and not (flags @> delivered_flags and flags <@ delivered_flags)`.execute(
    db,
  );
  await sql`create index messages_intended on messages (mailbox_number, folder_id, uid) where state = 'intended'`.execute(
    db,
  );
  // Equal keys share an entry, so it is the smallest of all: 7 bytes a message.
  await sql`
    create index messages_moved on messages (mailbox_number, delivered_pass)
    where state in ('copied', 'repaired', 'wrapped') and not given_away`.execute(db);
  // Empty where the target has UIDPLUS.
  await sql`
    create index messages_unnumbered on messages (mailbox_number, target_folder_id, folder_id, uid_validity, uid)
    where target_folder_id is not null and target_uid is null and not given_away`.execute(db);
}

async function addHosts(db: Kysely<unknown>): Promise<void> {
  // A place is a row; `turn` tells the times apart that it was taken. Rows stay, so that taking one is an update that skips
  // what others are about to take.
  await sql`
    create table host_places (
      host text not null,
      number int not null,
      holder text,
      turn bigint not null default 0,
      expires_at timestamptz not null default 'epoch',
      primary key (host, number)
    ) with (fillfactor = 50)`.execute(db);
  await sql`
    create table host_waiters (
      host text not null,
      holder text not null,
      place_limit int not null,
      expires_at timestamptz not null,
      primary key (host, holder)
    ) with (fillfactor = 50)`.execute(db);
  await sql`
    create table refused_sign_ins (
      account text primary key,
      salt bytea not null,
      digests text[] not null default '{}',
      refused_at timestamptz not null default now()
    )`.execute(db);
}
