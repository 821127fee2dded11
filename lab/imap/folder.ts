import type { FolderPath, FolderRole } from '../../domain/mail.ts';
import { type MessageState, StoredMessage } from './stored-message.ts';
import { VirtualContent, type VirtualMail } from './virtual-mail.ts';

export interface NewMessage {
  raw: Buffer;
  flags?: Iterable<string>;
  internalDate?: Date;
  /** Given by MOVE, and to the other places of a message with several labels. */
  id?: number;
  /** See MessageState. */
  labels?: readonly string[] | null;
}

export interface FolderIdentity {
  path: FolderPath;
  /** The name as commands carry it. */
  wireName: string;
  role: FolderRole;
  uidValidity: number;
  nextMessageId: () => number;
  now: () => Date;
  onFlags: (before: StoredMessage, after: StoredMessage) => void;
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
  readonly #onFlags: FolderIdentity['onFlags'];
  readonly #byUid = new Map<number, StoredMessage>();
  readonly #watchers = new Set<() => void>();
  /** Of this UIDVALIDITY, in the order in which they went. */
  #expunged: { readonly uid: number; readonly modSeq: number }[] = [];
  #ordered: readonly StoredMessage[] | null = [];

  constructor(identity: FolderIdentity) {
    this.path = identity.path;
    this.wireName = identity.wireName;
    this.role = identity.role;
    this.uidValidity = identity.uidValidity;
    this.#nextMessageId = identity.nextMessageId;
    this.#now = identity.now;
    this.#onFlags = identity.onFlags;
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
    const { raw } = message;
    const stored = new StoredMessage(
      {
        id: message.id ?? this.#nextMessageId(),
        uid: this.uidNext++,
        flags: new Set(message.flags ?? []),
        modSeq: ++this.highestModSeq,
        labels: message.labels ?? null,
      },
      { raw, sizeBytes: raw.length, internalDate: wholeSeconds(message.internalDate ?? this.#now()) },
    );
    this.#byUid.set(stored.uid, stored);
    this.#changed();
    return stored;
  }

  /** Makes an empty folder hold mail that is made up when it is read; what is added later is stored as ever. */
  fill(mail: VirtualMail): void {
    if (this.uidNext !== 1) throw new Error('Only a folder that never held a message can be filled');
    const modSeq = ++this.highestModSeq;
    for (let uid = 1; uid <= mail.count; uid += 1) {
      const state = { id: this.#nextMessageId(), uid, flags: mail.flagsOf(uid), modSeq, labels: null };
      this.#byUid.set(uid, new StoredMessage(state, new VirtualContent(mail, uid)));
    }
    this.uidNext = mail.count + 1;
    this.#changed();
  }

  /** Replaces the flags of one message; null when it is gone. Setting what is already set changes nothing. */
  setFlags(uid: number, flags: ReadonlySet<string>): StoredMessage | null {
    const old = this.#byUid.get(uid);
    if (old === undefined) return null;
    if (old.flags.size === flags.size && [...flags].every((flag) => old.flags.has(flag))) return old;
    const changed = this.#replace(old.with({ flags: new Set(flags), modSeq: ++this.highestModSeq }));
    this.#onFlags(old, changed);
    return changed;
  }

  /** Gives one message another date; null when it is gone. IMAP cannot, Exchange's other fronts can. */
  setDate(uid: number, internalDate: Date): StoredMessage | null {
    const old = this.#byUid.get(uid);
    if (old === undefined) return null;
    const { raw, sizeBytes } = old;
    const state = { ...stateOf(old), modSeq: ++this.highestModSeq };
    return this.#replace(new StoredMessage(state, { raw, sizeBytes, internalDate: wholeSeconds(internalDate) }));
  }

  /** Replaces Gmail's labels of one message; null when it is gone. */
  setLabels(uid: number, labels: readonly string[]): StoredMessage | null {
    const old = this.#byUid.get(uid);
    return old === undefined ? null : this.#replace(old.with({ labels, modSeq: ++this.highestModSeq }));
  }

  expunge(uids: Iterable<number>): void {
    const gone = [...uids].filter((uid) => this.#byUid.delete(uid));
    if (gone.length === 0) return;
    this.highestModSeq += 1;
    for (const uid of gone) this.#expunged.push({ uid, modSeq: this.highestModSeq });
    this.#changed();
  }

  /** UIDs that went after this mod-sequence (RFC 7162 §3.2.7), ascending. */
  expungedSince(modSeq: number): number[] {
    const gone = this.#expunged.filter((each) => each.modSeq > modSeq).map(({ uid }) => uid);
    return gone.sort((one, other) => one - other);
  }

  /** What a server does after its index was lost: another UIDVALIDITY, all UIDs counted from one again (T43). */
  renumber(uidValidity: number): void {
    const kept = this.messages;
    this.#byUid.clear();
    this.uidValidity = uidValidity;
    this.uidNext = 1;
    this.#expunged = [];
    for (const message of kept) {
      const renumbered = message.with({ uid: this.uidNext++, modSeq: ++this.highestModSeq });
      this.#byUid.set(renumbered.uid, renumbered);
    }
    this.#changed();
  }

  /** Calls `watcher` after each change until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #replace(message: StoredMessage): StoredMessage {
    this.#byUid.set(message.uid, message);
    this.#changed();
    return message;
  }

  #changed(): void {
    this.#ordered = null;
    for (const watcher of this.#watchers) watcher();
  }
}

function wholeSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000);
}

function stateOf({ id, uid, flags, modSeq, labels }: StoredMessage): MessageState {
  return { id, uid, flags, modSeq, labels };
}
