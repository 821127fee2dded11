import { MigrationError } from '../../domain/errors.ts';
import type { Plan, PlanFault, PlannedMailbox } from '../../domain/plan.ts';
import type { PlanReader, PlanTexts } from '../../domain/ports/plan-reader.ts';
import { readMailboxList } from './mailbox-list.ts';
import { checkPlan } from './plan-checks.ts';
import { parsePlan } from './plan-yaml.ts';

/** Reads plan.yaml and the mailbox list. Pure. @throws PLAN_INVALID with all faults of both files. */
export function readPlan(texts: PlanTexts): { plan: Plan; mailboxes: PlannedMailbox[] } {
  const faults: PlanFault[] = [];
  const { plan, raw, faultAt } = parsePlan(texts.planText, texts.planFile, faults);
  const frame = checkPlan(raw, faultAt);
  sortFaults(faults, 0);
  const before = faults.length;
  const mailboxes = readMailboxList(texts.mailboxesText, texts.mailboxesFile, frame, [], faults);
  sortFaults(faults, before);
  if (plan === null || faults.length > 0) throw invalid(faults);
  return { plan, mailboxes };
}

/** Reads mailboxes that join a plan. Pure. @throws PLAN_INVALID */
export function readMoreMailboxes(
  texts: Pick<PlanTexts, 'mailboxesText' | 'mailboxesFile'>,
  plan: Plan,
  existing: readonly PlannedMailbox[],
): PlannedMailbox[] {
  const faults: PlanFault[] = [];
  const frame = { domains: plan.client.domains, ownDomainsOnly: plan.target.kind === 'hosted-exchange' };
  const mailboxes = readMailboxList(texts.mailboxesText, texts.mailboxesFile, frame, existing, faults);
  sortFaults(faults, 0);
  if (faults.length > 0) throw invalid(faults);
  return mailboxes;
}

/** The port over these two. */
export const planReader: PlanReader = { readPlan, readMoreMailboxes };

function sortFaults(faults: PlanFault[], from: number): void {
  const sorted = faults.splice(from).sort((one, other) => one.line - other.line || one.column - other.column);
  faults.push(...sorted);
}

function invalid(faults: readonly PlanFault[]): MigrationError {
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
  return new MigrationError('PLAN_INVALID', `The plan has ${count}.`, { faults, facts: { faults: faults.length } });
}
