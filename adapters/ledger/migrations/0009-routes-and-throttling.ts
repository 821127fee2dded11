import { type Kysely, sql } from 'kysely';

/** What a probe told of the routes into each mailbox, what applications may do at the target, and how fast all workers together may go (exchange.md §9.2, §9.5). */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table mailboxes add column routes jsonb`.execute(db);
  await sql`alter table migrations add column access jsonb`.execute(db);
  // An empty mailbox stands for the application as a whole. Times are milliseconds since 1970 by the database's clock: the arithmetic
  // is the domain's.
  await sql`
    create table request_paces (
      app text not null,
      mailbox text not null,
      places int not null,
      changed_at_ms float8 not null,
      not_before_ms float8 not null,
      strikes int not null,
      primary key (app, mailbox)
    ) with (fillfactor = 50)`.execute(db);
  await sql`
    create table request_shares (
      app text not null,
      mailbox text not null,
      holder text not null,
      places int not null,
      wanted int not null,
      expires_at_ms float8 not null,
      primary key (app, mailbox, holder)
    ) with (fillfactor = 50)`.execute(db);
  await sql`
    create table request_uploads (
      app text not null,
      mailbox text not null,
      end_ms float8 not null,
      bytes bigint not null,
      primary key (app, mailbox, end_ms)
    ) with (fillfactor = 50)`.execute(db);
}
