import type { FolderPath, FolderRole } from '../../domain/mail.ts';
import { Folder } from './folder.ts';
import { GmailMailbox } from './gmail.ts';
import { decodeMutf7, encodeMutf7 } from './mutf7.ts';
import type { StoredMessage } from './stored-message.ts';

export interface MailStoreOptions {
  /** Hierarchy separator, `/` by default. */
  separator?: string;
  /** Exchange treats folder names alike that differ in case only; Dovecot does not. INBOX is always so (RFC 9051 §5.1). */
  caseInsensitiveNames?: boolean;
  /** What IMAP shows in place of a separator inside a name, where other fronts of the mailbox allow one; null: it parts the name. */
  separatorShownAs?: string | null;
  now?: () => Date;
  /** Folders are views on labels: see {@link Account.gmail}. */
  gmail?: boolean;
}

/** Mailboxes in memory. An account exists once {@link addAccount} made it, and only then. */
export class MailStore {
  readonly separator: string;
  readonly caseInsensitiveNames: boolean;
  readonly separatorShownAs: string | null;
  readonly now: () => Date;
  readonly gmail: boolean;
  /** Hears of every change of flags after it, whichever front made it. */
  onFlags: ((before: StoredMessage, after: StoredMessage) => void) | null = null;
  readonly #accounts = new Map<string, Account>();
  #lastMessageId = 0;
  // A fixed start keeps runs alike; a real server takes the time of day.
  #lastUidValidity = 1_600_000_000;

  constructor(options: MailStoreOptions = {}) {
    this.separator = options.separator ?? '/';
    this.caseInsensitiveNames = options.caseInsensitiveNames ?? false;
    this.separatorShownAs = options.separatorShownAs ?? null;
    this.now = options.now ?? (() => new Date());
    this.gmail = options.gmail ?? false;
  }

  /** Makes an account with an empty INBOX. The same user again: the same mailbox, with the new password. */
  addAccount(user: string, password: string): Account {
    const known = this.findAccount(user);
    if (known !== null) {
      known.password = password;
      return known;
    }
    const account = new Account(this, user, password);
    this.#accounts.set(user.toLowerCase(), account);
    return account;
  }

  findAccount(user: string): Account | null {
    return this.#accounts.get(user.toLowerCase()) ?? null;
  }

  listAccounts(): readonly Account[] {
    return [...this.#accounts.values()];
  }

  removeAccount(user: string): void {
    this.#accounts.delete(user.toLowerCase());
  }

  nextMessageId(): number {
    return ++this.#lastMessageId;
  }

  nextUidValidity(): number {
    return ++this.#lastUidValidity;
  }

  wireName(path: FolderPath): string {
    return path
      .map((name) => encodeMutf7(this.#swap(name, this.separator, this.separatorShownAs)))
      .join(this.separator);
  }

  pathOf(wireName: string): FolderPath {
    const names = wireName.split(this.separator).map((name) => decodeMutf7(name));
    const path = names.map((name) => this.#swap(name, this.separatorShownAs, this.separator));
    return path[0]?.toUpperCase() === 'INBOX' ? ['INBOX', ...path.slice(1)] : path;
  }

  #swap(name: string, from: string | null, to: string | null): string {
    return from === null || to === null ? name : name.replaceAll(from, to);
  }

  folderKey(wireName: string): string {
    if (this.caseInsensitiveNames) return wireName.toLowerCase();
    const [top, ...rest] = wireName.split(this.separator);
    return top?.toUpperCase() === 'INBOX' ? ['INBOX', ...rest].join(this.separator) : wireName;
  }
}

export class Account {
  readonly user: string;
  password: string;
  readonly #store: MailStore;
  readonly #gmail: GmailMailbox | null;
  readonly #folders = new Map<string, Folder>();

  constructor(store: MailStore, user: string, password: string) {
    this.#store = store;
    this.user = user;
    this.password = password;
    this.ensureFolder(['INBOX'], 'inbox');
    this.#gmail = store.gmail ? new GmailMailbox(this) : null;
  }

  /** How mail comes into this account where the store is Gmail's. */
  get gmail(): GmailMailbox {
    if (this.#gmail === null) throw new Error('The store was not made with `gmail: true`');
    return this.#gmail;
  }

  get inbox(): Folder {
    return this.ensureFolder(['INBOX'], 'inbox');
  }

  /** Of all messages, counted anew. */
  get usedBytes(): number {
    return this.listFolders().reduce(
      (sum, { messages }) => sum + messages.reduce((own, each) => own + each.sizeBytes, 0),
      0,
    );
  }

  listFolders(): readonly Folder[] {
    return [...this.#folders.values()];
  }

  /** By path (decoded) or by the name as commands carry it. */
  findFolder(name: FolderPath | string): Folder | null {
    const wireName = typeof name === 'string' ? name : this.#store.wireName(name);
    return this.#folders.get(this.#store.folderKey(wireName)) ?? null;
  }

  /**
   * The folder with this path, made where it is missing; missing parents become nodes without mail. Twice is the same as once.
   * `wireName` overrides the encoding, for names that no careful server would give.
   */
  ensureFolder(path: FolderPath, role: FolderRole = null, wireName = this.#store.wireName(path)): Folder {
    const key = this.#store.folderKey(wireName);
    const known = this.#folders.get(key);
    if (known !== undefined) {
      known.selectable = true;
      known.role ??= role;
      return known;
    }
    if (path.length > 1) this.#ensureParent(path.slice(0, -1));
    const folder = new Folder({
      path,
      wireName,
      role,
      uidValidity: this.#store.nextUidValidity(),
      nextMessageId: () => this.#store.nextMessageId(),
      now: this.#store.now,
      onFlags: (before, after) => this.#store.onFlags?.(before, after),
    });
    this.#folders.set(key, folder);
    return folder;
  }

  hasChildren(folder: Folder): boolean {
    const prefix = this.#store.folderKey(folder.wireName) + this.#store.separator;
    for (const key of this.#folders.keys()) if (key.startsWith(prefix)) return true;
    return false;
  }

  /** Deletes the mail and the folder; one with children stays as a node without mail (RFC 3501 §6.3.4). */
  deleteFolder(folder: Folder): void {
    folder.expunge(folder.messages.map((message) => message.uid));
    if (this.hasChildren(folder)) folder.selectable = false;
    else this.#folders.delete(this.#store.folderKey(folder.wireName));
  }

  /** Renames a folder and all below it. Renaming INBOX moves its mail and leaves it empty (RFC 3501 §6.3.5). */
  renameFolder(folder: Folder, newWireName: string): void {
    if (folder.role === 'inbox') {
      const target = this.ensureFolder(this.#store.pathOf(newWireName), null, newWireName);
      for (const message of folder.messages) target.append(message);
      folder.expunge(folder.messages.map((message) => message.uid));
      return;
    }
    const parent = this.#store.pathOf(newWireName).slice(0, -1);
    if (parent.length > 0) this.#ensureParent(parent);
    const oldPrefix = folder.wireName + this.#store.separator;
    for (const [key, each] of [...this.#folders]) {
      if (each !== folder && !each.wireName.startsWith(oldPrefix)) continue;
      this.#folders.delete(key);
      each.wireName = newWireName + each.wireName.slice(folder === each ? each.wireName.length : oldPrefix.length - 1);
      each.path = this.#store.pathOf(each.wireName);
      this.#folders.set(this.#store.folderKey(each.wireName), each);
    }
  }

  #ensureParent(path: FolderPath): void {
    if (this.findFolder(path) === null) this.ensureFolder(path).selectable = false;
  }
}
