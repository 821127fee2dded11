import { z } from 'zod';
import { MigrationError } from '../../domain/errors.ts';
import { OPERATOR, operatorOf } from '../auth.ts';
import { createCommander } from '../commander.ts';
import type { Api, ServerDeps } from '../deps.ts';
import { viewOf } from '../draft-view.ts';
import { problemResponse } from '../problem.ts';
import { AcknowledgedStep, DnsPath, Instant, MigrationParams, Receipt } from '../schemas.ts';

const words = z.string().trim().max(2000);

/** What operators tell a migration. Each looks at the store, then asks the workflow, which may refuse with its reason. */
export function commandRoutes(app: Api, deps: ServerDeps): void {
  const { migrations, approvals, workflows, clock } = deps;
  const command = createCommander(deps);
  const schema = <Body extends z.ZodType>(summary: string, body: Body) => ({
    summary,
    security: OPERATOR,
    params: MigrationParams,
    body,
    response: { 202: Receipt, default: problemResponse },
  });

  app.post(
    '/v1/migrations/:migrationId/pause',
    { schema: schema('Hold a migration', z.object({ reason: words.min(1) })) },
    async (request, reply) => {
      const migration = await command.requireAlive(request.params.migrationId);
      return reply.code(202).send(await command.tell(migration, 'pause', { reason: request.body.reason }, request));
    },
  );

  app.post(
    '/v1/migrations/:migrationId/resume',
    {
      schema: {
        summary: 'Go on with a held migration',
        security: OPERATOR,
        params: MigrationParams,
        response: { 202: Receipt, default: problemResponse },
      },
    },
    async (request, reply) => {
      const migration = await command.requireAlive(request.params.migrationId);
      return reply.code(202).send(await command.tell(migration, 'resume', {}, request));
    },
  );

  app.post(
    '/v1/migrations/:migrationId/retry',
    {
      schema: schema(
        'Try held mailboxes again now',
        z.object({
          mailboxIds: z.array(z.string().max(80)).min(1).nullable().default(null).describe('null = all held'),
        }),
      ),
    },
    async (request, reply) => {
      const migration = await command.requireAlive(request.params.migrationId);
      const { mailboxIds } = request.body;
      await command.requireOwn(migration.id, mailboxIds ?? []);
      return reply.code(202).send(await command.tell(migration, 'retryMailboxes', { mailboxIds }, request));
    },
  );

  app.put(
    '/v1/migrations/:migrationId/cutover-date',
    { schema: schema('Set or move the cutover', z.object({ at: Instant })) },
    async (request, reply) => {
      const migration = await command.requireAlive(request.params.migrationId);
      const { at } = request.body;
      const { plan } = migration;
      const earliest = clock.now() + plan.policy.cutoverLeadMs;
      if (Date.parse(at) < earliest) {
        throw new MigrationError(
          'NOT_NOW',
          `The cutover may not be before ${new Date(earliest).toISOString()}: the plan asks for that much lead.`,
        );
      }
      const receipt = await command.tell(migration, 'setCutoverDate', { at }, request, {
        draft: `The cutover is planned for ${at}.`,
        onDraft: () => migrations.recordPlan(migration.id, { ...plan, cutover: { ...plan.cutover, at } }),
      });
      return reply.code(202).send(receipt);
    },
  );

  app.put(
    '/v1/migrations/:migrationId/dns-path',
    { schema: schema('Choose the way of mail: direct, or through a filter', z.object({ path: DnsPath })) },
    async (request, reply) => {
      const migration = await command.requireAlive(request.params.migrationId);
      const { path } = request.body;
      const { plan } = migration;
      const { dns } = plan;
      if (dns === null) throw new MigrationError('NOT_NOW', 'The plan has no DNS part: no record is looked at.');
      if (path === 'third-party-filter' && dns.filterMx.length === 0) {
        throw new MigrationError('NOT_NOW', 'The plan names no MX set of a filter (dns.filterMx).');
      }
      const receipt = await command.tell(migration, 'setDnsPath', { path }, request, {
        draft: `The plan says ${path} now.`,
        onDraft: () => migrations.recordPlan(migration.id, { ...plan, dns: { ...dns, path } }),
      });
      return reply.code(202).send(receipt);
    },
  );

  app.post(
    '/v1/migrations/:migrationId/acknowledgements',
    {
      schema: schema(
        'Tick a step off on behalf of the client, with a note of how it was said',
        z.object({ step: AcknowledgedStep, note: words.min(3) }),
      ),
    },
    async (request, reply) => {
      const migration = await command.requireAlive(request.params.migrationId);
      const { step, note } = request.body;
      return reply.code(202).send(await command.tell(migration, 'acknowledge', { step, note }, request));
    },
  );

  app.post(
    '/v1/migrations/:migrationId/cancel',
    { schema: schema('End a migration for good; nothing is deleted anywhere', z.object({ reason: words.min(1) })) },
    async (request, reply) => {
      const migration = await command.requireAlive(request.params.migrationId);
      const actor = operatorOf(request).id;
      try {
        await workflows.cancel(migration.id);
      } catch (error) {
        if (!(error instanceof MigrationError && error.code === 'NOT_FOUND')) throw error;
        const view = viewOf(migration);
        const headline = 'Cancelled before it was started.';
        await migrations.recordView(migration.id, {
          ...view,
          status: 'cancelled',
          waitingFor: [],
          headline: view.status === 'draft' ? headline : 'Cancelled.',
          updatedAt: new Date(clock.now()).toISOString(),
        });
      }
      await approvals.recordAudit({
        migrationId: migration.id,
        actor,
        action: 'cancel',
        details: { reason: request.body.reason, requestId: request.id },
      });
      return reply.code(202).send({ message: 'The migration is cancelled.' });
    },
  );
}
