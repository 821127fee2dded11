import { fieldValues } from '../../imap/message-parts.ts';
import type { MailStore } from '../../imap/store.ts';
import type { Outgoing } from '../flow/outgoing.ts';

/**
 * Read receipts: `Disposition-Notification-To` on mail that was put in unseen is honoured when it is read (exchange.md §5.3, T70).
 * By whichever front it is read, IMAP included, is a guess; once for a message; not where `$MDNSent` says that it was done (RFC 3503).
 */
export function receiptsOf(outgoing: Outgoing): NonNullable<MailStore['onFlags']> {
  const done = new Set<number>();
  return (before, after) => {
    if (before.flags.has('\\Seen') || !after.flags.has('\\Seen') || before.flags.has('$MDNSent')) return;
    const [to] = fieldValues(after.raw, 'Disposition-Notification-To');
    if (to === undefined || done.has(after.id)) return;
    done.add(after.id);
    outgoing.record({ from: '', to, why: 'read receipt' });
  };
}
