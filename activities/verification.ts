import { setTimeout as delay } from 'node:timers/promises';
import { MigrationError } from '../domain/errors.ts';
import type { Pass } from '../domain/passes.ts';
import type { Lease, Ledger } from '../domain/ports/ledger.ts';
import type { MailAccount, MailTarget } from '../domain/ports/mail.ts';
import { type VerifyReport, verifyMailbox } from '../domain/verify-mailbox.ts';
import { atMost } from './lanes.ts';
import { mostSessions } from './mail-accounts.ts';
import type { SourceSessions } from './source-sessions.ts';

export interface VerificationInput {
  readonly openTarget: () => Promise<MailTarget>;
  readonly sessions: SourceSessions;
  readonly ledger: Ledger;
  readonly lease: Lease;
  readonly accounts: { readonly source: MailAccount; readonly target: MailAccount };
  readonly mailboxId: string;
  readonly pass: Pass;
  readonly signal: AbortSignal;
}

/** Reading is quicker than writing: so many connections keep up with a copy on any number. */
const MAX_CONNECTIONS = 4;

/**
 * Re-reads the target on connections of its own, opened now. The source is asked only about copies that the target wrote anew.
 * @throws VERIFY_FAILED when something is lost, doubled, misfiled or changed; it is named in the mailbox report
 */
export async function verifyByReading(input: VerificationInput): Promise<void> {
  const { openTarget, sessions, accounts, signal, ...rest } = input;
  const limit = Math.min(MAX_CONNECTIONS, mostSessions(accounts.target));
  const target = await openTarget();
  try {
    const report = await verifyMailbox({
      ...rest,
      target,
      signal,
      openSource: () => sessions.open(accounts.source, signal),
      lanes: {
        // The first one is among them.
        open: atMost(limit - 1, async () => {
          const spare = await openTarget();
          return { target: spare, isWanted: async () => false, close: () => spare.close() };
        }),
        pace: { now: () => performance.now(), pause: (ms) => delay(ms) },
      },
    });
    if (report.faults > 0) throw verifyFailed(input.mailboxId, report);
  } finally {
    await target.close();
  }
}

function verifyFailed(mailboxId: string, { lost, doubled, misfiled, changed }: VerifyReport): MigrationError {
  const facts = { lost, doubled, misfiled, changed };
  const words = Object.entries(facts).flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : []));
  return new MigrationError('VERIFY_FAILED', `Re-reading the target found messages: ${words.join(', ')}.`, {
    facts: { mailboxId, ...facts },
  });
}
