import { createHash, randomBytes } from 'node:crypto';
import type { Folder } from '../../imap/folder.ts';
import type { StoredMessage } from '../../imap/stored-message.ts';

/**
 * What Exchange knows of a message beyond what IMAP shows, hung on the id that the IMAP store gives each message and keeps on a move. So
 * Graph, EWS and IMAP are three fronts of one mailbox (lab/imap/store.ts): a message that one has written, the others see.
 *
 * The UID of IMAP is PidTagInternetArticleNumber (0x0E23) to the other fronts, and a folder's UIDNEXT is 0x6751; DavMail relies on
 * the first on all of its routes (GraphExchangeSession.java, ews/Field.java).
 */
export interface Item {
  /** Immutable id of Graph and ItemId of EWS: kept by a move inside the mailbox (exchange.md §3). Case-sensitive. */
  readonly id: string;
  /** Grows with each change. */
  changeKey: string;
  /** PidTagMessageFlags bit 0x8, fixed by the create call for ever (exchange.md §1.2). */
  readonly isDraft: boolean;
  /** MAPI properties by Graph's id in its canonical spelling, e.g. `Integer 0x0E06`, `String {guid} Name migration-key`. */
  readonly properties: Map<string, string>;
  readonly categories: string[];
  importance: 'low' | 'normal' | 'high';
  /** Read-side questions by filter do not see it before this time (epoch ms): search and replica lag (exchange.md §9.4). */
  visibleAtMs: number;
  readonly createdAtMs: number;
  /** `\Flagged` came by APPEND: IMAP alone shows it, until a STORE or another front sets it again (exchange.md §5.3). */
  flagIsHidden: boolean;
}

/** Whether Outlook, Graph and EWS show the follow-up flag. */
export function isFlagged({ flags }: StoredMessage, { flagIsHidden }: Item): boolean {
  return flags.has('\\Flagged') && !flagIsHidden;
}

export class Items {
  readonly #byMessage = new Map<number, Item>();
  readonly #messageIds = new Map<string, number>();
  readonly #folderIds = new WeakMap<Folder, string>();
  readonly #hidden = new WeakSet<Folder>();
  readonly #now: () => number;
  #changes = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** What is known of a message; one that came by IMAP or by transport is known from the first look on. */
  of(message: StoredMessage): Item {
    return (
      this.#byMessage.get(message.id) ?? this.add(message, { isDraft: message.flags.has('\\Draft'), visibleAtMs: 0 })
    );
  }

  /** To be called by a front right after it has stored a message. */
  add(
    message: StoredMessage,
    given: Partial<Omit<Item, 'id' | 'changeKey' | 'createdAtMs'>> & { readonly isDraft: boolean },
  ): Item {
    const now = this.#now();
    const item: Item = {
      id: `AAkALgAA${randomBytes(24).toString('base64url')}`,
      changeKey: this.nextChangeKey(),
      properties: new Map(),
      categories: [],
      importance: 'normal',
      visibleAtMs: now,
      createdAtMs: now,
      flagIsHidden: false,
      ...given,
    };
    this.#byMessage.set(message.id, item);
    this.#messageIds.set(item.id, message.id);
    return item;
  }

  /** StoredMessage.id of the item with this id; the message may be gone since. */
  messageIdOf(itemId: string): number | null {
    return this.#messageIds.get(itemId) ?? null;
  }

  nextChangeKey(): string {
    this.#changes += 1;
    return `CQAAAB${this.#changes.toString(36).padStart(8, 'A')}`;
  }

  /** Constant and the same for all fronts (exchange.md §3). */
  folderId(folder: Folder): string {
    const known = this.#folderIds.get(folder);
    if (known !== undefined) return known;
    const id = `AQMkAD${createHash('sha256').update(`${folder.uidValidity}`).digest('base64url').slice(0, 26)}`;
    this.#folderIds.set(folder, id);
    return id;
  }

  hide(folder: Folder): void {
    this.#hidden.add(folder);
  }

  isHidden(folder: Folder): boolean {
    return this.#hidden.has(folder);
  }
}
