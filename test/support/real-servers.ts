import type { ImapFlow } from 'imapflow';
import type { MailAccount } from '../../domain/ports/mail.ts';
import { startCyrus } from '../../lab/cyrus.ts';
import { startDovecot } from '../../lab/dovecot.ts';
import { withImap } from '../../lab/imap-client.ts';
import { PASSWORD, plainAccount } from './imap-accounts.ts';

/** Dovecot or Cyrus, with accounts enough for a test file. */
export interface RealServer {
  readonly name: 'Dovecot' | 'Cyrus';
  /** Holds its mail on disk. */
  readonly root: string;
  readonly port: number;
  /** One that nobody has used yet. */
  newAccount(): MailAccount;
  stop(): Promise<void>;
}

const ACCOUNTS = 60;

export async function startRealServer(name: RealServer['name']): Promise<RealServer> {
  const users = [...Array(ACCOUNTS).keys()].map((at) => ({ name: `owner${at + 1}`, password: PASSWORD }));
  // Cyrus makes an account at the first sign-in.
  const server = name === 'Dovecot' ? await startDovecot({ users }) : await startCyrus({ users: [] });
  let used = 0;
  return {
    name,
    root: server.root,
    port: server.port,
    newAccount() {
      used += 1;
      if (used > ACCOUNTS) throw new Error(`more than ${ACCOUNTS} accounts`);
      return plainAccount(server.port, `owner${used}`);
    },
    stop: () => server.stop(),
  };
}

/** What the owner of a mailbox does in it, with another client than the copy has. */
export async function asOwner<Result>(
  { endpoint, user }: MailAccount,
  use: (client: ImapFlow) => Promise<Result>,
): Promise<Result> {
  return await withImap({ host: endpoint.host, port: endpoint.port, user, pass: PASSWORD }, use);
}

export interface FoundMessage {
  readonly uid: number;
  readonly raw: Buffer;
  readonly flags: readonly string[];
  /** Milliseconds. */
  readonly receivedAt: number;
}

/** Messages of one folder in UID order; `\Recent` left out. */
export async function readFolder(account: MailAccount, folder: string): Promise<readonly FoundMessage[]> {
  return await asOwner(account, async (client) => {
    const { exists } = await client.mailboxOpen(folder, { readOnly: true });
    if (exists === 0) return [];
    const rows = await client.fetchAll('1:*', { uid: true, source: true, flags: true, internalDate: true });
    return rows.map(({ uid, source = Buffer.alloc(0), flags = new Set<string>(), internalDate = 0 }) => ({
      uid,
      raw: source,
      flags: [...flags].filter((flag) => flag !== '\\Recent').toSorted(),
      receivedAt: new Date(internalDate).getTime(),
    }));
  });
}
