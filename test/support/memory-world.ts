import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { type MemoryMailOptions, MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { type CopyMailboxInput, type CopyReport, copyMailbox } from '../../domain/copy-mailbox.ts';
import { hasWork } from '../../domain/look-at-mailbox.ts';
import type { Pass } from '../../domain/passes.ts';
import { type VerifyReport, verifyMailbox } from '../../domain/verify-mailbox.ts';

export const INITIAL: Pass = { kind: 'initial', number: 1 };
export const DELTA: Pass = { kind: 'delta', number: 2 };

/** One mailbox to move, in memory. */
export function newMemoryWorld(targetOptions: MemoryMailOptions = {}) {
  const source = new MemoryMailSystem();
  const target = new MemoryMailSystem(targetOptions);
  const ledger = new MemoryLedger();
  const mailboxId = 'mbx-1';
  ledger.addMailbox(mailboxId);

  return {
    source,
    target,
    ledger,
    mailboxId,
    async copy(pass: Pass, more: Partial<CopyMailboxInput> = {}): Promise<CopyReport> {
      return await copyMailbox({
        source: source.openSource(),
        target: target.openTarget(),
        ledger,
        lease: await ledger.takeLease(mailboxId, 'worker'),
        mailbox: { id: mailboxId, mapping: {} },
        pass,
        signal: new AbortController().signal,
        ...more,
      });
    },
    async verify(pass: Pass): Promise<VerifyReport> {
      const lease = await ledger.takeLease(mailboxId, 'verifier');
      return await verifyMailbox({ target: target.openTarget(), ledger, lease, mailboxId, pass });
    },
    look: () => hasWork(source.openSource(), ledger, mailboxId),
  };
}

export function mailText(subject: string): string {
  return `Subject: ${subject}\r\n\r\n${subject}\r\n`;
}
