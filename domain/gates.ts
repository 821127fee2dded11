import type { DecisionSignal } from './ports/store.ts';
import { GATE_QUORUM, type GateId, type GateParty } from './steps.ts';

export type GateOutcome = 'open' | 'approved' | 'rejected';

/** A decision as the workflow keeps it, after it was checked against the stored one. */
export type CountedDecision = Pick<DecisionSignal, 'decisionId' | 'digest' | 'party' | 'personId' | 'verdict'>;

/**
 * What the decisions so far come to. One rejection rejects. Approvals count only for the digest that is open, one a person,
 * and two parties are two distinct persons, so nobody opens a gate of two parties alone. Time is no argument.
 */
export function judgeGate(gate: GateId, digest: string, decisions: readonly CountedDecision[]): GateOutcome {
  const current = decisions.filter((decision) => decision.digest === digest);
  if (current.some((decision) => decision.verdict === 'reject')) return 'rejected';
  const approvals = current.filter((decision) => decision.verdict === 'approve');
  return missingParties(gate, approvals).length === 0 ? 'approved' : 'open';
}

/** The parties whose approval still lacks, for "waiting for whom". */
export function missingParties(gate: GateId, approvals: readonly CountedDecision[]): GateParty[] {
  const persons = new Set<string>();
  const missing: GateParty[] = [];
  for (const party of GATE_QUORUM[gate]) {
    const approval = approvals.find((each) => each.party === party && !persons.has(each.personId));
    if (approval) persons.add(approval.personId);
    else missing.push(party);
  }
  return missing;
}
