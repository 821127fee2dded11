import type { Plan, PlannedMailbox } from '../plan.ts';

/** The two files of a plan as text, with the names under which faults are reported. */
export interface PlanTexts {
  readonly planText: string;
  readonly planFile: string;
  readonly mailboxesText: string;
  readonly mailboxesFile: string;
}

/** Reads what a person wrote. Pure; a repeat gives the same answer. */
export interface PlanReader {
  /** @throws PLAN_INVALID whose `faults` name everything that is wrong, in the order of the files. */
  readPlan(texts: PlanTexts): { plan: Plan; mailboxes: PlannedMailbox[] };
  /**
   * Reads mailboxes that join a stored plan: the same checks, against the plan and the mailboxes that are there already.
   * @throws PLAN_INVALID
   */
  readMoreMailboxes(
    texts: Pick<PlanTexts, 'mailboxesText' | 'mailboxesFile'>,
    plan: Plan,
    existing: readonly PlannedMailbox[],
  ): PlannedMailbox[];
}
