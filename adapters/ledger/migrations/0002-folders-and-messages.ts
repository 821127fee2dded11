import { type Kysely, sql } from 'kysely';

/**
 * Messages are hash-partitioned by mailbox: 16 parts of 6 million rows each hold an organisation of 10,000 mailboxes of 10,000
 * messages, and each statement of a pass touches one part.
 */
const PARTITIONS = 16;

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table leases (
      mailbox_id text primary key references mailboxes,
      mailbox_number bigint not null unique references mailboxes (number),
      fence bigint not null,
      holder text not null,
      taken_at timestamptz not null default now()
    )`.execute(db);
  await sql`
    create table target_folders (
      id bigint generated always as identity primary key,
      mailbox_number bigint not null references mailboxes (number),
      path text not null,
      unique (mailbox_number, path)
    )`.execute(db);
  await sql`
    create table folders (
      id bigint generated always as identity primary key,
      mailbox_number bigint not null references mailboxes (number),
      source_id text not null,
      source_path jsonb not null,
      role text,
      target_folder_id bigint not null references target_folders,
      uid_validity text,
      uid_next bigint,
      exists_count bigint,
      highest_mod_seq text,
      fault_code text,
      fault_message text,
      unique (mailbox_number, source_id)
    )`.execute(db);
  // No foreign key from a message: a check per row would double the cost of the census, and rows are written only through a
  // lease and a folder that were found.
  await sql`
    create table messages (
      mailbox_number bigint not null,
      folder_id bigint not null,
      uid_validity text not null,
      uid bigint not null,
      size_bytes bigint not null,
      internal_date text,
      flags text[] not null,
      state text not null default 'planned' check (state in ('planned', 'intended', 'copied', 'repaired', 'wrapped',
        'already-there', 'vanished', 'excluded', 'refused')),
      present boolean not null default true,
      seen_fence bigint not null,
      seen_pass int not null,
      fingerprint text,
      intent_uid_next bigint,
      target_folder_id bigint,
      target_uid_validity text,
      target_uid bigint,
      delivered_pass int,
      given_away boolean not null default false,
      code text,
      detail text,
      primary key (mailbox_number, folder_id, uid_validity, uid)
    ) partition by hash (mailbox_number)`.execute(db);
  for (let part = 0; part < PARTITIONS; part++) {
    const name = sql.table(`messages_${String(part).padStart(2, '0')}`);
    // Every message is updated twice or more (intent, outcome, seen again): room in the page keeps these updates off the
    // indexes where their columns allow it (heap-only tuples).
    await sql`
      create table ${name} partition of messages for values with (modulus ${sql.lit(PARTITIONS)}, remainder ${sql.lit(part)})
      with (fillfactor = 80)`.execute(db);
  }
  await sql`
    create index messages_unfinished on messages (mailbox_number, folder_id, uid)
    where present and state in ('planned', 'intended')`.execute(db);
  await sql`
    create index messages_delivered on messages (mailbox_number, target_folder_id, target_uid)
    where target_folder_id is not null`.execute(db);
  await sql`
    create index messages_orphaned on messages (mailbox_number, fingerprint)
    where not present and target_folder_id is not null and not given_away`.execute(db);
  await sql`
    create table verifications (
      mailbox_number bigint not null references mailboxes (number),
      target_folder_id bigint not null references target_folders,
      pass_number int not null,
      lost bigint not null,
      doubled bigint not null,
      seen bigint not null,
      verified_at timestamptz not null default now(),
      primary key (mailbox_number, target_folder_id, pass_number)
    )`.execute(db);
}
