import { MigrationError } from '../../domain/errors.ts';
import { repairPath } from '../../domain/folders.ts';
import { isSealed, jsonFormOf } from '../../domain/json-form.ts';
import type {
  CensusEntry,
  FlagsEntry,
  FolderChange,
  FolderPath,
  FolderRole,
  FolderStatus,
  Message,
  SourceFolder,
} from '../../domain/mail.ts';
import type {
  Appended,
  CopyKeys,
  FlagChange,
  MailAccount,
  MailConnector,
  MailSource,
  MailTarget,
  OpenedFolder,
  PolicyPlace,
  ReadMessage,
  ServerFacts,
  TargetFolder,
  TargetMessage,
} from '../../domain/ports/mail.ts';
import type { Fidelity, Route } from '../../domain/routes.ts';
import { rewrite } from './rewriting.ts';

export interface StoredMail {
  readonly uid: number;
  readonly raw: Buffer;
  readonly internalDate: string | null;
  flags: readonly string[];
  modSeq: number;
  /** That it was written with; null where it was not, or the server keeps none. */
  readonly key: string | null;
  /** By the clock of the system: before it, a look at the target does not see the message. */
  readonly visibleAt: number;
}

export interface MemoryFolder {
  readonly path: FolderPath;
  role: FolderRole;
  selectable: boolean;
  uidValidity: string;
  uidNext: number;
  modSeq: number;
  messages: StoredMail[];
  /** UID → mod-sequence of its end. */
  readonly vanished: Map<number, number>;
}

export interface MemoryMailOptions {
  readonly separator?: string | null;
  /** False: `append` cannot tell the UID, as without UIDPLUS (RFC 4315). */
  readonly reportsUid?: boolean;
  /** False: no HIGHESTMODSEQ, as without CONDSTORE (RFC 7162). */
  readonly reportsModSeq?: boolean;
  /** False: no QRESYNC; what vanished has to be found out. */
  readonly reportsVanished?: boolean;
  /** False: no MULTIAPPEND (RFC 3502). */
  readonly appendsMany?: boolean;
  readonly maxMessageBytes?: number;
  /** `bytes` by default; else the server writes anew what it is given (adapters/memory/rewriting.ts). */
  readonly fidelity?: Fidelity;
  readonly route?: Route;
  /** True: a message keeps the key that it was written with, and is found by it. */
  readonly keys?: boolean;
  /** So long after its writing a message is not seen. */
  readonly visibleAfterMs?: number;
  /** Milliseconds, for `visibleAfterMs`. */
  readonly clock?: () => number;
  /** False: only system flags are kept, as at Exchange. */
  readonly keywords?: boolean;
  /** Names that differ by case only are one folder, as at Exchange. */
  readonly caseInsensitive?: boolean;
  /** True: its sessions show {@link MemoryMailSystem.policyPlaces}. */
  readonly showsPolicyPlaces?: boolean;
}

/** Another way into the same mailbox, with properties of its own. */
export type MemoryView = Pick<
  MemoryMailOptions,
  'fidelity' | 'route' | 'keys' | 'maxMessageBytes' | 'reportsUid' | 'showsPolicyPlaces'
> & {
  /** In front of the UIDVALIDITY that it tells. */
  readonly uidValidityPrefix?: string;
};

/** Called before each operation of a session; what it throws, the operation throws. */
export type MemoryHook = (operation: keyof MailSource | keyof MailTarget, detail: string) => void;

/** One mailbox in memory that can be read from and written to. Its sessions pass the contract suites of both ports. */
export class MemoryMailSystem {
  readonly separator: string | null;
  readonly reportsUid: boolean;
  readonly appendsMany: boolean;
  readonly maxMessageBytes: number | null;
  readonly fidelity: Fidelity;
  readonly route: Route;
  readonly keepsKeys: boolean;
  readonly keepsKeywords: boolean;
  readonly visibleAfterMs: number;
  readonly clock: () => number;
  readonly tracks: MailSource['tracks'];
  readonly folders: MemoryFolder[] = [];
  readonly showsPolicyPlaces: boolean;
  /** What a policy has moved out of the folders: see {@link moveByPolicy}. */
  readonly policyPlaces: {
    readonly place: PolicyPlace['place'];
    readonly path: FolderPath;
    readonly raw: Buffer;
  }[] = [];
  /** Set by tests to make operations fail. */
  before: MemoryHook = () => {};
  /** After the effect: what it throws hides a success, as a lost answer does. */
  after: MemoryHook = () => {};
  /** What it throws, the target says to this message; an APPEND of several is refused as a whole. */
  refuse: (message: Message) => void = () => {};
  readonly #reportsModSeq: boolean;
  readonly #caseInsensitive: boolean;
  #lastUidValidity = 1000;

