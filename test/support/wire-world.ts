import type { ImapTimeouts } from '../../adapters/imap/connection.ts';
import { createImapConnector } from '../../adapters/imap/connector.ts';
import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { type CopyReport, copyMailbox } from '../../domain/copy-mailbox.ts';
import type { Pass } from '../../domain/passes.ts';
import { type ImapLabServer, startImapServer } from '../../lab/imap/server.ts';
import { MailStore } from '../../lab/imap/store.ts';
import type { SeedMail } from '../../lab/mail/seed.ts';
import { seedMailbox } from '../../lab/mail/seed.ts';
import { neverAborted, PASSWORD, plainAccount } from './imap-accounts.ts';
import { MailHistory, readMails } from './mail-history.ts';
import { ALONE } from './memory-world.ts';

/** Ports by which a copy reaches both sides. */
export interface Way {
  readonly source: number;
  readonly target: number;
  readonly timeouts?: ImapTimeouts;
}

/** Where a test has no time to wait for a server that is silent. */
export const IMPATIENT: ImapTimeouts = { connectMs: 1_500, greetingMs: 1_500, silenceMs: 1_500 };

/** One mailbox between two servers of the lab, over real sockets; a ledger in memory, and no lease that runs out. */
export class WireWorld {
  readonly source: ImapLabServer;
  readonly target: ImapLabServer;
  /** Mail of both sides, for a server that stands before one of them. */
  readonly sourceStore: MailStore;
  readonly targetStore: MailStore;
  readonly ledger = new MemoryLedger();
  readonly mailboxId = 'mbx-1';

  private constructor(stores: readonly [MailStore, MailStore], servers: readonly [ImapLabServer, ImapLabServer]) {
    [this.sourceStore, this.targetStore] = stores;
    [this.source, this.target] = servers;
    this.ledger.addMailbox(this.mailboxId);
  }

  static async open(mails: readonly SeedMail[]): Promise<WireWorld> {
    const stores = [new MailStore(), new MailStore()] as const;
    for (const store of stores) store.addAccount('ann', PASSWORD);
    const [source, target] = [await startImapServer({ store: stores[0] }), await startImapServer({ store: stores[1] })];
    const world = new WireWorld(stores, [source, target]);
    await seedMailbox(world.#endpoint(world.source.port), mails);
    return world;
  }

  get way(): Way {
    return { source: this.source.port, target: this.target.port };
  }

  /** One attempt on one lane, on connections of its own. */
  async copy(pass: Pass, way: Way = this.way): Promise<CopyReport> {
    const connector = createImapConnector(
      { resolve: async () => PASSWORD },
      way.timeouts === undefined ? {} : { timeouts: way.timeouts },
    );
    const lease = await this.ledger.takeLease(this.mailboxId, 'worker');
    const source = await connector.openSource(plainAccount(way.source, 'ann'), neverAborted);
    try {
      const target = await connector.openTarget(plainAccount(way.target, 'ann'), neverAborted);
      try {
        return await copyMailbox({
          source,
          target,
          ledger: this.ledger,
          lease,
          mailbox: { id: this.mailboxId, mapping: {} },
          pass,
          signal: neverAborted,
          ...ALONE,
        });
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
  }

  /** What differs between the source and a target, by their own words. */
  async faults(targetPort = this.target.port): Promise<string[]> {
    const history = new MailHistory();
    history.observe(await readMails(this.#endpoint(this.source.port)));
    return history.faultsOf(await readMails(this.#endpoint(targetPort)));
  }

  async close(): Promise<void> {
    await Promise.all([this.source.close(), this.target.close()]);
  }

  #endpoint(port: number) {
    return { host: '127.0.0.1', port, user: 'ann', pass: PASSWORD };
  }
}

/** Some folders with mail of these sizes, twins among them. */
export function mailsOf(sizes: readonly number[]): readonly SeedMail[] {
  return sizes.flatMap((sizeBytes, at): readonly SeedMail[] => {
    const text = `${at} 0123456789abcdef\r\n`;
    const raw = Buffer.from(
      `Subject: ${at}\r\nFrom: ada@example.net\r\n\r\n${text.repeat(Math.ceil(sizeBytes / text.length))}`,
    );
    const mail = { folder: at % 3 === 0 ? ['Archive'] : ['INBOX'], flags: at % 2 === 0 ? ['\\Seen'] : [], raw };
    return at % 4 === 0 ? [mail, mail] : [mail];
  });
}
