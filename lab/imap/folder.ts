import type { FolderPath, FolderRole } from '../../domain/mail.ts';

export interface StoredMessage {
  /** Unique in the whole store and kept by MOVE, so that another front can hang its own knowledge on a message. */
  readonly id: number;
  readonly uid: number;
  /** The bytes as they were handed in; nothing is repaired. */
  readonly raw: Buffer;
  /** Whole seconds. */
  readonly internalDate: Date;
  readonly flags: ReadonlySet<string>;
  readonly modSeq: number;
}

export interface NewMessage {
  raw: Buffer;
  flags?: Iterable<string>;
  internalDate?: Date;
  /** Given by MOVE only. */
  id?: number;
}

export interface FolderIdentity {
  path: FolderPath;
  /** The name as commands carry it. */
  wireName: string;
  role: FolderRole;
  uidValidity: number;
  nextMessageId: () => number;
  now: () => Date;
}

/** One folder of the in-memory store: messages in UID order, a mod-sequence (RFC 7162) for every change. */
export class Folder {
  path: FolderPath;
  wireName: string;
  role: FolderRole;
  /** False: a node that has children and holds no mail (`\Noselect`). */
  selectable = true;
  subscribed = true;
  uidValidity: number;
  uidNext = 1;
  highestModSeq = 1;
  readonly #nextMessageId: () => number;
  readonly #now: () => Date;
  readonly #byUid = new Map<number, StoredMessage>();
  readonly #watchers = new Set<() => void>();
  #ordered: readonly StoredMessage[] | null = [];

  constructor(identity: FolderIdentity) {
    this.path = identity.path;
    this.wireName = identity.wireName;
    this.role = identity.role;
    this.uidValidity = identity.uidValidity;
    this.#nextMessageId = identity.nextMessageId;
    this.#now = identity.now;
  }

  /** In UID order. A new array after every change, so a reader may keep the one it holds. */
  get messages(): readonly StoredMessage[] {
    this.#ordered ??= [...this.#byUid.values()];
    return this.#ordered;
  }

  find(uid: number): StoredMessage | null {
    return this.#byUid.get(uid) ?? null;
  }

  /** Adds one message; a second call makes a second copy. */
  append(message: NewMessage): StoredMessage {
    const seconds = Math.floor((message.internalDate ?? this.#now()).getTime() / 1000);
    const stored: StoredMessage = {
      id: message.id ?? this.#nextMessageId(),
      uid: this.uidNext++,
      raw: message.raw,
      internalDate: new Date(seconds * 1000),
      flags: new Set(message.flags ?? []),
      modSeq: ++this.highestModSeq,
    };
    this.#byUid.set(stored.uid, stored);
    this.#changed();
    return stored;
  }

  /** Replaces the flags of one message; null when it is gone. Setting what is already set changes nothing. */
  setFlags(uid: number, flags: ReadonlySet<string>): StoredMessage | null {
    const old = this.#byUid.get(uid);
    if (old === undefined) return null;
    if (old.flags.size === flags.size && [...flags].every((flag) => old.flags.has(flag))) return old;
    const changed = { ...old, flags: new Set(flags), modSeq: ++this.highestModSeq };
    this.#byUid.set(uid, changed);
    this.#changed();
    return changed;
  }

  expunge(uids: Iterable<number>): void {
    let removed = 0;
    for (const uid of uids) if (this.#byUid.delete(uid)) removed += 1;
    if (removed === 0) return;
    this.highestModSeq += 1;
    this.#changed();
  }

  /** What a server does after its index was lost: another UIDVALIDITY, all UIDs counted from one again (T43). */
  renumber(uidValidity: number): void {
    const kept = this.messages;
    this.#byUid.clear();
    this.uidValidity = uidValidity;
    this.uidNext = 1;
    for (const message of kept) {
      const renumbered = { ...message, uid: this.uidNext++, modSeq: ++this.highestModSeq };
      this.#byUid.set(renumbered.uid, renumbered);
    }
    this.#changed();
  }

  /** Calls `watcher` after each change until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #changed(): void {
    this.#ordered = null;
    for (const watcher of this.#watchers) watcher();
  }
}