  constructor(options: MemoryMailOptions = {}) {
    this.separator = options.separator === undefined ? '/' : options.separator;
    this.reportsUid = options.reportsUid ?? true;
    this.#reportsModSeq = options.reportsModSeq ?? true;
    this.appendsMany = options.appendsMany ?? true;
    this.maxMessageBytes = options.maxMessageBytes ?? null;
    this.fidelity = options.fidelity ?? 'bytes';
    this.route = options.route ?? 'imap';
    this.keepsKeys = options.keys ?? false;
    this.keepsKeywords = options.keywords ?? true;
    this.visibleAfterMs = options.visibleAfterMs ?? 0;
    this.clock = options.clock ?? (() => performance.now());
    this.showsPolicyPlaces = options.showsPolicyPlaces ?? false;
    this.#caseInsensitive = options.caseInsensitive ?? false;
    const tracks = options.reportsVanished === false ? 'flags' : 'flags-and-vanished';
    this.tracks = this.#reportsModSeq ? tracks : 'nothing';
    this.addFolder(['INBOX'], 'inbox');
  }

  /** Twice is the same as once. */
  addFolder(path: FolderPath, role: FolderRole = null, selectable = true): MemoryFolder {
    const known = this.folders.find((folder) => this.#isNamed(folder, path));
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
      vanished: new Map(),
    };
    this.folders.push(made);
    return made;
  }

  removeFolder(path: FolderPath): void {
    this.folders.splice(this.folders.indexOf(this.getFolder(path)), 1);
  }

  getFolder(path: FolderPath): MemoryFolder {
    const found = this.folders.find((folder) => this.#isNamed(folder, path));
    if (found === undefined) throw new Error(`no folder ${path.join('/')}`);
    return found;
  }

  #isNamed(folder: MemoryFolder, path: FolderPath): boolean {
    const [one, other] = [idOf(folder.path), idOf(path)];
    return this.#caseInsensitive ? one.toLowerCase() === other.toLowerCase() : one === other;
  }

  addMessage(
    path: FolderPath,
    raw: Buffer | string,
    flags: readonly string[] = [],
    internalDate: string | null = DATE,
    key: string | null = null,
    visibleAt = 0,
  ) {
    const folder = this.addFolder(path);
    folder.modSeq += 1;
    const { uidNext: uid, modSeq } = folder;
    const stored = { uid, raw: Buffer.from(raw), flags, internalDate, modSeq, key, visibleAt };
    folder.uidNext += 1;
    folder.messages.push(stored);
    return stored;
  }

  removeMessage(path: FolderPath, uid: number): void {
    const folder = this.getFolder(path);
    folder.messages = folder.messages.filter((message) => message.uid !== uid);
    folder.modSeq += 1;
    folder.vanished.set(uid, folder.modSeq);
  }

  setFlags(path: FolderPath, uid: number, flags: readonly string[]): void {
    const folder = this.getFolder(path);
    const message = folder.messages.find((each) => each.uid === uid);
    if (message === undefined) return;
    folder.modSeq += 1;
    message.flags = flags;
    message.modSeq = folder.modSeq;
  }

  /** The messages go along with their UIDs, as RENAME does (RFC 9051 §6.3.6). */
  renameFolder(from: FolderPath, to: FolderPath): void {
    const at = this.folders.indexOf(this.getFolder(from));
    const [folder] = this.folders.splice(at, 1);
    if (folder) this.folders.push({ ...folder, path: [...to] });
  }

