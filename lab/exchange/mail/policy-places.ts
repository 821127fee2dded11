import { Account, type MailStore } from '../../imap/store.ts';
import type { StoredMessage } from '../../imap/stored-message.ts';
import type { TenantState } from '../directory/state.ts';
import type { Items } from './items.ts';

/** What no IMAP session sees of one mailbox. */
export interface PlacesOfMailbox {
  /** With the one folder `Deletions`. */
  readonly recoverableItems: Account;
  /** With folders of the same names; null where the mailbox has none. */
  readonly archive: Account | null;
}

/** What the Managed Folder Assistant does with old mail: the names of RetentionActionType (ewsdocs, `retentionaction.md`). */
export type RetentionAction = 'MoveToArchive' | 'DeleteAndAllowRecovery';

export interface RetentionRun {
  readonly action: RetentionAction;
  /** By the date of arrival (recalled; exchange.md §6.3: imported old mail goes "as it lands"). */
  readonly olderThanDays: number;
  /** Which of those; all by default. */
  readonly only?: (message: StoredMessage) => boolean;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Recoverable Items and the in-place archive of every mailbox, and the assistant that moves mail there. */
export class PolicyPlaces {
  readonly #store: MailStore;
  readonly #state: TenantState;
  readonly #items: Items;
  readonly #made = new Map<string, { readonly recoverableItems: Account; readonly archive: Account }>();

  constructor(store: MailStore, state: TenantState, items: Items) {
    this.#store = store;
    this.#state = state;
    this.#items = items;
  }

  of({ user }: Account): PlacesOfMailbox {
    const key = user.toLowerCase();
    const made = this.#made.get(key) ?? {
      recoverableItems: new Account(this.#store, `Recoverable Items of ${key}`, ''),
      archive: new Account(this.#store, `Archive of ${key}`, ''),
    };
    made.recoverableItems.ensureFolder(['Deletions']);
    this.#made.set(key, made);
    return this.#state.mailboxes.get(key)?.archive === true ? made : { ...made, archive: null };
  }

  /**
   * One run over all mailboxes but those on retention hold (exchange.md §6.3). Without an archive nothing is archived (recalled).
   * @returns how many messages went
   */
  run({ action, olderThanDays, only = () => true }: RetentionRun): number {
    const before = this.#store.now().getTime() - olderThanDays * DAY_MS;
    let moved = 0;
    for (const { address, retentionHold } of this.#state.mailboxes.values()) {
      const account = this.#store.findAccount(address);
      if (account === null || retentionHold) continue;
      const { archive, recoverableItems } = this.of(account);
      for (const folder of account.listFolders()) {
        if (this.#items.isHidden(folder)) continue;
        const old = folder.messages.filter((message) => message.internalDate.getTime() < before && only(message));
        const there =
          action === 'MoveToArchive'
            ? archive?.ensureFolder(folder.path, folder.role)
            : recoverableItems.ensureFolder(['Deletions']);
        if (there === undefined) continue;
        for (const { id, raw, flags, internalDate } of old) there.append({ id, raw, flags, internalDate });
        folder.expunge(old.map(({ uid }) => uid));
        moved += old.length;
      }
    }
    return moved;
  }
}
