import type { MailConnector } from '../../domain/ports/mail.ts';
import type { Secrets } from '../../domain/ports/services.ts';
import { connectImap, DEFAULT_TIMEOUTS, type ImapTimeouts } from './connection.ts';
import { ImapSource } from './source.ts';
import { ImapTarget } from './target.ts';

/** Mail over IMAP for both sides. The secret is looked up at each connect and not kept. */
export function createImapConnector(secrets: Secrets, timeouts: ImapTimeouts = DEFAULT_TIMEOUTS): MailConnector {
  return {
    async openSource({ endpoint, user, secret }, signal) {
      const password = await secrets.resolve(secret);
      return new ImapSource(await connectImap(endpoint, { user, password }, signal, timeouts));
    },
    async openTarget({ endpoint, user, secret }, signal) {
      const password = await secrets.resolve(secret);
      return new ImapTarget(await connectImap(endpoint, { user, password }, signal, timeouts));
    },
  };
}
