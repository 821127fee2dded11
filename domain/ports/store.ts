import type { ErrorCode } from '../errors.ts';
import type { Tally } from '../mail.ts';
import type { MailboxStatus, MailboxView, MigrationView, PreflightVerdict } from '../migration-view.ts';
import type { Pass } from '../passes.ts';
import type { AccessReport } from '../permissions.ts';
import type { Plan, PlannedMailbox } from '../plan.ts';
import type { MailboxRoutes } from '../routes.ts';
import type { AcknowledgedStep, GateId, GateParty, StepId } from '../steps.ts';

/** Any JSON value; evidence and audit details are made of it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface StoredMigration {
  readonly id: string;
  readonly plan: Plan;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly view: MigrationView | null;
}

export interface StoredMailbox {
  readonly id: string;
  readonly migrationId: string;
  /** Order of the list; the cursor of pages. */
  readonly position: number;
  readonly planned: PlannedMailbox;
  readonly status: MailboxStatus;
  /** Source folder name → target folder name, asked for by a person. */
  readonly mapping: Readonly<Record<string, string>>;
  /** Number of the last pass that ended for it, 0 before the first. */
  readonly passNumber: number;
}

/** Migrations and mailboxes: what was planned, and the read model. All writes are idempotent for equal input. */
export interface MigrationStore {
  /**
   * Stores a plan with its mailboxes as a draft. A repeat with the same id changes nothing.
   * @throws CONFLICT when a target mailbox is part of another migration that has not ended (T38).
   */
  createMigration(input: {
    id: string;
    plan: Plan;
    mailboxes: readonly PlannedMailbox[];
    createdBy: string;
  }): Promise<void>;
  /** @throws NOT_FOUND */
  getMigration(id: string): Promise<StoredMigration>;
  listMigrations(): AsyncIterable<StoredMigration>;
  recordView(id: string, view: MigrationView): Promise<void>;
  recordPlan(id: string, plan: Plan): Promise<void>;
  /** What the newest preflight found of the rights at the target; replaces what was known. */
  recordAccess(id: string, access: AccessReport): Promise<void>;
  findAccess(id: string): Promise<AccessReport | null>;

  /** @throws NOT_FOUND */
  getMailbox(id: string): Promise<StoredMailbox>;
  listMailboxes(migrationId: string): AsyncIterable<MailboxView>;
  /** One of {@link listMailboxes}. @throws NOT_FOUND */
  getMailboxView(id: string): Promise<MailboxView>;
  /** Mailboxes not dropped, after `afterPosition`, in order, at most `limit`. */
  pageMailboxes(migrationId: string, afterPosition: number, limit: number): Promise<readonly StoredMailbox[]>;
  /** As {@link pageMailboxes}, only those whose last ended pass is older than `pass`: what this pass still has to do. */
  pageDueMailboxes(
    migrationId: string,
    pass: Pass,
    afterPosition: number,
    limit: number,
  ): Promise<readonly StoredMailbox[]>;
  countMailboxes(migrationId: string, pass: Pass): Promise<{ total: number; done: number; held: number }>;
  recordPreflight(mailboxId: string, verdict: PreflightVerdict): Promise<void>;
  recordMailboxStatus(
    mailboxId: string,
    status: MailboxStatus,
    held: { code: ErrorCode; message: string } | null,
  ): Promise<void>;
  /** What a probe found of the ways into the mailbox; replaces what was known. */
  recordRoutes(mailboxId: string, routes: MailboxRoutes): Promise<void>;
  findRoutes(mailboxId: string): Promise<MailboxRoutes | null>;
  /** So many deletions a person has allowed for the next delta of the mailbox; null: none was asked, or they are done. */
  recordAllowedDeletions(mailboxId: string, count: number | null): Promise<void>;
  findAllowedDeletions(mailboxId: string): Promise<number | null>;
  /** A pass ended for these mailboxes; `moved` counts messages delivered by it. */
  recordPassEnd(pass: Pass, ended: readonly { mailboxId: string; moved: number }[]): Promise<void>;
  /** Messages that a pass moved, over all mailboxes: an empty delta is one that moved 0. */
  countMoved(migrationId: string, pass: Pass): Promise<number>;
  /** Adds mailboxes to the list; those whose address is there already are refused. @throws CONFLICT */
  addMailboxes(migrationId: string, changeId: string, mailboxes: readonly PlannedMailbox[]): Promise<readonly string[]>;
  dropMailboxes(migrationId: string, mailboxIds: readonly string[]): Promise<void>;
  recordMapping(mailboxId: string, mapping: Readonly<Record<string, string>>): Promise<void>;
  tallyMailbox(mailboxId: string): Promise<Tally>;
  tallyMigration(migrationId: string): Promise<Tally>;