  /** Gone from one folder and new in the other (RFC 6851). */
  moveMessage(from: FolderPath, uid: number, to: FolderPath): void {
    const message = this.getFolder(from).messages.find((each) => each.uid === uid);
    if (message === undefined) throw new Error(`no message ${uid} in ${from.join('/')}`);
    this.removeMessage(from, uid);
    this.addMessage(to, message.raw, message.flags, message.internalDate);
  }

  /** Out of all folders, into the same folder of the archive or into Recoverable Items. */
  moveByPolicy(place: PolicyPlace['place'], from: FolderPath, uid: number): void {
    const message = this.getFolder(from).messages.find((each) => each.uid === uid);
    if (message === undefined) throw new Error(`no message ${uid} in ${from.join('/')}`);
    this.removeMessage(from, uid);
    this.policyPlaces.push({ place, path: place === 'archive' ? from : ['Deletions'], raw: message.raw });
  }

  /** What a server does after its index was lost: another UIDVALIDITY, UIDs from one again (T43). */
  renumber(path: FolderPath): void {
    const folder = this.getFolder(path);
    this.#lastUidValidity += 1;
    folder.uidValidity = String(this.#lastUidValidity);
    folder.messages = folder.messages.map((message, at) => ({ ...message, uid: at + 1 }));
    folder.uidNext = folder.messages.length + 1;
    folder.vanished.clear();
  }

  statusOf({ uidValidity, uidNext, messages, modSeq }: MemoryFolder): FolderStatus {
    const highestModSeq = this.#reportsModSeq ? String(modSeq) : null;
    return { uidValidity, uidNext, exists: messages.length, highestModSeq };
  }

  openSource(): MailSource {
    return new MemorySource(this);
  }

  /** @param view  what is another by this way than the system says */
  openTarget(view: MemoryView = {}): MailTarget {
    return new MemoryTarget(this, view);
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
  get tracks(): MailSource['tracks'] {
    return this.system.tracks;
  }

  async *listFolders(): AsyncIterable<SourceFolder> {
    this.before('listFolders');
    for (const { path, role, selectable } of [...this.system.folders]) yield { id: idOf(path), path, role, selectable };
  }

  async getStatus(folder: SourceFolder): Promise<FolderStatus> {
    this.before('getStatus', folder.id);
    return this.system.statusOf(this.folder(folder.id));
  }

  async *listMessages(folder: SourceFolder, fromUid = 1, uidValidity?: string): AsyncIterable<CensusEntry> {
    this.before('listMessages', folder.id);
    const found = this.folder(folder.id);
    if (uidValidity !== undefined && uidValidity !== found.uidValidity) {
      throw new MigrationError('FOLDER_VANISHED', 'UIDVALIDITY has changed.');
    }
    for (const { uid, raw, internalDate, flags } of [...found.messages]) {
      if (uid >= fromUid) yield { uid, sizeBytes: raw.length, internalDate, flags };
    }
  }

  async *listFlags(folder: SourceFolder, beforeUid: number): AsyncIterable<FlagsEntry> {
    this.before('listFlags', folder.id);
    for (const { uid, flags } of [...this.folder(folder.id).messages]) if (uid < beforeUid) yield { uid, flags };
  }

  async *listChanges(folder: SourceFolder, since: FolderStatus): AsyncIterable<FolderChange> {
    this.before('listChanges', folder.id);
    const { uidValidity, messages, vanished } = this.folder(folder.id);
    if (uidValidity !== since.uidValidity) throw new MigrationError('FOLDER_VANISHED', 'UIDVALIDITY has changed.');
    const from = Number(since.highestModSeq);
    for (const { uid, flags, modSeq } of [...messages]) {
      if (uid < since.uidNext && modSeq > from) yield { kind: 'flags', uid, flags };
    }
    if (this.system.tracks !== 'flags-and-vanished') return;
    for (const [uid, modSeq] of vanished) if (modSeq > from) yield { kind: 'vanished', firstUid: uid, lastUid: uid };
  }

  async countBySearch(folder: SourceFolder): Promise<number | null> {
    this.before('countBySearch', folder.id);
    return this.folder(folder.id).messages.length;
  }

  async *readMessages(folder: SourceFolder, uidValidity: string, uids: readonly number[]): AsyncIterable<ReadMessage> {
    this.before('readMessages', `${folder.id} ${uids.join()}`);
    for (const uid of uids) {
      const result = await this.#read(folder, uidValidity, uid).catch((error: unknown) => {
        if (error instanceof MigrationError && error.kind.scope === 'message') return error;
        throw error;
      });
      if (result !== null) yield { uid, result };
    }
  }

