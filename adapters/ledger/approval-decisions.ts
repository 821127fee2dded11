import type { Selectable } from 'kysely';
import { MigrationError } from '../../domain/errors.ts';
import type { StoredDecision, Verdict } from '../../domain/ports/store.ts';
import { GATE_QUORUM, type GateId, type GateParty } from '../../domain/steps.ts';
import { checkCode } from './approval-codes.ts';
import { type LinkSubject, lockLink, subjectColumn, subjectId } from './approval-links.ts';
import type { ApprovalLimits } from './approval-store.ts';
import { appendAudit } from './audit.ts';
import type { Db } from './database.ts';
import { newId, storableText } from './encoding.ts';
import { addDecisionSignal } from './outbox.ts';
import type { Database } from './schema.ts';

/** One transaction a decision: the row, its audit row and its signal are there together or not at all. */

export async function recordContactDecision(
  db: Db,
  limits: ApprovalLimits,
  input: { linkId: string; code: string; verdict: Verdict; digest: string | null; comment: string; requestId: string },
): Promise<StoredDecision> {
  const outcome = await db.transaction().execute(async (trx) => {
    const link = await lockLink(trx, input.linkId);
    const { migrationId, contact, subject, gate } = link;
    requireFittingVerdict(input.verdict, gate !== null);
    const earlier = await findEarlier(trx, subject, contact.id);
    if (earlier === null && link.state !== 'live') {
      throw new MigrationError('GATE_NOT_OPEN', 'This link cannot be used any more.', { facts: { linkId: link.id } });
    }
    const fault = await checkCode(trx, limits, link.id, input.code, earlier !== null);
    if (fault !== null) {
      const details = { linkId: link.id, fault: fault.code, requestId: input.requestId };
      await appendAudit(trx, { migrationId, actor: contact.id, action: 'code.refused', details });
      return { fault };
    }
    if (earlier !== null) return { decision: sameOrConflict(earlier, input.verdict, 'client') };
    if (gate !== null) requireOpen(gate, input.digest);
    await trx.updateTable('links').set({ state: 'used' }).where('id', '=', link.id).execute();
    if ('acknowledgementId' in subject) {
      await trx
        .updateTable('acknowledgements')
        .set({ state: 'done' })
        .where('id', '=', subject.acknowledgementId)
        .execute();
    }
    const decision = await insertDecision(trx, {
      migrationId,
      subject,
      gate: link.question.kind === 'gate' ? link.question.gate : null,
      step: link.question.kind === 'acknowledgement' ? link.question.step : null,
      party: 'client',
      personId: contact.id,
      ...input,
      digest: gate?.digest ?? null,
    });
    return { decision };
  });
  if (outcome.fault !== undefined) {
    throw new MigrationError(outcome.fault.code, outcome.fault.message, { facts: { linkId: input.linkId } });
  }
  return outcome.decision;
}

export async function recordOperatorDecision(
  db: Db,
  input: {
    gateId: string;
    operatorId: string;
    verdict: Verdict;
    digest: string;
    comment: string;
    requestId: string;
  },
): Promise<StoredDecision> {
  return await db.transaction().execute(async (trx) => {
    const { gateId, operatorId } = input;
    const gate = await trx.selectFrom('gates').selectAll().where('id', '=', gateId).forShare().executeTakeFirst();
    if (gate === undefined) throw new MigrationError('NOT_FOUND', 'There is no such gate.', { facts: { gateId } });
    requireFittingVerdict(input.verdict, true);
    if (!(GATE_QUORUM[gate.gate] as readonly GateParty[]).includes('operator')) {
      throw new MigrationError('FORBIDDEN', 'This gate is decided by the client alone.', { facts: { gateId } });
    }
    const earlier = await findEarlier(trx, { gateId }, operatorId);
    if (earlier !== null) return sameOrConflict(earlier, input.verdict, 'operator');
    requireOpen(gate, input.digest);
    return await insertDecision(trx, {
      migrationId: gate.migration_id,
      subject: { gateId },
      gate: gate.gate,
      step: null,
      party: 'operator',
      personId: operatorId,
      ...input,
    });
  });
}

