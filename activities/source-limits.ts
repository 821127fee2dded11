import { MigrationError } from '../domain/errors.ts';
import { findBytesPerDay } from '../domain/forecast.ts';
import { DEFAULT_LABEL_RULES, type LabelRules } from '../domain/gmail-labels.ts';
import type { PlannedSource } from '../domain/plan.ts';
import { accountName, type DailyReads } from '../domain/ports/connections.ts';
import type { MailAccount, MailSource } from '../domain/ports/mail.ts';

/** What the plan says of labels, with its defaults. */
export function labelRulesOf({ labels, labelOrder }: PlannedSource): LabelRules {
  const { policy, order } = DEFAULT_LABEL_RULES;
  return { policy: labels ?? policy, order: labelOrder ?? order };
}

/**
 * Books what is read of the account where the source gives away only so much a day; undefined where it has no such limit.
 * The function @throws DAILY_LIMIT
 */
export function readsOf(reads: DailyReads, account: MailAccount, planned: PlannedSource, source: MailSource) {
  const limitBytes = findBytesPerDay(source.facts.capabilities, planned.dailyLimitMb);
  if (limitBytes === null) return undefined;
  const name = accountName(account.endpoint, account.user);
  return async (bytes: number): Promise<void> => {
    const retryAfterMs = await reads.book(name, bytes, limitBytes);
    if (retryAfterMs === null) return;
    const limitMb = limitBytes / 1_000_000;
    throw new MigrationError('DAILY_LIMIT', `${limitMb} MB were read of the source in the last 24 hours.`, {
      retryAfterMs,
      facts: { limitMb },
    });
  };
}
