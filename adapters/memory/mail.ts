import { MigrationError } from '../../domain/errors.ts';
import { repairPath } from '../../domain/folders.ts';
import type { CensusEntry, FolderPath, FolderRole, FolderStatus, Message, SourceFolder } from '../../domain/mail.ts';
import type {
  Appended,
  MailAccount,
  MailConnector,
  MailSource,
  MailTarget,
  ServerFacts,
  TargetFolder,
  TargetMessage,
} from '../../domain/ports/mail.ts';

export interface StoredMail {
  readonly uid: number;
  readonly raw: Buffer;
  readonly internalDate: string | null;
  flags: readonly string[];
}

export interface MemoryFolder {
  readonly path: FolderPath;
  role: FolderRole;
  selectable: boolean;
  uidValidity: string;
  uidNext: number;
  modSeq: number;
  messages: StoredMail[];
}

export interface MemoryMailOptions {
  readonly separator?: string | null;
  /** False: `append` cannot tell the UID, as without UIDPLUS (RFC 4315). */
  readonly reportsUid?: boolean;
  /** False: no HIGHESTMODSEQ, as without CONDSTORE (RFC 7162). */
  readonly reportsModSeq?: boolean;
}

/** Called before each operation of a session; what it throws, the operation throws. */
export type MemoryHook = (operation: keyof MailSource | keyof MailTarget, detail: string) => void;

/** One mailbox in memory that can be read from and written to. Its sessions pass the contract suites of both ports. */
export class MemoryMailSystem {
  readonly separator: string | null;
  readonly reportsUid: boolean;
  readonly folders: MemoryFolder[] = [];
  /** Set by tests to make operations fail. */
  before: MemoryHook = () => {};
  /** After the effect: what it throws hides a success, as a lost answer does. */
  after: MemoryHook = () => {};
  readonly #reportsModSeq: boolean;
  #lastUidValidity = 1000;

  constructor(options: MemoryMailOptions = {}) {
    this.separator = options.separator === undefined ? '/' : options.separator;
    this.reportsUid = options.reportsUid ?? true;
    this.#reportsModSeq = options.reportsModSeq ?? true;
    this.addFolder(['INBOX'], 'inbox');
  }

