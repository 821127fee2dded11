import type { MailStore } from '../imap/store.ts';
import type { ImapEndpoint } from '../imap-client.ts';
import { appendAs } from '../mail/seed.ts';
import type { IncomingMail } from './entrance.ts';
import { transmit } from './transmit.ts';

/** Ways on for a mail that an entrance took. Each rejects when the mail did not arrive, and then the sender keeps it. */
export type Deliver = (mail: IncomingMail) => Promise<void>;

/** Into the INBOX of the embedded store. */
export function deliverToStore(store: MailStore): Deliver {
  return async ({ recipient, raw }) => {
    const account = store.findAccount(recipient);
    if (account === null) throw new Error(`No account ${recipient}`);
    account.inbox.append({ raw });
  };
}

/** Into an INBOX over IMAP, as its user; for a Dovecot without LMTP. */
export function deliverByImap(endpointOf: (recipient: string) => ImapEndpoint | null): Deliver {
  return async ({ recipient, raw }) => {
    const endpoint = endpointOf(recipient);
    if (endpoint === null) throw new Error(`No account ${recipient}`);
    await appendAs(endpoint, { folder: ['INBOX'], raw });
  };
}

/** On to another host, to the same recipient: what a target does while redirection is on (A6). */
export function forwardTo(next: { host: string; port: number }, helo = 'forwarder.example.test'): Deliver {
  return async ({ from, recipient, raw }) => {
    await transmit({ ...next, helo }, { from, to: recipient, raw });
  };
}
