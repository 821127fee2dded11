import { type Selectable, sql } from 'kysely';
import { MigrationError } from '../../domain/errors.ts';
import type { GateState, Json, StoredGate } from '../../domain/ports/store.ts';
import type { AcknowledgedStep, GateId } from '../../domain/steps.ts';
import { listDecisions } from './approval-decisions.ts';
import { revokeLinks, sendLinks } from './approval-links.ts';
import type { ApprovalLimits } from './approval-store.ts';
import { appendAudit } from './audit.ts';
import type { Db } from './database.ts';
import { canonicalJson, newId, sha256, storableText } from './encoding.ts';
import { lockMigration } from './lock-migration.ts';
import { paged } from './pages.ts';
import type { Database } from './schema.ts';

export async function openGate(
  db: Db,
  limits: ApprovalLimits,
  input: { migrationId: string; gate: GateId; evidence: Json; publicUrl: string },
): Promise<{ gateId: string; revision: number; digest: string; opened: boolean }> {
  const { migrationId, gate, publicUrl } = input;
  const evidence = canonicalJson(input.evidence);
  const digest = sha256(evidence);
  return await db.transaction().execute(async (trx) => {
    const plan = await lockMigration(trx, migrationId);
    const newest = await trx
      .selectFrom('gates')
      .select(['id', 'revision', 'digest', 'state'])
      .where('migration_id', '=', migrationId)
      .where('gate', '=', gate)
      .orderBy('revision', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (newest?.state === 'open') {
      if (newest.digest === digest) return { gateId: newest.id, revision: newest.revision, digest, opened: false };
      await closeGate(trx, newest.id, 'superseded');
    }
    const gateId = newId('gat');
    const revision = (newest?.revision ?? 0) + 1;
    await trx
      .insertInto('gates')
      .values({ id: gateId, migration_id: migrationId, gate, revision, digest, evidence, settled_at: null })
      .execute();
    const question = { kind: 'gate', gate } as const;
    await sendLinks(trx, limits, { migrationId, plan, subject: { gateId }, question, publicUrl, reminder: false });
    const details = { gate, gateId, revision, digest, supersedes: newest?.state === 'open' ? newest.id : null };
    await appendAudit(trx, { migrationId, actor: 'service', action: 'gate.opened', details });
    return { gateId, revision, digest, opened: true };
  });
}

/** Settled the same way again is the same as once. @throws NOT_FOUND, CONFLICT when it was settled another way */
export async function settleGate(db: Db, gateId: string, state: Exclude<GateState, 'open'>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const gate = await trx.selectFrom('gates').selectAll().where('id', '=', gateId).forUpdate().executeTakeFirst();
    if (gate === undefined) throw unknownGate(gateId);
    if (gate.state === state) return;
    if (gate.state !== 'open')
      throw new MigrationError('CONFLICT', `The gate is ${gate.state}.`, { facts: { gateId } });
    await closeGate(trx, gateId, state);
    const details = { gate: gate.gate, gateId, digest: gate.digest };
    await appendAudit(trx, { migrationId: gate.migration_id, actor: 'service', action: `gate.${state}`, details });
  });
}

async function closeGate(trx: Db, gateId: string, state: GateState): Promise<void> {
  await trx.updateTable('gates').set({ state, settled_at: sql<string>`now()` }).where('id', '=', gateId).execute();
  await revokeLinks(trx, { gateId });
}

