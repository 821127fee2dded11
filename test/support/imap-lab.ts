import type { MailSource, MailTarget, TargetFolder } from '../../domain/ports/mail.ts';
import type { Folder } from '../../lab/imap/folder.ts';
import type { ImapServerOptions } from '../../lab/imap/options.ts';
import { type ImapLabServer, startImapServer } from '../../lab/imap/server.ts';
import { MailStore } from '../../lab/imap/store.ts';
import { imapConnector, neverAborted, PASSWORD, plainAccount } from './imap-accounts.ts';

/** One account on a lab server of its own, and sessions to it that end with it. */
export class ImapLab {
  readonly server: ImapLabServer;
  readonly inbox: Folder;
  readonly #sessions: { close(): Promise<void> }[] = [];

  constructor(server: ImapLabServer, inbox: Folder) {
    this.server = server;
    this.inbox = inbox;
  }

  async openSource(user = 'ann'): Promise<MailSource> {
    const source = await imapConnector.openSource(plainAccount(this.server.port, user), neverAborted);
    this.#sessions.push(source);
    return source;
  }

  async openTarget(mayWrite?: () => boolean): Promise<{ target: MailTarget; folder: TargetFolder }> {
    const options = mayWrite === undefined ? {} : { mayWrite };
    const target = await imapConnector.openTarget(plainAccount(this.server.port, 'ann'), neverAborted, options);
    this.#sessions.push(target);
    return { target, folder: { id: 'INBOX', path: ['INBOX'], role: 'inbox' } };
  }

  async close(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.close()));
    await this.server.close();
  }
}

export async function startImapLab(options: Partial<ImapServerOptions> = {}): Promise<ImapLab> {
  const store = new MailStore();
  const { inbox } = store.addAccount('ann', PASSWORD);
  return new ImapLab(await startImapServer({ store, ...options }), inbox);
}
