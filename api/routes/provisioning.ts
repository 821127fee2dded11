import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { collect } from '../../domain/collect.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { StoredMigration } from '../../domain/ports/store.ts';
import { MADE_KINDS } from '../../domain/provisioning/made.ts';
import { OPERATOR, operatorOf } from '../auth.ts';
import { createCommander } from '../commander.ts';
import type { Api, ServerDeps } from '../deps.ts';
import { viewOf } from '../draft-view.ts';
import { problemResponse } from '../problem.ts';
import { MigrationParams, Receipt } from '../schemas.ts';

const PlannedRow = z.object({
  object: z.enum(['mailbox', 'list']),
  address: z.string(),
  verdict: z.enum(['create', 'adopt', 'change', 'conflict']),
  changes: z.array(z.string()),
  conflicts: z.array(z.object({ code: z.string(), text: z.string() })),
  differences: z.array(z.string()),
});

const Made = z.object({
  kind: z.enum(MADE_KINDS),
  address: z.string(),
  detail: z.string(),
  state: z.enum(['intended', 'made', 'undone']),
});

const State = z.enum(['none', 'running', 'done', 'failed']);

const Provisioning = z
  .object({
    state: State.describe('of the newest dry run'),
    plannedAt: z.string().nullable(),
    rows: z.array(PlannedRow).describe('of the newest plan, or of the work itself, which plans before and after'),
    made: z.array(Made).describe('what this migration made in the tenant'),
  })
  .meta({ id: 'Provisioning' });

const Undo = z
  .object({
    state: State,
    undoneAt: z.string().nullable(),
    rows: z.array(
      z.object({
        kind: z.enum(MADE_KINDS),
        address: z.string(),
        detail: z.string(),
        action: z.enum(['remove', 'leave', 'gone']),
        why: z.string(),
      }),
    ),
  })
  .meta({ id: 'ProvisioningUndo' });

/** What the tenant has, gets and loses by this migration. */
export function provisioningRoutes(app: Api, deps: ServerDeps): void {
  const { migrations, provisioning, approvals, workflows } = deps;
  const command = createCommander(deps);
  const requireHosted = ({ plan }: StoredMigration) => {
    if (plan.target.kind === 'hosted-exchange') return;
    throw new MigrationError('NOT_NOW', 'The plan has no administration of its target: nothing is provisioned there.');
  };
  const start = async (migrationId: string, what: 'plan' | 'undo', request: FastifyRequest) => {
    await workflows.startProvisioning(migrationId, what);
    const details = { requestId: request.id };
    await approvals.recordAudit({
      migrationId,
      actor: operatorOf(request).id,
      action: `provisioning-${what}`,
      details,
    });
  };
  const schema = (summary: string) => ({
    summary,
    security: OPERATOR,
    params: MigrationParams,
    response: { 202: Receipt, default: problemResponse },
  });

  app.post(
    '/v1/migrations/:migrationId/provisioning/plan',
    { schema: schema('Plan what would be created and adopted in the tenant; changes nothing') },
    async (request, reply) => {
      const migration = await command.requireAlive(request.params.migrationId);
      requireHosted(migration);
      await start(migration.id, 'plan', request);
      return reply
        .code(202)
        .header('location', `/v1/migrations/${migration.id}/provisioning`)
        .send({ message: 'The plan is made.' });
    },
  );

  app.get(
    '/v1/migrations/:migrationId/provisioning',
    {
      schema: {
        summary: 'The newest plan, and what was made',
        security: OPERATOR,
        params: MigrationParams,
        response: { 200: Provisioning, default: problemResponse },
      },
    },
    async (request) => {
      const { id } = await migrations.getMigration(request.params.migrationId);
      // Asked before the rows are read: when it says "done", all of them are there.
      const state = await workflows.findProvisioning(id, 'plan');
      const report = await provisioning.findReport(id, 'plan');
      const made = await collect(provisioning.listMade(id));
      return {
        state,
        plannedAt: report?.at ?? null,
        rows: z.object({ rows: z.array(PlannedRow) }).parse(report?.body ?? { rows: [] }).rows,
        made: made.map(({ kind, address, detail, state: each }) => ({ kind, address, detail, state: each })),
      };
    },
  );

  app.post(
    '/v1/migrations/:migrationId/provisioning/undo',
    { schema: schema('Take back what this migration made in the tenant and nobody has used since') },
    async (request, reply) => {
      const migration = await migrations.getMigration(request.params.migrationId);
      requireHosted(migration);
      const { status } = viewOf(migration);
      // A migration that goes on would make it all again.
      if (!['draft', 'cancelled', 'ended'].includes(status)) {
        throw new MigrationError('NOT_NOW', `The migration is ${status}; cancel it before its work is taken back.`);
      }
      await start(migration.id, 'undo', request);
      return reply
        .code(202)
        .header('location', `/v1/migrations/${migration.id}/provisioning/undo`)
        .send({ message: 'What nobody has used is being taken back.' });
    },
  );

  app.get(
    '/v1/migrations/:migrationId/provisioning/undo',
    {
      schema: {
        summary: 'What was taken back, and what was left and why',
        security: OPERATOR,
        params: MigrationParams,
        response: { 200: Undo, default: problemResponse },
      },
    },
    async (request) => {
      const { id } = await migrations.getMigration(request.params.migrationId);
      const state = await workflows.findProvisioning(id, 'undo');
      const report = await provisioning.findReport(id, 'undo');
      const { rows } = Undo.pick({ rows: true }).parse(report?.body ?? { rows: [] });
      return { state, undoneAt: report?.at ?? null, rows };
    },
  );
}
