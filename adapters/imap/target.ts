import { MigrationError } from '../../domain/errors.ts';
import { assignRoles } from '../../domain/folder-names.ts';
import { repairPath } from '../../domain/folders.ts';
import type { FolderPath, FolderRole, FolderStatus, Message } from '../../domain/mail.ts';
import type { Appended, MailTarget, ServerFacts, TargetFolder, TargetMessage } from '../../domain/ports/mail.ts';
import type { ImapConnection } from './connection.ts';
import {
  examine,
  getStatus,
  type ListedFolder,
  listFolders,
  listWindows,
  toFlags,
  toSeconds,
  unselect,
} from './folders.ts';
import { wireNameOfPath } from './names.ts';

/** UIDs of one FETCH; its bodies come one by one. */
const READ_WINDOW = 100;

/** Writes to an account over IMAP and reads it again. */
export class ImapTarget implements MailTarget {
  readonly #connection: ImapConnection;
  #folders: readonly ListedFolder[] | null = null;

  constructor(connection: ImapConnection) {
    this.#connection = connection;
  }

  get facts(): ServerFacts {
    return this.#connection.facts;
  }

  get reportsUid(): boolean {
    return this.#connection.client.capabilities.has('UIDPLUS');
  }

  get separator(): string | null {
    return this.#connection.names.separator;
  }

  get rootIsInbox(): boolean {
    const { prefix, separator } = this.#connection.names;
    return separator !== null && prefix.toUpperCase() === `INBOX${separator}`;
  }

  async *listFolders(): AsyncIterable<TargetFolder> {
    this.#folders = await listFolders(this.#connection);
    for (const { id, path, role, selectable } of this.#folders) if (selectable) yield { id, path, role };
  }

  async ensureFolder(path: FolderPath, role: FolderRole): Promise<TargetFolder> {
    const found = await this.#find(path, role);
    const folder = found ?? (await this.#create(path));
    // A folder that was listed or made may still not open (T2): this proves it, under this very name.
    await examine(this.#connection, folder.id).catch((error: unknown) => {
      if (!(error instanceof MigrationError) || error.kind.scope !== 'folder') throw error;
      throw new MigrationError('FOLDER_REFUSED', 'The folder cannot be opened at the target.', {
        facts: { folder: folder.id },
        cause: error,
      });
    });
    await unselect(this.#connection);
    return { id: folder.id, path: folder.path, role: folder.role };
  }

  async getStatus(folder: TargetFolder): Promise<FolderStatus> {
    return await getStatus(this.#connection, folder.id);
  }

  async append(folder: TargetFolder, message: Message): Promise<Appended> {
    const flags = message.flags.filter((flag) => !isStrangeFlag(flag));
    const dropped = message.flags.filter((flag) => isStrangeFlag(flag) && flag.toLowerCase() !== '\\recent');
    try {
      return await this.#append(folder, message, flags, dropped);
    } catch (error) {
      // A target without keywords may blame the message for one: once more without them, since it certainly did not happen.
      const keywords = flags.filter((flag) => !flag.startsWith('\\'));
      if (!(error instanceof MigrationError) || error.code !== 'MESSAGE_REFUSED' || keywords.length === 0) throw error;
      const system = flags.filter((flag) => flag.startsWith('\\'));
      return await this.#append(folder, message, system, [...dropped, ...keywords]);
    }
  }

  async *listMessages(folder: TargetFolder, fromUid: number): AsyncIterable<TargetMessage> {
    const opened = await examine(this.#connection, folder.id);
    const query = { uid: true, source: true, internalDate: true, flags: true };
    const first = Math.max(1, fromUid);
    for (const range of await listWindows(this.#connection, opened, first, READ_WINDOW)) {
      const rows = this.#connection.stream({ folder: folder.id, range }, (client) =>
        client.fetch(range, query, { uid: true }),
      );
      for await (const { uid, source, internalDate, flags } of rows) {
        if (source === undefined || uid < first) continue;
        yield { uid, raw: source, internalDate: toSeconds(internalDate), flags: toFlags(flags) };
      }
    }
    // A selected folder would be told of each APPEND, and imapflow would ask for its UID by SEARCH.
    await unselect(this.#connection);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #find(path: FolderPath, role: FolderRole): Promise<ListedFolder | null> {
    this.#folders ??= await listFolders(this.#connection);
    const folders = assignRoles(this.#folders.filter((folder) => folder.selectable));
    const special = role === null ? undefined : folders.find((folder) => folder.role === role);
    const id = this.#wireName(path);
    return special ?? folders.find((folder) => folder.id === id) ?? null;
  }

  async #create(path: FolderPath): Promise<ListedFolder> {
    const id = this.#wireName(path);
    await this.#connection.run('create', { folder: id }, (client) => client.mailboxCreate(id));
    this.#folders = await listFolders(this.#connection);
    const made = this.#folders.find((folder) => folder.id === id && folder.selectable);
    if (made !== undefined) return made;
    throw new MigrationError('FOLDER_REFUSED', 'The target took the folder and does not list it under this name.', {
      facts: { folder: id },
    });
  }

  #wireName(path: FolderPath): string {
    return wireNameOfPath(repairPath(path, this.separator), this.#connection.names);
  }

  async #append(
    folder: TargetFolder,
    { raw, receivedAt }: Message,
    flags: readonly string[],
    droppedFlags: readonly string[],
  ): Promise<Appended> {
    const facts = { folder: folder.id, sizeBytes: raw.length };
    const date = receivedAt === null ? undefined : new Date(receivedAt);
    const { uid, uidValidity } = await this.#connection.run('append', facts, (client) =>
      client.append(folder.id, raw, [...flags], date),
    );
    // Only with UIDVALIDITY beside it is the UID the server's own word (APPENDUID, RFC 4315) and not a guess of imapflow.
    const id = uid === undefined || uidValidity === undefined ? null : { uid, uidValidity: String(uidValidity) };
    return { id, droppedFlags };
  }
}

/** RFC 9051 §2.3.2 has these system flags; Dovecot answers BAD to any other that begins with a backslash. */
const SYSTEM_FLAGS: ReadonlySet<string> = new Set(['\\seen', '\\answered', '\\flagged', '\\deleted', '\\draft']);

function isStrangeFlag(flag: string): boolean {
  return flag.startsWith('\\') && !SYSTEM_FLAGS.has(flag.toLowerCase());
}