  /** What a step read back. Returns an opaque id; equal input gives the same id. */
  recordEvidence(migrationId: string, step: StepId, body: Json): Promise<string>;
  listEvidence(migrationId: string): AsyncIterable<{ id: string; step: StepId; recordedAt: string; body: Json }>;
  findEvidence(migrationId: string, step: StepId): Promise<{ id: string; recordedAt: string; body: Json } | null>;

  recordIssue(issue: {
    id: string;
    migrationId: string;
    mailboxId: string | null;
    kind: IssueKind;
    text: string;
    reportedBy: string;
  }): Promise<void>;
  settleIssue(id: string, outcome: 'resolved' | 'accepted', note: string, by: string): Promise<void>;
  listIssues(migrationId: string): AsyncIterable<Issue>;
}

export type IssueKind = 'missing-mail' | 'access' | 'client-set-up' | 'other';

export interface Issue {
  readonly id: string;
  readonly migrationId: string;
  readonly mailboxId: string | null;
  readonly kind: IssueKind;
  readonly text: string;
  readonly reportedBy: string;
  readonly reportedAt: string;
  readonly outcome: 'resolved' | 'accepted' | null;
  readonly note: string | null;
}

// ---------------------------------------------------------------------------------------------------------- approvals

export type GateState = 'open' | 'approved' | 'rejected' | 'superseded' | 'expired' | 'withdrawn';

/** One revision of a gate: a frozen snapshot and what became of it. */
export interface StoredGate {
  readonly id: string;
  readonly migrationId: string;
  readonly gate: GateId;
  /** Counts from 1 for each gate of a migration. */
  readonly revision: number;
  /** SHA-256 (hex) of the canonical JSON (RFC 8785) of `evidence`. */
  readonly digest: string;
  readonly evidence: Json;
  readonly state: GateState;
  readonly openedAt: string;
  readonly settledAt: string | null;
  readonly decisions: readonly StoredDecision[];
}

export type Verdict = 'approve' | 'reject' | 'acknowledge';

/** A person's decision about a gate, or an acknowledgement of a step. Never changed once written. */
export interface StoredDecision {
  readonly id: string;
  readonly migrationId: string;
  /** The gate's revision; null for an acknowledgement. */
  readonly gateId: string | null;
  readonly step: AcknowledgedStep | null;
  readonly verdict: Verdict;
  readonly party: GateParty;
  /** Contact id of the plan, or operator id. */
  readonly personId: string;
  readonly digest: string | null;
  readonly comment: string;
  readonly decidedAt: string;
}

/** What a link opens; the token itself is known to nobody but its receiver. */
export interface StoredLink {
  readonly id: string;
  readonly migrationId: string;
  readonly contactId: string;
  readonly gateId: string | null;
  readonly step: AcknowledgedStep | null;
  readonly state: 'live' | 'used' | 'revoked';
}

/**
 * Gates, decisions and the way out to Temporal. Each write is one database transaction that also writes the audit row and, where
 * the workflow has to know, the outbox row.
 */
export interface ApprovalStore {
  /**
   * Freezes evidence as the gate's newest revision and sends each contact of the gate's client party a link (by the outbox). If
   * the open revision has the same digest nothing happens; if it differs that one is superseded and its links are revoked.
   */
  openGate(input: {
    migrationId: string;
    gate: GateId;
    evidence: Json;
    publicUrl: string;
  }): Promise<{ gateId: string; revision: number; digest: string; opened: boolean }>;
  settleGate(gateId: string, state: Exclude<GateState, 'open'>): Promise<void>;
  /** Sends the links of an open gate or a waiting acknowledgement again (new tokens, old ones revoked). */
  remind(input: {
    migrationId: string;
    gateId: string | null;
    step: AcknowledgedStep | null;
    publicUrl: string;
  }): Promise<void>;
  /** Asks the client's contacts to acknowledge a step; idempotent while the request is open. */
  requestAcknowledgement(input: {
    migrationId: string;
    step: AcknowledgedStep;
    text: string;
    publicUrl: string;
  }): Promise<void>;

