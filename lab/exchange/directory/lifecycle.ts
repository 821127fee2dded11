import { type LabMailbox, type LabUser, newMailbox } from './objects.ts';
import type { TenantState } from './state.ts';

export interface LifecycleOptions {
  readonly state: TenantState;
  /** From the licence to a usable mailbox; minutes in reality (exchange.md §6.1). */
  readonly readyAfterMs: number;
  readonly activeSyncByDefault: boolean;
  readonly onMailbox: (mailbox: { address: string; password: string; aliases: readonly string[] }) => void;
}

/** How mailboxes come: some time after a licence. One that was there before comes back with what was in it. */
export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: LifecycleOptions) {
    this.#options = options;
    options.state.addMailbox = (mailbox, password) => this.#made(mailbox, password);
  }

  /** A user got a licence. */
  licensed(user: LabUser): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.make(user);
    }, this.#options.readyAfterMs);
    this.#timers.add(timer);
  }

  /** Unless it has one, or may have none any more. */
  make(user: LabUser): void {
    const { state, activeSyncByDefault: activeSync } = this.#options;
    const { userPrincipalName: address, password } = user;
    if (state.mailboxes.has(address) || state.findUser(user.id) !== user || !state.mayHaveMailbox(user)) return;
    this.#made(newMailbox(address, { activeSync }), password);
  }

  /** Its last licence with a mailbox went: the mailbox is kept aside for 30 days. */
  unlicensed({ userPrincipalName }: LabUser): void {
    this.#options.state.deleteMailbox(userPrincipalName);
  }

  #made(fresh: LabMailbox, password: string): void {
    const { state, onMailbox } = this.#options;
    const at = state.deletedMailboxes.findIndex(({ address }) => address === fresh.address);
    const [old] = at < 0 ? [] : state.deletedMailboxes.splice(at, 1);
    const mailbox = old ?? fresh;
    state.mailboxes.set(mailbox.address, mailbox);
    onMailbox({ address: mailbox.address, password, aliases: mailbox.aliases });
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