  /** Twice is the same as once. */
  addFolder(path: FolderPath, role: FolderRole = null, selectable = true): MemoryFolder {
    const known = this.folders.find((folder) => sameName(folder.path, path));
    if (known !== undefined) return known;
    this.#lastUidValidity += 1;
    const made: MemoryFolder = {
      path: [...path],
      role,
      selectable,
      uidValidity: String(this.#lastUidValidity),
      uidNext: 1,
      modSeq: 1,
      messages: [],
    };
    this.folders.push(made);
    return made;
  }

  removeFolder(path: FolderPath): void {
    this.folders.splice(this.folders.indexOf(this.getFolder(path)), 1);
  }

  getFolder(path: FolderPath): MemoryFolder {
    const found = this.folders.find((folder) => sameName(folder.path, path));
    if (found === undefined) throw new Error(`no folder ${path.join('/')}`);
    return found;
  }

  addMessage(
    path: FolderPath,
    raw: Buffer | string,
    flags: readonly string[] = [],
    internalDate: string | null = DATE,
  ) {
    const folder = this.addFolder(path);
    const stored = { uid: folder.uidNext, raw: Buffer.from(raw), flags, internalDate };
    folder.uidNext += 1;
    folder.modSeq += 1;
    folder.messages.push(stored);
    return stored;
  }

  removeMessage(path: FolderPath, uid: number): void {
    const folder = this.getFolder(path);
    folder.messages = folder.messages.filter((message) => message.uid !== uid);
    folder.modSeq += 1;
  }

  /** What a server does after its index was lost: another UIDVALIDITY, UIDs from one again (T43). */
  renumber(path: FolderPath): void {
    const folder = this.getFolder(path);
    this.#lastUidValidity += 1;
    folder.uidValidity = String(this.#lastUidValidity);
    folder.messages = folder.messages.map((message, at) => ({ ...message, uid: at + 1 }));
    folder.uidNext = folder.messages.length + 1;
  }

  statusOf({ uidValidity, uidNext, messages, modSeq }: MemoryFolder): FolderStatus {
    const highestModSeq = this.#reportsModSeq ? String(modSeq) : null;
    return { uidValidity, uidNext, exists: messages.length, highestModSeq };
  }

  openSource(): MailSource {
    return new MemorySource(this);
  }

  openTarget(): MailTarget {
    return new MemoryTarget(this);
  }
}

/** Connects accounts to memory mailboxes by user name, for both sides. */
export function createMemoryMailConnector(systems: Readonly<Record<string, MemoryMailSystem>>): MailConnector {
  const find = ({ user }: MailAccount) => {
    const system = Object.hasOwn(systems, user) ? systems[user] : undefined;
    if (system === undefined) throw new MigrationError('AUTH_FAILED', 'No such user.');
    return system;
  };
  return {
    openSource: async (account) => find(account).openSource(),
    openTarget: async (account) => find(account).openTarget(),
  };
}

const DATE = '2026-01-02T03:04:05Z';
const FACTS: ServerFacts = { capabilities: ['IMAP4rev1'], tls: true, name: 'memory' };

class MemorySession {
  readonly facts = FACTS;
  protected readonly system: MemoryMailSystem;
  #closed = false;

  constructor(system: MemoryMailSystem) {
    this.system = system;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  protected before(operation: Parameters<MemoryHook>[0], detail = ''): void {
    if (this.#closed) throw new MigrationError('CONNECTION_LOST', 'The session is closed.');
    this.system.before(operation, detail);
  }

  protected folder(id: string): MemoryFolder {
    const found = this.system.folders.find((folder) => idOf(folder.path) === id && folder.selectable);
    if (found === undefined) throw new MigrationError('FOLDER_VANISHED', 'No such folder.', { facts: { folder: id } });
    return found;
  }
}

class MemorySource extends MemorySession implements MailSource {
  async *listFolders(): AsyncIterable<SourceFolder> {
    this.before('listFolders');
    for (const { path, role, selectable } of [...this.system.folders]) yield { id: idOf(path), path, role, selectable };
  }

  async getStatus(folder: SourceFolder): Promise<FolderStatus> {
    this.before('getStatus', folder.id);
    return this.system.statusOf(this.folder(folder.id));
  }

  async *listMessages(folder: SourceFolder): AsyncIterable<CensusEntry> {
    this.before('listMessages', folder.id);
    for (const { uid, raw, internalDate, flags } of [...this.folder(folder.id).messages]) {
      yield { uid, sizeBytes: raw.length, internalDate, flags };
    }
  }

  async findMessage(folder: SourceFolder, uidValidity: string, uid: number): Promise<Message | null> {
    this.before('findMessage', `${folder.id} ${uid}`);
    const found = this.folder(folder.id);
    if (found.uidValidity !== uidValidity) throw new MigrationError('FOLDER_VANISHED', 'UIDVALIDITY has changed.');
    const message = found.messages.find((each) => each.uid === uid);
    return message === undefined ? null : { raw: message.raw, flags: message.flags, receivedAt: message.internalDate };
  }
}

class MemoryTarget extends MemorySession implements MailTarget {
  readonly rootIsInbox = false;

  get reportsUid(): boolean {
    return this.system.reportsUid;
  }

  get separator(): string | null {
    return this.system.separator;
  }

  async *listFolders(): AsyncIterable<TargetFolder> {
    this.before('listFolders');
    for (const { path, role, selectable } of [...this.system.folders])
      if (selectable) yield { id: idOf(path), path, role };
  }

  async ensureFolder(path: FolderPath, role: FolderRole): Promise<TargetFolder> {
    this.before('ensureFolder', idOf(path));
    const special = role === null ? undefined : this.system.folders.find((folder) => folder.role === role);
    const folder = special ?? this.system.addFolder(repairPath(path, this.system.separator), role);
    folder.selectable = true;
    this.system.after('ensureFolder', idOf(path));
    return { id: idOf(folder.path), path: folder.path, role: folder.role };
  }

  async getStatus(folder: TargetFolder): Promise<FolderStatus> {
    this.before('getStatus', folder.id);
    return this.system.statusOf(this.folder(folder.id));
  }

  async append(folder: TargetFolder, message: Message): Promise<Appended> {
    this.before('append', folder.id);
    if (message.raw.includes(0)) throw new MigrationError('MESSAGE_REFUSED', 'NUL in a literal.');
    const { path, uidValidity } = this.folder(folder.id);
    const { uid } = this.system.addMessage(path, message.raw, message.flags, message.receivedAt);
    this.system.after('append', folder.id);
    return { id: this.system.reportsUid ? { uidValidity, uid } : null, droppedFlags: [] };
  }

  async *listMessages(folder: TargetFolder, fromUid: number): AsyncIterable<TargetMessage> {
    this.before('listMessages', folder.id);
    for (const { uid, raw, internalDate, flags } of [...this.folder(folder.id).messages]) {
      if (uid >= fromUid) yield { uid, raw, internalDate, flags };
    }
  }
}

function idOf(path: FolderPath): string {
  return path.join('\u001f');
}

function sameName(one: FolderPath, other: FolderPath): boolean {
  return idOf(one) === idOf(other);
}