  async findMessage(folder: SourceFolder, uidValidity: string, uid: number): Promise<Message | null> {
    return await this.#read(folder, uidValidity, uid);
  }

  async #read(folder: SourceFolder, uidValidity: string, uid: number): Promise<Message | null> {
    this.before('findMessage', `${folder.id} ${uid}`);
    const found = this.folder(folder.id);
    if (found.uidValidity !== uidValidity) throw new MigrationError('FOLDER_VANISHED', 'UIDVALIDITY has changed.');
    const message = found.messages.find((each) => each.uid === uid);
    return message === undefined ? null : { raw: message.raw, flags: message.flags, receivedAt: message.internalDate };
  }
}

class MemoryTarget extends MemorySession implements MailTarget {
  readonly rootIsInbox = false;
  readonly munges8BitHeaders = false;
  readonly #view: MemoryView;

  constructor(system: MemoryMailSystem, view: MemoryView) {
    super(system);
    this.#view = view;
  }

  get route(): Route {
    return this.#view.route ?? this.system.route;
  }

  get fidelity(): Fidelity {
    return this.#view.fidelity ?? this.system.fidelity;
  }

  get keys(): CopyKeys | null {
    return this.#keepsKeys ? { find: (folder, keys) => this.#findKeys(folder, keys) } : null;
  }

  get visibleAfterMs(): number {
    return this.system.visibleAfterMs;
  }

  get appendsMany(): boolean {
    return this.system.appendsMany;
  }

  get maxMessageBytes(): number | null {
    return this.#view.maxMessageBytes ?? this.system.maxMessageBytes;
  }

  get reportsUid(): boolean {
    return this.#view.reportsUid ?? this.system.reportsUid;
  }

  get separator(): string | null {
    return this.system.separator;
  }

  async *listFolders(): AsyncIterable<TargetFolder> {
    this.before('listFolders');
    for (const { path, role, selectable } of [...this.system.folders])
      if (selectable) yield { id: idOf(path), path, role };
  }

  async ensureFolder(path: FolderPath, role: FolderRole): Promise<OpenedFolder> {
    this.before('ensureFolder', idOf(path));
    const special = role === null ? undefined : this.system.folders.find((folder) => folder.role === role);
    const folder = special ?? this.system.addFolder(repairPath(path, this.system.separator), role);
    folder.selectable = true;
    this.system.after('ensureFolder', idOf(path));
    const { exists, uidNext } = this.system.statusOf(folder);
    return { id: idOf(folder.path), path: folder.path, role: folder.role, exists, uidNext };
  }

