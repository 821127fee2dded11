import type { ErrorFacts } from '../../domain/errors.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { FolderPath, FolderRole, FolderStatus } from '../../domain/mail.ts';
import type { ImapConnection } from './connection.ts';
import { pathOfWireName, roleOfSpecialUse } from './names.ts';

export interface ListedFolder {
  /** The name on the wire. */
  readonly id: string;
  readonly path: FolderPath;
  readonly role: FolderRole;
  readonly selectable: boolean;
}

/** The personal folders, INBOX first, each once. */
export async function listFolders(connection: ImapConnection): Promise<readonly ListedFolder[]> {
  // With `listOnly` imapflow asks neither for special uses nor, below a prefix such as `INBOX.`, for INBOX itself.
  const listed = await connection.run('list', {}, (client) => client.list());
  const folders = new Map<string, ListedFolder>();
  for (const { path: id, flags, delimiter } of listed.filter((folder) => folder.listed)) {
    const names = delimiter ? { ...connection.names, separator: delimiter } : connection.names;
    const path = pathOfWireName(id, names);
    const role = path.join() === 'INBOX' ? 'inbox' : roleOfSpecialUse(flags);
    const lower = new Set([...flags].map((flag) => flag.toLowerCase()));
    const selectable = !lower.has('\\noselect') && !lower.has('\\nonexistent');
    folders.set(id, { id, path, role, selectable });
  }
  return [...folders.values()];
}

export async function getStatus(connection: ImapConnection, folderId: string): Promise<FolderStatus> {
  const facts: ErrorFacts = { folder: folderId };
  const query = { messages: true, uidNext: true, uidValidity: true, highestModseq: true };
  const status = await connection.run('status', facts, (client) => client.status(folderId, query));
  const { messages, uidNext, uidValidity, highestModseq } = status;
  if (messages === undefined || uidValidity === undefined) {
    throw new MigrationError('PROTOCOL_VIOLATION', 'STATUS told no number of messages or no UIDVALIDITY.', { facts });
  }
  return {
    uidValidity: String(uidValidity),
    // 0 where the server does not tell: it fits no UID, so a look for it starts with the first message.
    uidNext: uidNext ?? 0,
    exists: messages,
    highestModSeq: highestModseq === undefined ? null : String(highestModseq),
  };
}

/** Read-only (EXAMINE), so that nothing becomes `\Seen` and no `\Recent` is taken away. */
export async function examine(connection: ImapConnection, folderId: string) {
  return await connection.run('select', { folder: folderId }, (client) =>
    client.mailboxOpen(folderId, { readOnly: true }),
  );
}

/** An EXAMINEd mailbox is closed without expunging (RFC 3501 §6.4.2). */
export async function unselect(connection: ImapConnection): Promise<void> {
  if (connection.client.mailbox !== false) await connection.run('select', {}, (client) => client.mailboxClose());
}

/**
 * UID ranges that cover an opened folder from `fromUid` on, so that neither side holds the whole of a large one. Where UIDs
 * are far apart, or UIDNEXT is not told, the UIDs are read first: nobody asks for a million holes.
 */
export async function listWindows(
  connection: ImapConnection,
  opened: { readonly path: string; readonly exists: number; readonly uidNext?: number },
  fromUid: number,
  size: number,
): Promise<readonly string[]> {
  const { path, exists, uidNext } = opened;
  if (exists === 0) return [];
  const windows: string[] = [];
  if (uidNext !== undefined && uidNext > 0 && uidNext - fromUid <= 4 * exists + 10 * size) {
    for (let first = fromUid; first < uidNext; first += size) {
      windows.push(`${first}:${Math.min(first + size, uidNext) - 1}`);
    }
    return windows;
  }
  const uids: number[] = [];
  const rows = connection.stream({ folder: path }, (client) =>
    client.fetch(`${fromUid}:*`, { uid: true }, { uid: true }),
  );
  // `n:*` with n past the end names the last message (RFC 3501 §6.4.8).
  for await (const { uid } of rows) if (uid >= fromUid) uids.push(uid);
  uids.sort((a, b) => a - b);
  for (let at = 0; at < uids.length; at += size) {
    windows.push(`${uids[at]}:${uids[Math.min(at + size, uids.length) - 1]}`);
  }
  return windows;
}

/** `2026-01-02T03:04:05Z`; null where the server gave no date or none that can be read (T46). */
export function toSeconds(date: Date | string | undefined): string | null {
  if (date === undefined) return null;
  const time = new Date(date);
  return Number.isNaN(time.getTime()) ? null : `${time.toISOString().slice(0, 19)}Z`;
}

export function toFlags(flags: Iterable<string> | undefined): readonly string[] {
  return [...(flags ?? [])].filter((flag) => flag.toLowerCase() !== '\\recent').toSorted();
}