export async function findDecision(db: Db, decisionId: string): Promise<StoredDecision | null> {
  const row = await db.selectFrom('decisions').selectAll().where('id', '=', decisionId).executeTakeFirst();
  return row === undefined ? null : toDecision(row);
}

/** In the order in which they were made. */
export async function listDecisions(db: Db, gateIds: readonly string[]): Promise<readonly StoredDecision[]> {
  if (gateIds.length === 0) return [];
  const rows = await db
    .selectFrom('decisions')
    .selectAll()
    .where('gate_id', 'in', [...gateIds])
    .orderBy('number')
    .execute();
  return rows.map(toDecision);
}

async function findEarlier(trx: Db, subject: LinkSubject, personId: string): Promise<StoredDecision | null> {
  const row = await trx
    .selectFrom('decisions')
    .selectAll()
    .where(subjectColumn(subject), '=', subjectId(subject))
    .where('person_id', '=', personId)
    .executeTakeFirst();
  return row === undefined ? null : toDecision(row);
}

/**
 * The unique constraint on (revision, person) decides between two calls at the same moment. The second waits for the first, finds
 * its row and gets that receipt.
 */
async function insertDecision(
  trx: Db,
  input: {
    migrationId: string;
    subject: LinkSubject;
    gate: GateId | null;
    step: StoredDecision['step'];
    verdict: Verdict;
    party: GateParty;
    personId: string;
    digest: string | null;
    comment: string;
    requestId: string;
  },
): Promise<StoredDecision> {
  const { migrationId, subject, gate, step, verdict, party, personId, digest } = input;
  const row = await trx
    .insertInto('decisions')
    .values({
      id: newId('dec'),
      migration_id: migrationId,
      gate_id: 'gateId' in subject ? subject.gateId : null,
      acknowledgement_id: 'acknowledgementId' in subject ? subject.acknowledgementId : null,
      step,
      verdict,
      party,
      person_id: personId,
      digest,
      comment: storableText(input.comment),
      request_id: storableText(input.requestId),
    })
    .onConflict((conflict) => conflict.columns([subjectColumn(subject), 'person_id']).doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) {
    const earlier = await findEarlier(trx, subject, personId);
    if (earlier === null) throw new Error('a conflicting decision is not there');
    return sameOrConflict(earlier, verdict, party);
  }
  const decision = toDecision(row);
  await addDecisionSignal(trx, migrationId, {
    decisionId: decision.id,
    gate,
    gateId: decision.gateId,
    step,
    digest,
    party,
    personId,
    verdict,
  });
  await appendAudit(trx, {
    migrationId,
    actor: personId,
    action: `decision.${verdict}`,
    details: { decisionId: decision.id, gateId: decision.gateId, step, digest, party, requestId: input.requestId },
  });
  return decision;
}

/** One id in two parties is one person on two chairs: refused. */
function sameOrConflict(earlier: StoredDecision, verdict: Verdict, party: GateParty): StoredDecision {
  if (earlier.verdict === verdict && earlier.party === party) return earlier;
  throw new MigrationError('CONFLICT', `This person has decided already: ${earlier.verdict}.`, {
    facts: { decisionId: earlier.id },
  });
}

function requireOpen(gate: { id: string; state: string; digest: string }, digest: string | null): void {
  if (gate.state !== 'open') {
    throw new MigrationError('GATE_NOT_OPEN', `The gate is ${gate.state}.`, { facts: { gateId: gate.id } });
  }
  if (gate.digest !== digest) {
    throw new MigrationError('EVIDENCE_CHANGED', 'The decision is about other evidence than that of the gate.', {
      facts: { gateId: gate.id },
    });
  }
}

function requireFittingVerdict(verdict: Verdict, isGate: boolean): void {
  if ((verdict === 'acknowledge') !== isGate) return;
  throw new MigrationError(
    'REQUEST_INVALID',
    isGate ? 'A gate is approved or rejected.' : 'A notice is acknowledged; there is nothing to approve.',
  );
}

function toDecision(row: Selectable<Database['decisions']>): StoredDecision {
  return {
    id: row.id,
    migrationId: row.migration_id,
    gateId: row.gate_id,
    step: row.step,
    verdict: row.verdict,
    party: row.party,
    personId: row.person_id,
    digest: row.digest,
    comment: row.comment,
    decidedAt: row.decided_at,
  };
}