  async getStatus(folder: TargetFolder): Promise<FolderStatus> {
    this.before('getStatus', folder.id);
    const status = this.system.statusOf(this.folder(folder.id));
    return { ...status, uidValidity: this.#uidValidityOf(status) };
  }

  async append(folder: TargetFolder, message: Message): Promise<Appended> {
    this.before('append', folder.id);
    const appended = this.#store(folder, this.#accept(message));
    this.system.after('append', folder.id);
    return appended;
  }

  async appendAll(folder: TargetFolder, messages: readonly Message[]): Promise<readonly Appended[]> {
    this.before('appendAll', folder.id);
    const accepted = messages.map((message) => this.#accept(message));
    const appended = accepted.map((message) => this.#store(folder, message));
    this.system.after('appendAll', folder.id);
    return appended;
  }

  async *listFlags(folder: TargetFolder, uids: readonly number[]): AsyncIterable<FlagsEntry> {
    this.before('listFlags', folder.id);
    for (const { uid, flags } of this.#visible(folder)) if (uids.includes(uid)) yield { uid, flags };
  }

  async storeFlags(folder: TargetFolder, uid: number, { add, remove }: FlagChange): Promise<void> {
    this.before('storeFlags', folder.id);
    const { path, messages } = this.folder(folder.id);
    const { flags } = messages.find((message) => message.uid === uid) ?? { flags: [] };
    const kept = [...new Set([...flags, ...add])].filter((flag) => !remove.includes(flag));
    this.system.setFlags(
      path,
      uid,
      kept.filter((flag) => this.system.keepsKeywords || flag.startsWith('\\')),
    );
    this.system.after('storeFlags', folder.id);
  }

  /** @throws what a server says to a message that it does not take; nothing was stored then */
  #accept(message: Message): Message {
    if (message.raw.includes(0)) throw new MigrationError('MESSAGE_REFUSED', 'NUL in a literal.');
    if (message.raw.length > (this.maxMessageBytes ?? Number.POSITIVE_INFINITY)) {
      throw new MigrationError('MESSAGE_TOO_LARGE', `over ${this.maxMessageBytes} octets`);
    }
    this.system.refuse(message);
    return message;
  }

  #store(folder: TargetFolder, message: Message): Appended {
    const { keepsKeywords, visibleAfterMs, clock } = this.system;
    const { fidelity, reportsUid } = this;
    const found = this.folder(folder.id);
    const { path } = found;
    const uidValidity = this.#uidValidityOf(found);
    const given = this.#shown(message.raw);
    const raw = fidelity === 'bytes' ? given : rewrite(given);
    const flags = message.flags.filter((flag) => keepsKeywords || flag.startsWith('\\'));
    const key = this.#keepsKeys ? (message.key ?? null) : null;
    const visibleAt = visibleAfterMs === 0 ? 0 : clock() + visibleAfterMs;
    const { uid } = this.system.addMessage(path, raw, flags, message.receivedAt, key, visibleAt);
    const droppedFlags = message.flags.filter((flag) => !flags.includes(flag));
    return { id: reportsUid ? { uidValidity, uid } : null, droppedFlags };
  }

  async *listMessages(
    folder: TargetFolder,
    fromUid: number,
    beforeUid = Number.POSITIVE_INFINITY,
  ): AsyncIterable<TargetMessage> {
    this.before('listMessages', folder.id);
    for (const { uid, raw, internalDate, flags } of this.#visible(folder)) {
      if (uid >= fromUid && uid < beforeUid) yield { uid, raw: this.#shown(raw), internalDate, flags };
    }
  }

  async *listPolicyPlaces(): AsyncIterable<PolicyPlace> {
    this.before('listPolicyPlaces');
    if (!(this.#view.showsPolicyPlaces ?? this.system.showsPolicyPlaces)) return;
    const { fidelity } = this;
    for (const { place, path, raw } of this.system.policyPlaces) {
      const shown = this.#shown(raw);
      yield {
        place,
        path,
        fidelity,
        async *listMessages() {
          yield shown;
        },
      };
    }
  }

  async *#findKeys(folder: TargetFolder, keys: readonly string[]): AsyncIterable<{ key: string; uid: number }> {
    this.before('keys', folder.id);
    for (const { key, uid } of this.#visible(folder)) if (key !== null && keys.includes(key)) yield { key, uid };
  }

  get #keepsKeys(): boolean {
    return this.#view.keys ?? this.system.keepsKeys;
  }

  #uidValidityOf({ uidValidity }: { readonly uidValidity: string }): string {
    return `${this.#view.uidValidityPrefix ?? ''}${uidValidity}`;
  }

  /** What another way has brought is shown by this one as it can. */
  #shown(raw: Buffer): Buffer {
    return this.fidelity === 'parts' && !isSealed(raw) ? jsonFormOf(raw).raw : raw;
  }

  #visible(folder: TargetFolder): readonly StoredMail[] {
    return this.folder(folder.id).messages.filter(({ visibleAt }) => visibleAt <= this.system.clock());
  }
}

function idOf(path: FolderPath): string {
  return path.join('\u001f');
}
