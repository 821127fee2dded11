import { MigrationError } from '../../domain/errors.ts';
import type { Db } from './database.ts';

/**
 * Message rows carry the number of their mailbox, which also says in which partition they are. Statements name it as a
 * constant: found by a sub-select, it came too late for the planner, who then planned for all 16 partitions, 4 to 9 ms a
 * statement against 1 ms of work (measured on PostgreSQL 15, 50 messages a window).
 */

const KNOWN = new WeakMap<Db, Map<string, number>>();

/** Numbers never change, so each is asked for once in a process. @throws NOT_FOUND */
export async function numberOf(db: Db, mailboxId: string): Promise<number> {
  const known = KNOWN.get(db) ?? new Map<string, number>();
  KNOWN.set(db, known);
  const number = known.get(mailboxId);
  if (number !== undefined) return number;
  const row = await db.selectFrom('mailboxes').select('number').where('id', '=', mailboxId).executeTakeFirst();
  if (row === undefined) throw new MigrationError('NOT_FOUND', 'There is no such mailbox.', { facts: { mailboxId } });
  known.set(mailboxId, row.number);
  return row.number;
}

/** A folder's id outside of the ledger holds both numbers: `12-345`. */
export function folderId(mailboxNumber: number, id: number): string {
  return `${mailboxNumber}-${id}`;
}

export interface FolderKey {
  readonly mailbox: number;
  readonly folder: number;
}

/** @throws NOT_FOUND */
export function parseFolderId(id: string): FolderKey {
  const [, mailbox, folder] = /^(\d+)-(\d+)$/.exec(id) ?? [];
  if (mailbox === undefined || folder === undefined) {
    throw new MigrationError('NOT_FOUND', 'There is no such folder.', { facts: { folderId: id } });
  }
  return { mailbox: Number(mailbox), folder: Number(folder) };
}
