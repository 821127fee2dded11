import type { ApprovalStore } from '../../domain/ports/store.ts';
import { recordChallenge } from './approval-codes.ts';
import { findDecision, recordContactDecision, recordOperatorDecision } from './approval-decisions.ts';
import { getGate, listGates, openGate, remind, requestAcknowledgement, settleGate } from './approval-gates.ts';
import { findLink } from './approval-links.ts';
import { appendAudit, findAuditBreak, listAudit } from './audit.ts';
import type { Db } from './database.ts';

export interface ApprovalLimits {
  /** How long a code counts. */
  readonly codeTtlMs: number;
  /** After so many wrong guesses a code counts no more: with 25 guesses an hour, one in 40,000 would hit. */
  readonly wrongCodes: number;
  /** Codes that may be asked for per link in an hour. */
  readonly codesPerHour: number;
  /** How long a link opens its page; a reminder sends a new one. */
  readonly linkTtlMs: number;
}

export const DEFAULT_APPROVAL_LIMITS: ApprovalLimits = {
  codeTtlMs: 15 * 60_000,
  wrongCodes: 5,
  codesPerHour: 5,
  linkTtlMs: 30 * 86_400_000,
};

/** Gates, links, codes, decisions and the audit trail on PostgreSQL. All times are the database's. */
export function createApprovalStore(db: Db, limits: Partial<ApprovalLimits> = {}): ApprovalStore {
  const all: ApprovalLimits = { ...DEFAULT_APPROVAL_LIMITS, ...limits };
  return {
    openGate: (input) => openGate(db, all, input),
    settleGate: (gateId, state) => settleGate(db, gateId, state),
    remind: (input) => remind(db, all, input),
    requestAcknowledgement: (input) => requestAcknowledgement(db, all, input),
    getGate: (gateId) => getGate(db, gateId),
    listGates: (migrationId) => listGates(db, migrationId),
    findLink: (token) => findLink(db, token),
    recordChallenge: (linkId) => recordChallenge(db, all, linkId),
    recordContactDecision: (input) => recordContactDecision(db, all, input),
    recordOperatorDecision: (input) => recordOperatorDecision(db, input),
    findDecision: (decisionId) => findDecision(db, decisionId),
    listAudit: (migrationId) => listAudit(db, migrationId),
    recordAudit: (row) => db.transaction().execute((trx) => appendAudit(trx, row)),
    findAuditBreak: () => findAuditBreak(db),
  };
}
