import type { CountedDecision } from '../domain/gates.ts';
import type { MigrationSettings } from '../domain/migration-settings.ts';
import type { Pass, PassKind } from '../domain/passes.ts';
import type { DnsPath } from '../domain/plan.ts';
import { type AcknowledgedStep, type GateId, STEP_IDS, type StepId, type StepState } from '../domain/steps.ts';

/**
 * Everything that a migration must remember. It is the workflow's input, so continuing as new cannot forget a field.
 * JSON only, and no address.
 */
export interface MigrationState {
  readonly migrationId: string;
  /** Read once from the stored plan by the first activity; null before. */
  settings: MigrationSettings | null;
  steps: Record<StepId, StepState>;
  /** Non-null while an operator holds the migration. */
  paused: { by: string; reason: string; at: string } | null;
  cutoverAt: string | null;
  dnsPath: DnsPath | null;
  /** Since when all authoritative servers agree on the records of A7, and the longest TTL that older answers may live. */
  dns: { agreedAt: string | null; drainSeconds: number } | null;
  gate: OpenGate | null;
  /** Gates that are passed; a gate whose step is done again is asked anew. */
  approved: Partial<Record<GateId, { gateId: string; note: string }>>;
  /** Decisions that came by signal and are not looked at yet. */
  inbox: DecisionNotice[];
  /** Newest ids first, bounded: signals are delivered at least once. */
  seenDecisions: string[];
  /** Acknowledgements that the client was asked for: one question each. */
  asked: AcknowledgedStep[];
  acknowledged: Partial<Record<AcknowledgedStep, { by: string; at: string }>>;
  openIssues: { id: string; blocksData: boolean }[];
  /** A step that waits for the provider to mend something after a rejection. */
  mend: { step: StepId; note: string } | null;
  pass: PassState | null;
  passesEnded: number;
  /** Deltas in a row that moved nothing (C5). */
  emptyInARow: number;
  /** Messages that the final passes moved, over runs that were continued as new; absent in states of before it was kept. */
  movedByFinals?: number;
  /** Continue as new after so many events; null for the usual number. Tests set it, so that they need not fill a history. */
  continueAfterEvents: number | null;
}

export interface OpenGate {
  readonly gate: GateId;
  readonly gateId: string;
  readonly digest: string;
  decisions: CountedDecision[];
}

/** The part of a decision signal that the workflow keeps until it has checked it. */
export interface DecisionNotice {
  readonly decisionId: string;
}

export interface PassState {
  readonly kind: PassKind;
  readonly number: number;
  /** Mailboxes up to this position were handed to waves. */
  position: number;
  waves: number;
  total: number;
  done: number;
  held: number;
}

export const passOf = (state: PassState): Pass => ({ kind: state.kind, number: state.number });

export function newMigrationState(migrationId: string): MigrationState {
  const ahead = (): StepState => ({ status: 'ahead', waitingFor: [], note: '', evidenceId: null, changedAt: null });
  return {
    migrationId,
    settings: null,
    // The keys of the result are exactly STEP_IDS.
    steps: Object.fromEntries(STEP_IDS.map((id) => [id, ahead()])) as Record<StepId, StepState>,
    paused: null,
    cutoverAt: null,
    dnsPath: null,
    dns: null,
    gate: null,
    approved: {},
    inbox: [],
    seenDecisions: [],
    asked: [],
    acknowledged: {},
    openIssues: [],
    mend: null,
    pass: null,
    passesEnded: 0,
    emptyInARow: 0,
    continueAfterEvents: null,
  };
}
