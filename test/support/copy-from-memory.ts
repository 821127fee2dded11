import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { type CopyMailboxInput, type CopyReport, copyMailbox } from '../../domain/copy-mailbox.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { Pass } from '../../domain/passes.ts';
import type { MailTarget } from '../../domain/ports/mail.ts';
import { type VerifyReport, verifyMailbox } from '../../domain/verify-mailbox.ts';
import type { HostedTenant } from '../../lab/exchange/tenant.ts';
import type { Account } from '../../lab/imap/store.ts';
import { ALONE, INITIAL } from './memory-world.ts';

/** A source in memory, and a ledger that outlives every attempt at a target that is opened anew for each. */
export abstract class CopyFromMemory {
  readonly source = new MemoryMailSystem();
  readonly ledger = new MemoryLedger();

  constructor() {
    this.ledger.addMailbox('mbx-1');
  }

  abstract open(): Promise<MailTarget>;

  /** One attempt at a pass. @throws as copyMailbox */
  async copy(more: Partial<CopyMailboxInput> = {}, pass: Pass = INITIAL): Promise<CopyReport> {
    const target = await this.open();
    try {
      return await copyMailbox({
        source: this.source.openSource(),
        target,
        ledger: this.ledger,
        lease: await this.ledger.takeLease('mbx-1', 'worker'),
        mailbox: { id: 'mbx-1', mapping: {} },
        pass,
        signal: new AbortController().signal,
        ...ALONE,
        ...more,
      });
    } finally {
      await target.close();
    }
  }

  /** Attempts at the first pass until one is through. @returns what the others failed by */
  async copyUntilDone(most = 6): Promise<readonly MigrationError[]> {
    const faults: MigrationError[] = [];
    for (;;) {
      try {
        await this.copy();
        return faults;
      } catch (error) {
        if (!(error instanceof MigrationError) || faults.length === most) throw error;
        faults.push(error);
      }
    }
  }

  async verify(pass: Pass = INITIAL): Promise<VerifyReport> {
    const target = await this.open();
    try {
      const lease = await this.ledger.takeLease('mbx-1', 'verifier');
      return await verifyMailbox({ target, ledger: this.ledger, lease, mailboxId: 'mbx-1', pass });
    } finally {
      await target.close();
    }
  }
}

/** A simulated mailbox as its owner finds it: what is in which folder, with its date, flags and categories, drafts named. */
export function seenIn({ items }: HostedTenant, account: Account): readonly string[] {
  return account
    .listFolders()
    .flatMap(({ path, messages }) =>
      messages.map((message) => {
        const { isDraft, categories } = items.of(message);
        const subject = /^Subject: (.*)$/m.exec(message.raw.toString('latin1'))?.[1]?.trim() ?? '';
        const marks = [...[...message.flags].toSorted(), ...categories, ...(isDraft ? ['draft'] : [])];
        return [path.join('/'), subject, message.internalDate.toISOString(), ...marks].join(' | ');
      }),
    )
    .toSorted();
}
