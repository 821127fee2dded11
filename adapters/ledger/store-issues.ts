import { sql } from 'kysely';
import { MigrationError } from '../../domain/errors.ts';
import type { Issue, IssueKind } from '../../domain/ports/store.ts';
import type { Db } from './database.ts';
import { storableText } from './encoding.ts';
import { paged } from './pages.ts';

export async function recordIssue(
  db: Db,
  issue: {
    id: string;
    migrationId: string;
    mailboxId: string | null;
    kind: IssueKind;
    text: string;
    reportedBy: string;
  },
): Promise<void> {
  await db
    .insertInto('issues')
    .values({
      id: issue.id,
      migration_id: issue.migrationId,
      mailbox_id: issue.mailboxId,
      kind: issue.kind,
      text: storableText(issue.text),
      reported_by: storableText(issue.reportedBy),
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}

/** The first settlement counts; the same one again is the same as once. @throws NOT_FOUND, CONFLICT */
export async function settleIssue(
  db: Db,
  id: string,
  outcome: 'resolved' | 'accepted',
  note: string,
  by: string,
): Promise<void> {
  const settled = await db
    .updateTable('issues')
    .set({
      outcome,
      note: storableText(note),
      settled_by: storableText(by),
      settled_at: sql<string>`now()`,
    })
    .where('id', '=', id)
    .where('outcome', 'is', null)
    .executeTakeFirst();
  if (settled.numUpdatedRows > 0n) return;
  const issue = await db.selectFrom('issues').select('outcome').where('id', '=', id).executeTakeFirst();
  if (issue === undefined) throw new MigrationError('NOT_FOUND', 'There is no such issue.', { facts: { issueId: id } });
  if (issue.outcome !== outcome) {
    throw new MigrationError('CONFLICT', `The issue is ${issue.outcome} already.`, { facts: { issueId: id } });
  }
}

export async function* listIssues(db: Db, migrationId: string): AsyncIterable<Issue> {
  const rows = paged((after, limit) =>
    db
      .selectFrom('issues')
      .selectAll()
      .where('migration_id', '=', migrationId)
      .where('number', '>', after)
      .orderBy('number')
      .limit(limit)
      .execute(),
  );
  for await (const row of rows) {
    yield {
      id: row.id,
      migrationId: row.migration_id,
      mailboxId: row.mailbox_id,
      kind: row.kind,
      text: row.text,
      reportedBy: row.reported_by,
      reportedAt: row.reported_at,
      outcome: row.outcome,
      note: row.note,
    };
  }
}
