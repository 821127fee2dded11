import { type RawBuilder, sql } from 'kysely';
import type { ErrorCode } from '../../domain/errors.ts';
import type { FolderPath, MessageState } from '../../domain/mail.ts';
import type { LedgerException } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { IS_OURS } from './ledger-delivered.ts';
import { numberOf } from './mailbox-numbers.ts';

const PAGE = 500;

export function listExceptions(db: Db, mailboxId: string): AsyncIterable<LedgerException> {
  return listRows(db, mailboxId, sql`state in ('planned', 'intended', 'vanished', 'excluded', 'refused')`);
}

export function listNotes(db: Db, mailboxId: string): AsyncIterable<LedgerException> {
  return listRows(db, mailboxId, sql`present and ${IS_OURS} and detail is not null`);
}

async function* listRows(db: Db, mailboxId: string, which: RawBuilder<unknown>): AsyncIterable<LedgerException> {
  const mailbox = await numberOf(db, mailboxId);
  let after: { folderId: number; uidValidity: string; uid: number } = { folderId: 0, uidValidity: '', uid: 0 };
  for (;;) {
    const { rows } = await sql<{
      folder_id: number;
      source_path: FolderPath;
      uid_validity: string;
      uid: number;
      size_bytes: number;
      internal_date: string | null;
      state: MessageState;
      code: ErrorCode | null;
      detail: string | null;
    }>`
      select folder_id, source_path, messages.uid_validity, uid, size_bytes, internal_date, state, code, detail
      from messages join folders on folders.id = folder_id
      where messages.mailbox_number = ${mailbox}
        and ${which}
        and (folder_id, messages.uid_validity, uid) > (${after.folderId}, ${after.uidValidity}, ${after.uid})
      order by folder_id, messages.uid_validity, uid limit ${PAGE}`.execute(db);
    for (const row of rows) {
      yield {
        sourcePath: row.source_path,
        uidValidity: row.uid_validity,
        uid: row.uid,
        sizeBytes: row.size_bytes,
        internalDate: row.internal_date,
        state: row.state,
        code: row.code,
        detail: row.detail,
      };
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = { folderId: last.folder_id, uidValidity: last.uid_validity, uid: last.uid };
  }
}
