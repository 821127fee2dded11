import { type Kysely, sql } from 'kysely';

/** What a verification finds beyond lost and doubled, and each message that deviates by name. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table verifications
      add column misfiled bigint not null default 0,
      add column changed bigint not null default 0,
      add column altered bigint not null default 0,
      add column dates_moved bigint not null default 0,
      add column flags_lost bigint not null default 0`.execute(db);
  // Rows of a verification under way are not `current` and bear the fence of its lease, so an unfinished one is never shown.
  await sql`
    create table deviations (
      mailbox_number bigint not null references mailboxes (number),
      number bigint generated always as identity,
      target_folder_id bigint not null references target_folders,
      fence bigint not null,
      current boolean not null default false,
      code text not null,
      target_uid bigint,
      source_path jsonb,
      uid_validity text,
      uid bigint,
      size_bytes bigint not null,
      received_at text,
      detail text not null,
      primary key (mailbox_number, target_folder_id, number)
    )`.execute(db);
}
