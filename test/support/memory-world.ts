import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { type MemoryMailOptions, MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { createByteBudget } from '../../domain/byte-budget.ts';
import { type CopyMailboxInput, type CopyReport, copyMailbox } from '../../domain/copy-mailbox.ts';
import type { LaneOptions, Pace } from '../../domain/lanes.ts';
import { hasWork } from '../../domain/look-at-mailbox.ts';
import type { Pass } from '../../domain/passes.ts';
import type { Ledger } from '../../domain/ports/ledger.ts';
import { type VerifyMailboxInput, type VerifyReport, verifyMailbox } from '../../domain/verify-mailbox.ts';

export const INITIAL: Pass = { kind: 'initial', number: 1 };
export const DELTA: Pass = { kind: 'delta', number: 2 };

/** Time that passes only while somebody waits. */
export function fakePace(): Pace {
  let now = 0;
  return {
    now: () => now,
    async pause(ms) {
      now += ms;
      // Whoever waits lets servers answer meanwhile.
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    },
  };
}

/** A copy on one lane, with room enough, whose waiting takes no time. */
export const ALONE: Pick<CopyMailboxInput, 'lanes' | 'budget' | 'now'> = {
  lanes: { open: async () => null, pace: fakePace() },
  budget: createByteBudget(),
  // The true one: servers of these tests date by it what comes without a date, and a date of tomorrow is none (domain/received-at.ts).
  now: () => new Date().toISOString(),
};

/** Up to so many lanes beside the first. */
export function spareLanes(source: MemoryMailSystem, target: MemoryMailSystem, count: number): LaneOptions {
  let left = count;
  return {
    async open() {
      if (left === 0) return null;
      left -= 1;
      const lane = { source: source.openSource(), target: target.openTarget() };
      return { ...lane, isWanted: async () => false, close: async () => undefined };
    },
    pace: fakePace(),
  };
}

export type MemoryWorld = ReturnType<typeof newMemoryWorld>;

/** One mailbox to move, in memory. */
export function newMemoryWorld(targetOptions: MemoryMailOptions = {}, sourceOptions: MemoryMailOptions = {}) {
  const ledger = new MemoryLedger();
  const mailboxId = 'mbx-1';
  ledger.addMailbox(mailboxId);
  return newWorldOn(ledger, mailboxId, targetOptions, sourceOptions);
}

/** The same with a ledger that knows the mailbox. */
export function newWorldOn<L extends Ledger>(
  ledger: L,
  mailboxId: string,
  targetOptions: MemoryMailOptions,
  sourceOptions: MemoryMailOptions,
) {
  const source = new MemoryMailSystem(sourceOptions);
  const target = new MemoryMailSystem(targetOptions);
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
        ...ALONE,
        ...more,
      });
    },
    async verify(pass: Pass, more: Partial<VerifyMailboxInput> = {}): Promise<VerifyReport> {
      const lease = await ledger.takeLease(mailboxId, 'verifier');
      return await verifyMailbox({ target: target.openTarget(), ledger, lease, mailboxId, pass, ...more });
    },
    look: (pass: Pass = DELTA) => hasWork(source.openSource(), ledger, mailboxId, pass),
  };
}

export function mailText(subject: string): string {
  return `Subject: ${subject}\r\n\r\n${subject}\r\n`;
}
