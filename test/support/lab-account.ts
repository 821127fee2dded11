import type { MailAccount } from '../../domain/ports/mail.ts';
import type { ImapServerOptions } from '../../lab/imap/options.ts';
import { type ImapLabServer, startImapServer } from '../../lab/imap/server.ts';
import { type Account, MailStore, type MailStoreOptions } from '../../lab/imap/store.ts';
import { PASSWORD, plainAccount } from './imap-accounts.ts';

/** One account on a lab server of its own. */
export interface LabAccount {
  readonly server: ImapLabServer;
  /** Its folders, to be filled and read past the protocol. */
  readonly mailbox: Account;
  readonly account: MailAccount;
  close(): Promise<void>;
}

export async function startLabAccount(
  options: Partial<Omit<ImapServerOptions, 'store'>> = {},
  storeOptions: MailStoreOptions = {},
): Promise<LabAccount> {
  const store = new MailStore(storeOptions);
  const mailbox = store.addAccount('ann', PASSWORD);
  const server = await startImapServer({ store, ...options });
  return { server, mailbox, account: plainAccount(server.port, 'ann'), close: () => server.close() };
}
