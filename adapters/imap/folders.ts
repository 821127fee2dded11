import type { MailboxObject, StatusObject } from 'imapflow';
import type { ErrorFacts } from '../../domain/errors.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { FolderPath, FolderRole, FolderStatus } from '../../domain/mail.ts';
import type { ImapConnection } from './connection.ts';
import { pathOfWireName, roleOfSpecialUse } from './names.ts';
import { execRaw, type RawResponse, textOf } from './raw-command.ts';

export interface ListedFolder {
  /** The name on the wire. */
  readonly id: string;
  readonly path: FolderPath;
  readonly role: FolderRole;
  readonly selectable: boolean;
  /** What LIST-STATUS (RFC 5819) told on the way; null where it did not. */
  readonly status: FolderStatus | null;
}

const STATUS_ITEMS = { messages: true, uidNext: true, uidValidity: true, highestModseq: true };

/** The personal folders, INBOX first, each once. `withStatus` asks for their numbers where that is no command more. */
export async function listFolders(connection: ImapConnection, withStatus = false): Promise<readonly ListedFolder[]> {
  // imapflow would send a STATUS for each folder where LIST cannot carry it.
  const query = withStatus && connection.client.capabilities.has('LIST-STATUS') ? { statusQuery: STATUS_ITEMS } : {};
  // With `listOnly` imapflow asks neither for special uses nor, below a prefix such as `INBOX.`, for INBOX itself.
  const listed = await connection.run('list', {}, (client) => client.list(query));
  const folders = new Map<string, ListedFolder>();
  for (const { path: id, flags, delimiter, status } of listed.filter((folder) => folder.listed)) {
    folders.set(id, { ...toListed(connection, id, [...flags], delimiter), status: toStatus(status) });
  }
  return [...folders.values()];
}

/** One folder by its name on the wire; null where LIST does not show it. */
export async function findListed(connection: ImapConnection, id: string): Promise<ListedFolder | null> {
  const found: ListedFolder[] = [];
  const onList = ({ attributes = [] }: RawResponse) => {
    const [flags, delimiter, name] = attributes;
    // A name with `%` or `*` in it is a pattern to LIST, which then shows others too.
    if (textOf(name) !== id || !Array.isArray(flags)) return;
    const words = flags.map((flag) => textOf(flag) ?? '');
    found.push({ ...toListed(connection, id, words, textOf(delimiter)), status: null });
  };
  const args = [
    { type: 'STRING', value: '' },
    { type: 'STRING', value: id },
  ] as const;
  await connection.run('list', { folder: id }, (client) =>
    execRaw(client, 'LIST', args, { untagged: { LIST: onList } }),
  );
  return found[0] ?? null;
}

function toListed(
  connection: ImapConnection,
  id: string,
  flags: readonly string[],
  delimiter: string | null | undefined,
): Omit<ListedFolder, 'status'> {
  const names = delimiter ? { ...connection.names, separator: delimiter } : connection.names;
  const path = pathOfWireName(id, names);
  const role = path.join() === 'INBOX' ? 'inbox' : roleOfSpecialUse(flags);
  const lower = new Set(flags.map((flag) => flag.toLowerCase()));
  return { id, path, role, selectable: !lower.has('\\noselect') && !lower.has('\\nonexistent') };
}

export async function getStatus(connection: ImapConnection, folderId: string): Promise<FolderStatus> {
  const facts: ErrorFacts = { folder: folderId };
  // STATUS of the selected folder may be stale or refused (RFC 3501 §6.3.10).
  if (isSelected(connection, folderId)) await unselect(connection);
  const told = await connection.run('status', facts, (client) => client.status(folderId, STATUS_ITEMS));
  const status = toStatus(told);
  if (status === null) {
    throw new MigrationError('PROTOCOL_VIOLATION', 'STATUS told no number of messages or no UIDVALIDITY.', { facts });
  }
  return status;
}

function toStatus(told: StatusObject | { readonly error: unknown } | undefined): FolderStatus | null {
  if (told === undefined || 'error' in told) return null;
  const { messages, uidNext, uidValidity, highestModseq } = told;
  if (messages === undefined || uidValidity === undefined) return null;
  return {
    uidValidity: String(uidValidity),
    // 0 where the server does not tell: it fits no UID, so a look for it starts with the first message.
    uidNext: uidNext ?? 0,
    exists: messages,
    // 0: this folder keeps none (NOMODSEQ, RFC 7162 §3.1.2.2).
    highestModSeq: highestModseq ? String(highestModseq) : null,
  };
}

function isSelected(connection: ImapConnection, folderId: string): boolean {
  const { mailbox } = connection.client;
  return mailbox !== false && mailbox.path === folderId;
}

/** Read-only (EXAMINE), so that nothing becomes `\Seen` and no `\Recent` is taken away. */
export async function examine(connection: ImapConnection, folderId: string): Promise<MailboxObject> {
  introduce(connection, folderId);
  const opened = await connection.run('select', { folder: folderId }, (client) =>
    client.mailboxOpen(folderId, { readOnly: true }),
  );
  connection.selectedForWriting = false;
  return opened;
}

/** imapflow would LIST a folder that this connection has not listed before it opens it, for a special use that nobody asks it for. */
function introduce({ client }: ImapConnection, path: string): void {
  const known: unknown = Reflect.get(client, 'folders'); // not in the typings of 2.10.2
  if (known instanceof Map && !known.has(path)) known.set(path, { path, listed: true, subscribed: true });
}

/** SELECT, for flags. Leave it by {@link unselect} only: CLOSE would expunge what is `\Deleted` (RFC 3501 §6.4.2). */
export async function openForWriting(connection: ImapConnection, folderId: string): Promise<MailboxObject> {
  const { mailbox } = connection.client;
  if (mailbox !== false && mailbox.path === folderId && connection.selectedForWriting) return mailbox;
  introduce(connection, folderId);
  // Before, so that a failure in between is taken for the dangerous of the two.
  connection.selectedForWriting = true;
  return await connection.run('select', { folder: folderId }, (client) => client.mailboxOpen(folderId));
}

/** An EXAMINEd mailbox is closed without expunging (RFC 3501 §6.4.2), so one that was SELECTed is examined first. */
export async function unselect(connection: ImapConnection): Promise<void> {
  const { mailbox } = connection.client;
  if (mailbox === false) return;
  if (connection.selectedForWriting) await examine(connection, mailbox.path);
  await connection.run('select', {}, (client) => client.mailboxClose());
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
  beforeUid = Number.POSITIVE_INFINITY,
): Promise<readonly string[]> {
  const { path, exists, uidNext } = opened;
  if (exists === 0 || beforeUid <= fromUid) return [];
  const windows: string[] = [];
  const end = uidNext === undefined || uidNext <= 0 ? beforeUid : Math.min(uidNext, beforeUid);
  if (end - fromUid <= 4 * exists + 10 * size) {
    for (let first = fromUid; first < end; first += size) windows.push(`${first}:${Math.min(first + size, end) - 1}`);
    return windows;
  }
  const uids: number[] = [];
  const range = `${fromUid}:${Number.isFinite(beforeUid) ? beforeUid - 1 : '*'}`;
  const rows = connection.stream({ folder: path }, (client) => client.fetch(range, { uid: true }, { uid: true }));
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
