import { type ByteBudget, createByteBudget } from '../../domain/byte-budget.ts';
import { MigrationError } from '../../domain/errors.ts';
import { accountName, type SignIns } from '../../domain/ports/connections.ts';
import type { MailAccount, MailConnector } from '../../domain/ports/mail.ts';
import type { Secrets } from '../../domain/ports/services.ts';
import { enableTracking } from './changes.ts';
import { connectImap, DEFAULT_TIMEOUTS, type ImapConnection, type ImapTimeouts } from './connection.ts';
import { ImapSource } from './source.ts';
import { ImapTarget } from './target.ts';

export interface ImapConnectorOptions {
  readonly timeouts?: ImapTimeouts;
  /** Remembers what was refused; without it, each session tries anew. */
  readonly signIns?: SignIns;
  /** Of the process, for large messages that are read again; by default one for this connector. */
  readonly budget?: ByteBudget;
  /** Told of bytes that were read and will be thrown away soon, where they are many at once. */
  readonly onBulk?: (bytes: number) => void;
}

/**
 * Mail over IMAP for both sides. The secret is looked up at each connect and not kept. A password that a server has refused is not
 * sent to it again before it is another one or a person asks for it, so that no account is locked by us (T60).
 */
export function createImapConnector(secrets: Secrets, options: ImapConnectorOptions = {}): MailConnector {
  const budget = options.budget ?? createByteBudget();
  return {
    async openSource(account, signal) {
      const connection = await signIn(secrets, options, account, signal);
      try {
        return new ImapSource(connection, await enableTracking(connection));
      } catch (error) {
        await connection.close();
        throw error;
      }
    },
    async openTarget(account, signal, { mayWrite = () => true } = {}) {
      const connection = await signIn(secrets, options, account, signal);
      connection.fence(mayWrite);
      return new ImapTarget(connection, budget);
    },
  };
}

/** A connection that is signed in. @throws as MailConnector.openSource */
export async function signIn(
  secrets: Secrets,
  options: ImapConnectorOptions,
  { endpoint, user, secret }: MailAccount,
  signal: AbortSignal,
): Promise<ImapConnection> {
  const password = await secrets.resolve(secret);
  const account = accountName(endpoint, user);
  if (await options.signIns?.isRefused(account, password)) {
    throw new MigrationError('AUTH_FAILED', 'The server has refused this password before; it is not tried again.', {
      facts: { host: endpoint.host, port: endpoint.port },
    });
  }
  try {
    const connection = await connectImap(endpoint, { user, password }, signal, options.timeouts ?? DEFAULT_TIMEOUTS);
    if (options.onBulk) connection.onBulk = options.onBulk;
    return connection;
  } catch (error) {
    const refused = error instanceof MigrationError && error.code === 'AUTH_FAILED';
    if (refused) await options.signIns?.recordRefused(account, password);
    throw error;
  }
}
