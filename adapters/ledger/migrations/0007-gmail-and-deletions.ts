import { type Kysely, sql } from 'kysely';

/**
 * What Gmail sources need: one id for a message in all its folders, and what was read of an account in a day. What deletions need: the
 * intent before each, and how many of them a person has allowed.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table messages add column origin_id text`.execute(db);
  // Empty for other sources.
  await sql`create index messages_origin on messages (mailbox_number, origin_id) where origin_id is not null`.execute(
    db,
  );
  await sql`
    alter table messages add column removal text check (removal in ('intended', 'removed'))`.execute(db);
  await sql`create index messages_removal on messages (mailbox_number, folder_id, uid) where removal = 'intended'`.execute(
    db,
  );
  await sql`alter table mailboxes add column allowed_deletions int`.execute(db);
  await sql`
    create table source_reads (
      account text not null,
      hour timestamptz not null,
      bytes bigint not null,
      primary key (account, hour)
    ) with (fillfactor = 50)`.execute(db);
}