/** Asks once while the request is open; a new request ends the links of the one before. */
export async function requestAcknowledgement(
  db: Db,
  limits: ApprovalLimits,
  input: { migrationId: string; step: AcknowledgedStep; text: string; publicUrl: string },
): Promise<void> {
  const { migrationId, step, publicUrl } = input;
  const text = storableText(input.text);
  await db.transaction().execute(async (trx) => {
    const plan = await lockMigration(trx, migrationId);
    const requests = await trx
      .selectFrom('acknowledgements')
      .select(['id', 'state'])
      .where('migration_id', '=', migrationId)
      .where('step', '=', step)
      .execute();
    if (requests.some((request) => request.state === 'open')) return;
    for (const request of requests) await revokeLinks(trx, { acknowledgementId: request.id });
    const acknowledgementId = newId('ack');
    await trx
      .insertInto('acknowledgements')
      .values({ id: acknowledgementId, migration_id: migrationId, step, text })
      .execute();
    const question = { kind: 'acknowledgement', step, text } as const;
    const subject = { acknowledgementId };
    await sendLinks(trx, limits, { migrationId, plan, subject, question, publicUrl, reminder: false });
    const details = { step, acknowledgementId };
    await appendAudit(trx, { migrationId, actor: 'service', action: 'acknowledgement.asked', details });
  });
}

/** Nothing happens where nothing is waited for any more: a timer and a decision may meet. @throws NOT_FOUND */
export async function remind(
  db: Db,
  limits: ApprovalLimits,
  input: { migrationId: string; gateId: string | null; step: AcknowledgedStep | null; publicUrl: string },
): Promise<void> {
  const { migrationId, gateId, step, publicUrl } = input;
  await db.transaction().execute(async (trx) => {
    const plan = await lockMigration(trx, migrationId);
    const common = { migrationId, plan, publicUrl, reminder: true };
    if (gateId !== null) {
      const gate = await trx
        .selectFrom('gates')
        .select(['gate', 'state'])
        .where('id', '=', gateId)
        .where('migration_id', '=', migrationId)
        .forUpdate()
        .executeTakeFirst();
      if (gate === undefined) throw unknownGate(gateId);
      if (gate.state !== 'open') return;
      await sendLinks(trx, limits, { ...common, subject: { gateId }, question: { kind: 'gate', gate: gate.gate } });
    } else if (step !== null) {
      const request = await trx
        .selectFrom('acknowledgements')
        .select(['id', 'text'])
        .where('migration_id', '=', migrationId)
        .where('step', '=', step)
        .where('state', '=', 'open')
        .executeTakeFirst();
      if (request === undefined) return;
      const question = { kind: 'acknowledgement', step, text: request.text } as const;
      await sendLinks(trx, limits, { ...common, subject: { acknowledgementId: request.id }, question });
    }
    await appendAudit(trx, { migrationId, actor: 'service', action: 'links.resent', details: { gateId, step } });
  });
}

export async function getGate(db: Db, gateId: string): Promise<StoredGate> {
  const row = await db.selectFrom('gates').selectAll().where('id', '=', gateId).executeTakeFirst();
  if (row === undefined) throw unknownGate(gateId);
  return toGate(row, await listDecisions(db, [gateId]));
}

export async function* listGates(db: Db, migrationId: string): AsyncIterable<StoredGate> {
  const pages = paged(async (after, limit) => {
    const rows = await db
      .selectFrom('gates')
      .selectAll()
      .where('migration_id', '=', migrationId)
      .where('number', '>', after)
      .orderBy('number')
      .limit(limit)
      .execute();
    const decisions = await listDecisions(
      db,
      rows.map((row) => row.id),
    );
    return rows.map((row) => ({
      number: row.number,
      gate: toGate(
        row,
        decisions.filter((decision) => decision.gateId === row.id),
      ),
    }));
  }, 20); // evidence of a large organisation is a large text
  for await (const row of pages) yield row.gate;
}

function unknownGate(gateId: string): MigrationError {
  return new MigrationError('NOT_FOUND', 'There is no such gate.', { facts: { gateId } });
}

function toGate(row: Selectable<Database['gates']>, decisions: StoredGate['decisions']): StoredGate {
  return {
    id: row.id,
    migrationId: row.migration_id,
    gate: row.gate,
    revision: row.revision,
    digest: row.digest,
    evidence: JSON.parse(row.evidence) as Json,
    state: row.state,
    openedAt: row.opened_at,
    settledAt: row.settled_at,
    decisions,
  };
}
