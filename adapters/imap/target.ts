import type { ByteBudget } from '../../domain/byte-budget.ts';
import { MigrationError } from '../../domain/errors.ts';
import { assignRoles, findRoleByPlace } from '../../domain/folder-names.ts';
import { repairPath } from '../../domain/folders.ts';
import type { FlagsEntry, FolderPath, FolderRole, FolderStatus, Message, TargetId } from '../../domain/mail.ts';
import type {
  Appended,
  FlagChange,
  MailTarget,
  OpenedFolder,
  ServerFacts,
  TargetFolder,
  TargetMessage,
} from '../../domain/ports/mail.ts';
import { appendCommand } from './append-command.ts';
import type { ImapConnection } from './connection.ts';
import { isKeyword, partFlags, takesFlag, toFlags } from './flags.ts';
import { examine, findListed, getStatus, type ListedFolder, listFolders, openForWriting } from './folders.ts';
import { listCopies } from './list-copies.ts';
import { wireNameOfPath } from './names.ts';
import { execRaw } from './raw-command.ts';
import { sequenceSets } from './sequence-set.ts';
import { bearsFlag, isQuotaFull, munges8BitHeaders, storesFlaggedApart } from './server-quirks.ts';

/** Writes to an account over IMAP and reads it again. */
export class ImapTarget implements MailTarget {
  #connection: ImapConnection;
  readonly #budget: ByteBudget;
  readonly #reopen: (() => Promise<ImapConnection>) | null;
  #folders: readonly ListedFolder[] | null = null;
  /** What PERMANENTFLAGS of a folder allows, by its id; asked for when the first keyword is on its way. */
  readonly #takesFlag = new Map<string, (flag: string) => boolean>();

  /**
   * @param budget  what large messages that are read again may take of the process's memory
   * @param reopen  another connection like this one; without it this one has to do
   */
  constructor(connection: ImapConnection, budget: ByteBudget, reopen: (() => Promise<ImapConnection>) | null = null) {
    this.#connection = connection;
    this.#budget = budget;
    this.#reopen = reopen;
  }

  get facts(): ServerFacts {
    return this.#connection.facts;
  }

  readonly route = 'imap';
  readonly fidelity = 'bytes';
  readonly keys = null;
  readonly visibleAfterMs = 0;

  get reportsUid(): boolean {
    return this.#connection.client.capabilities.has('UIDPLUS');
  }

  get appendsMany(): boolean {
    return this.#connection.client.capabilities.has('MULTIAPPEND');
  }

  get munges8BitHeaders(): boolean {
    return munges8BitHeaders(this.facts);
  }