  /** @throws NOT_FOUND */
  getGate(gateId: string): Promise<StoredGate>;
  listGates(migrationId: string): AsyncIterable<StoredGate>;

  /** @returns null for a token that is unknown. */
  findLink(token: string): Promise<StoredLink | null>;
  /** Sends a new six-digit code to the contact's second channel; earlier codes end. @throws RATE_LIMITED, GATE_NOT_OPEN */
  recordChallenge(linkId: string): Promise<void>;
  /**
   * Decision by a contact: checks link, code, digest and gate, and writes decision, audit and outbox row in one transaction.
   * The same person with the same verdict gets the first receipt again.
   * @throws CODE_WRONG, CODE_EXPIRED, GATE_NOT_OPEN, EVIDENCE_CHANGED, CONFLICT, RATE_LIMITED
   */
  recordContactDecision(input: {
    linkId: string;
    code: string;
    verdict: Verdict;
    digest: string | null;
    comment: string;
    requestId: string;
  }): Promise<StoredDecision>;
  /** Decision by an operator who is signed in; `operatorId` counts as the person. @throws as above */
  recordOperatorDecision(input: {
    gateId: string;
    operatorId: string;
    verdict: Verdict;
    digest: string;
    comment: string;
    requestId: string;
  }): Promise<StoredDecision>;
  /** @returns null when there is no such decision: a forged signal. */
  findDecision(decisionId: string): Promise<StoredDecision | null>;

  listAudit(migrationId: string): AsyncIterable<AuditRow>;
  recordAudit(row: { migrationId: string | null; actor: string; action: string; details: Json }): Promise<void>;
  /** Recomputes the hash chain. @returns the first row that does not fit, or null. */
  findAuditBreak(): Promise<string | null>;
}

export interface AuditRow {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly details: Json;
  readonly hash: string;
}

/** The outbox: what must reach somebody else at least once. */
export interface Outbox {
  /**
   * Takes up to `limit` entries that are due, so that no other relay takes them for `leaseMs`, oldest first; entries for one workflow stay in order.
   */
  takeDue(limit: number, leaseMs: number): Promise<readonly OutboxEntry[]>;
  recordDelivered(id: string): Promise<void>;
  /** Tried and failed: due again after `retryInMs`. */
  recordAttempt(id: string, error: string, retryInMs: number): Promise<void>;
  /** Given up for good, e.g. the workflow has ended; kept for the report. */
  recordDead(id: string, error: string): Promise<void>;
}

export type OutboxEntry =
  | {
      readonly id: string;
      readonly kind: 'signal';
      readonly migrationId: string;
      readonly signal: 'decision';
      readonly payload: DecisionSignal;
    }
  | {
      readonly id: string;
      readonly kind: 'mail';
      readonly migrationId: string | null;
      readonly mail: { to: string; subject: string; text: string };
    };

/** What the `decision` signal carries; the workflow checks it against the stored decision before it believes it. */
export interface DecisionSignal {
  readonly decisionId: string;
  readonly gate: GateId | null;
  readonly gateId: string | null;
  readonly step: AcknowledgedStep | null;
  readonly digest: string | null;
  readonly party: GateParty;
  readonly personId: string;
  readonly verdict: Verdict;
}

/** Access of operators and the memory of idempotent requests. */
export interface AccessStore {
  /** Makes the first operator when there is none. @returns the token once, else null. */
  ensureFirstOperator(name: string, token: string): Promise<boolean>;
  /** @returns the operator's id, or null. */
  findOperator(token: string): Promise<{ id: string; name: string } | null>;
  /**
   * Remembers a request by key. First time: null. Again with the same fingerprint: the stored answer.
   * @throws IDEMPOTENCY_KEY_REUSED with another fingerprint; CONFLICT while the first is running
   */
  beginRequest(key: string, fingerprint: string): Promise<{ status: number; body: Json } | null>;
  endRequest(key: string, answer: { status: number; body: Json }): Promise<void>;
  /** The request failed before it had an effect: the key may be used again. */
  forgetRequest(key: string): Promise<void>;
}
