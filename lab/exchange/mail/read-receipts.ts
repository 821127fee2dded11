import { fieldValues } from '../../imap/message-parts.ts';
import type { StoredMessage } from '../../imap/stored-message.ts';
import type { Outgoing } from '../flow/outgoing.ts';

/**
 * Receipts that mail asks for by `Disposition-Notification-To`: mail that was put in unseen sends one when it is read (exchange.md §5.3,
 * T70), or when it is deleted unread (recalled). By whichever front it is read, IMAP included, is a guess; once for a message;
 * not where `$MDNSent` says that it was done (RFC 3503).
 */
export class ReadReceipts {
  readonly #outgoing: Outgoing;
  readonly #done = new Set<number>();

  constructor(outgoing: Outgoing) {
    this.#outgoing = outgoing;
  }

  /** For MailStore.onFlags. */
  noteFlags(before: StoredMessage, after: StoredMessage): void {
    if (!before.flags.has('\\Seen') && after.flags.has('\\Seen')) this.#send(before);
  }

  noteDeletion(message: StoredMessage): void {
    if (!message.flags.has('\\Seen')) this.#send(message);
  }

  /** None goes out for this message any more: `SuppressReadReceipts` of EWS. */
  suppress({ id }: StoredMessage): void {
    this.#done.add(id);
  }

  #send(message: StoredMessage): void {
    const [to] = fieldValues(message.raw, 'Disposition-Notification-To');
    if (to === undefined || message.flags.has('$MDNSent') || this.#done.has(message.id)) return;
    this.#done.add(message.id);
    this.#outgoing.record({ from: '', to, why: 'read receipt' });
  }
}