  get maxMessageBytes(): number | null {
    const limit = this.#connection.client.capabilities.get('APPENDLIMIT');
    return typeof limit === 'number' && limit > 0 ? limit : null;
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

  async ensureFolder(path: FolderPath, role: FolderRole): Promise<OpenedFolder> {
    const found = await this.#find(path, role);
    const folder = found ?? (await this.#create(path));
    // A folder that was listed or made may still not open (T2): this proves it, under this very name.
    const opened = await examine(this.#connection, folder.id).catch((error: unknown) => {
      if (!(error instanceof MigrationError) || error.kind.scope !== 'folder') throw error;
      throw new MigrationError('FOLDER_REFUSED', 'The folder cannot be opened at the target.', {
        facts: { folder: folder.id },
        cause: error,
      });
    });
    return { id: folder.id, path: folder.path, role: folder.role, exists: opened.exists, uidNext: opened.uidNext ?? 0 };
  }

  async getStatus(folder: TargetFolder): Promise<FolderStatus> {
    return await getStatus(this.#connection, folder.id);
  }

  async append(folder: TargetFolder, message: Message): Promise<Appended> {
    const [appended] = await this.appendAll(folder, [message]);
    if (appended === undefined) throw new Error('an APPEND of one message gave no result');
    return appended;
  }

  async appendAll(folder: TargetFolder, messages: readonly Message[]): Promise<readonly Appended[]> {
    await this.#spareErrors();
    const isTaken = await this.#flagFilter(folder, messages);
    const parted = messages.map((message) => ({ message, ...partFlags(message.flags, isTaken) }));
    try {
      return await this.#append(folder, parted);
    } catch (error) {
      // A target without keywords may blame the message for one: once more without them, since it certainly did not happen.
      const isBlamed = error instanceof MigrationError && error.code === 'MESSAGE_REFUSED';
      const [only] = parted;
      if (!isBlamed || only === undefined || parted.length > 1 || !only.taken.some(isKeyword)) throw error;
      const taken = only.taken.filter((flag) => !isKeyword(flag));
      const dropped = [...only.dropped, ...only.taken.filter(isKeyword)];
      const appended = await this.#append(folder, [{ ...only, taken, dropped }]);
      this.#takesFlag.set(folder.id, (flag) => !isKeyword(flag));
      return appended;
    }
  }

  async *listFlags(folder: TargetFolder, uids: readonly number[]): AsyncIterable<FlagsEntry> {
    await examine(this.#connection, folder.id);
    const wanted = new Set(uids);
    for (const set of sequenceSets(uids)) {
      const rows = await this.#connection.run('fetch', { folder: folder.id }, (client) =>
        client.fetchAll(set, { uid: true, flags: true }, { uid: true }),
      );
      for (const { uid, flags } of rows.toSorted((a, b) => a.uid - b.uid)) {
        if (flags !== undefined && wanted.delete(uid)) yield { uid, flags: toFlags(flags) };
      }
    }
  }

  async storeFlags(folder: TargetFolder, uid: number, { add, remove }: FlagChange): Promise<void> {
    const { permanentFlags, readOnly } = await openForWriting(this.#connection, folder.id);
    const facts = { folder: folder.id, uid };
    if (readOnly === true) throw new MigrationError('FOLDER_REFUSED', 'The folder cannot be changed.', { facts });
    const isTaken = this.#taken(permanentFlags);
    for (const [item, wanted] of [
      ['+FLAGS.SILENT', add],
      ['-FLAGS.SILENT', remove],
    ] as const) {
      const { taken } = partFlags(wanted, isTaken);
      if (taken.length === 0) continue;
      const flags = taken.map((value) => ({ type: 'ATOM', value }) as const);
      const args = [{ type: 'SEQUENCE', value: String(uid) }, { type: 'ATOM', value: item }, flags] as const;
      await this.#connection.run('store', facts, (client) => execRaw(client, 'UID STORE', args));
    }
  }

  listMessages(folder: TargetFolder, fromUid: number, beforeUid?: number): AsyncIterable<TargetMessage> {
    return listCopies(this.#connection, folder.id, { fromUid, beforeUid }, this.#budget);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /**
   * T51: the tenth BAD ends the connection, and whoever sent it does not know what became of it. So a new one is opened before, while
   * nothing is under way.
   */
  async #spareErrors(): Promise<void> {
    if (this.#reopen === null || this.#connection.badAnswers < SPARED_ERRORS) return;
    const spent = this.#connection;
    this.#connection = await this.#reopen();
    await spent.close();
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
    try {
      await this.#connection.run('create', { folder: id }, (client) => client.mailboxCreate(id));
    } catch (error) {
      const there = saysThatItExists(error) ? await this.#findAlike(path, id) : null;
      if (there === null) throw error;
      return there;
    }
    const made = await findListed(this.#connection, id);
    if (made?.selectable === true) {
      this.#folders = [...(this.#folders ?? []), made];
      return made;
    }
    throw new MigrationError('FOLDER_REFUSED', 'The target took the folder and does not list it under this name.', {
      facts: { folder: id },
    });
  }

  /**
   * What may stand in the way of a new folder: one whose name differs in case, which is the same to Exchange; or, T7, the mailbox's own
   * special folder in another language, whose English name Exchange keeps taken (exchange.md §5.3).
   */
  async #findAlike(path: FolderPath, id: string): Promise<ListedFolder | null> {
    this.#folders = await listFolders(this.#connection);
    const folders = assignRoles(this.#folders.filter((folder) => folder.selectable));
    const alike = folders.find((folder) => folder.id.toLowerCase() === id.toLowerCase());
    const role = path.length === 1 ? findRoleByPlace(path) : null;
    return alike ?? folders.find((folder) => role !== null && folder.role === role) ?? null;
  }

  #wireName(path: FolderPath): string {
    return wireNameOfPath(repairPath(path, this.separator), this.#connection.names);
  }

  /** One command; throws when it did not happen, MigrationError CONNECTION_LOST when nobody knows. */
  async #append(folder: TargetFolder, parted: readonly PartedMessage[]): Promise<readonly Appended[]> {
    const sizes = parted.map(({ message }) => message.raw.length);
    const facts = { folder: folder.id, sizeBytes: sizes.reduce((sum, size) => sum + size, 0) };
    if (sizes.some((size) => size > (this.maxMessageBytes ?? size))) {
      throw new MigrationError('MESSAGE_TOO_LARGE', 'The message is over the limit that the target announced.', {
        facts,
      });
    }
    const messages = parted.map(({ message, taken }) => ({ ...message, flags: taken }));
    const ids = await this.#connection
      .run('append', facts, (client) => appendCommand(client, folder.id, messages))
      .catch((error: unknown) => this.#withQuota(error));
    const appended: Appended[] = [];
    for (const [at, { taken, dropped }] of parted.entries()) {
      const id = ids[at] ?? null;
      const isLost = storesFlaggedApart(this.facts) && taken.some(isFlagged) && !(await this.#storeFlagged(folder, id));
      appended.push({ id, droppedFlags: isLost ? [...dropped, '\\Flagged'] : dropped });
    }
    return appended;
  }

  /** T68. The message is there whatever happens here, so nothing is thrown. */
  async #storeFlagged(folder: TargetFolder, id: TargetId | null): Promise<boolean> {
    if (id === null) return false;
    return await this.storeFlags(folder, id.uid, { add: ['\\Flagged'], remove: [] }).then(
      () => true,
      () => false,
    );
  }

  /** T54: what Exchange says of a full mailbox is what others say of a busy server. @throws always */
  async #withQuota(error: unknown): Promise<never> {
    if (!(error instanceof MigrationError) || error.code !== 'SERVER_BUSY') throw error;
    if (!(await isQuotaFull(this.#connection.client, Number(error.facts['sizeBytes'] ?? 0)))) throw error;
    throw new MigrationError('QUOTA_EXCEEDED', 'The mailbox is full.', { facts: error.facts, cause: error });
  }

  /** SELECT tells which flags stay; EXAMINE mostly tells that none does. Asked for keywords only, once a folder. */
  async #flagFilter(folder: TargetFolder, messages: readonly Message[]): Promise<(flag: string) => boolean> {
    const known = this.#takesFlag.get(folder.id);
    if (known !== undefined) return known;
    if (!messages.some(({ flags }) => flags.some(isKeyword))) return () => true;
    const { permanentFlags } = await openForWriting(this.#connection, folder.id);
    const isTaken = this.#taken(permanentFlags);
    this.#takesFlag.set(folder.id, isTaken);
    return isTaken;
  }

  #taken(permanentFlags: Iterable<string> | undefined): (flag: string) => boolean {
    const [takes, bears] = [takesFlag(permanentFlags), bearsFlag(this.facts)];
    return (flag) => takes(flag) && bears(flag);
  }
}

/** exchange.md §5.3: reconnect after about eight of your own; a message that is refused is tried in three forms. */
const SPARED_ERRORS = 7;

interface PartedMessage {
  readonly message: Message;
  readonly taken: readonly string[];
  readonly dropped: readonly string[];
}

function saysThatItExists(error: unknown): boolean {
  return error instanceof MigrationError && error.code === 'FOLDER_REFUSED' && /exist/i.test(error.message);
}

function isFlagged(flag: string): boolean {
  return flag.toLowerCase() === '\\flagged';
}
