import { createImapConnector } from '../../adapters/imap/connector.ts';
import type { MailAccount, MailConnector } from '../../domain/ports/mail.ts';
import type { Secrets } from '../../domain/ports/services.ts';

/** Every account of a test has this password. */
export const PASSWORD = 'lab-password';

export const testSecrets: Secrets = { resolve: async () => PASSWORD };
export const imapConnector: MailConnector = createImapConnector(testSecrets);

/** An account on a server of the test itself: loopback, plain text. */
export function plainAccount(port: number, user: string): MailAccount {
  const endpoint = {
    host: '127.0.0.1',
    port,
    security: 'none',
    allowInsecure: true,
    caFile: null,
    maxConnections: 4,
  } as const;
  return { endpoint, user, secret: 'env:UNUSED' };
}

export const neverAborted: AbortSignal = new AbortController().signal;
