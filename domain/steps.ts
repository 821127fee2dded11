/**
 * The steps of a migration. Ids are stable: they stand in reports, search attributes and tests.
 * What each step is for and when it is done is told in docs/process.md.
 */

export const PHASES = ['account-creation', 'data-migration', 'cutover', 'support'] as const;
export type Phase = (typeof PHASES)[number];

/** Who has to act. `provider` are the operators, `users` the owners of the mailboxes, `service` is this program. */
export type Party = 'client' | 'provider' | 'users' | 'service';

export interface StepKind {
  readonly title: string;
  readonly phase: Phase;
}

export const STEPS = {
  A1: { title: 'Intake', phase: 'account-creation' },
  A2: { title: 'Planning and preflight', phase: 'account-creation' },
  A3: { title: 'Provisioning', phase: 'account-creation' },
  A4: { title: 'Cutover date', phase: 'account-creation' },
  A5: { title: 'Add-ons', phase: 'account-creation' },
  A6: { title: 'Mail filter redirection', phase: 'account-creation' },
  A7: { title: 'DNS', phase: 'account-creation' },
  B1: { title: 'Initial transfer', phase: 'data-migration' },
  B2: { title: 'Limits acknowledged', phase: 'data-migration' },
  B3: { title: 'Verification', phase: 'data-migration' },
  B4: { title: 'Outlook profiles', phase: 'data-migration' },
  C1: { title: 'Propagation', phase: 'cutover' },
  C2: { title: 'Cutover', phase: 'cutover' },
  C3: { title: 'SPF', phase: 'cutover' },
  C4: { title: 'Devices', phase: 'cutover' },
  C5: { title: 'Final sync', phase: 'cutover' },
  C6: { title: 'PST import', phase: 'cutover' },
  C7: { title: 'Completion', phase: 'cutover' },
  D1: { title: 'Support', phase: 'support' },
} as const satisfies Record<string, StepKind>;

export type StepId = keyof typeof STEPS;
/** In the order of the story. */
export const STEP_IDS = Object.keys(STEPS) as readonly StepId[]; // keys of a literal keep their order

export type StepStatus = 'ahead' | 'doing' | 'waiting' | 'done' | 'not-needed';

/** JSON only: it crosses Temporal and is stored in the read model. */
export interface StepState {
  status: StepStatus;
  /** Whom a `waiting` step waits for; empty otherwise. */
  waitingFor: Party[];
  /** One plain sentence for people: what is done or waited for, or why it is not needed. No addresses. */
  note: string;
  /** Id of the stored evidence, once there is some. */
  evidenceId: string | null;
  /** RFC 3339, workflow time. */
  changedAt: string | null;
}

/** Steps whose `done` means that a person acknowledged something. */
export const ACKNOWLEDGED_STEPS = ['B2', 'B4', 'C4', 'C6'] as const;
export type AcknowledgedStep = (typeof ACKNOWLEDGED_STEPS)[number];

export const GATES = ['accounts', 'data', 'cutover', 'completion'] as const;
export type GateId = (typeof GATES)[number];

export const GATE_STEP = { accounts: 'A3', data: 'B3', cutover: 'C2', completion: 'C7' } as const satisfies Record<
  GateId,
  StepId
>;

/** What is done again after a rejection: the step that can mend what was wrong, then what depends on it, the gate last. */
export const REJECTION_REOPENS = {
  accounts: ['A3'],
  data: ['B1', 'B3'],
  cutover: ['A4', 'C1', 'C2'],
  completion: ['C5', 'C7'],
} as const satisfies Record<GateId, readonly [StepId, ...StepId[]]>;

export type GateParty = 'client' | 'operator';

/** The parties whose approval opens a gate; two parties are always two distinct persons. */
export const GATE_QUORUM = {
  accounts: ['client'],
  data: ['client'],
  cutover: ['client', 'operator'],
  completion: ['client', 'operator'],
} as const satisfies Record<GateId, readonly GateParty[]>;

export function isStepId(value: unknown): value is StepId {
  return typeof value === 'string' && Object.hasOwn(STEPS, value);
}
