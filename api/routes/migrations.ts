import { z } from 'zod';
import { MigrationError } from '../../domain/errors.ts';
import type { StoredMigration } from '../../domain/ports/store.ts';
import { anchorMailboxes, anchorPlan } from '../anchor-files.ts';
import { OPERATOR, operatorOf } from '../auth.ts';
import type { Api, ServerDeps } from '../deps.ts';
import { viewOf } from '../draft-view.ts';
import { IdempotencyHeaders, idFromKey, once } from '../idempotency.ts';
import { PageQuery, pageOf } from '../paging.ts';
import { problemResponse } from '../problem.ts';
import { Folder, Migration, MigrationParams, Receipt } from '../schemas.ts';

const NewMigration = z.object({
  plan: z.string().describe('Text of plan.yaml'),
  planFile: z.string().max(200).default('plan.yaml').describe('Name under which its faults are reported'),
  mailboxes: z.string().describe('Text of the mailbox list, CSV'),
  mailboxesFile: z.string().max(200).default('mailboxes.csv'),
  folder: Folder,
});

export function migrationRoutes(app: Api, { migrations, approvals, access, workflows, plans }: ServerDeps): void {
  app.post(
    '/v1/migrations',
    {
      schema: {
        summary: 'Store a plan as a draft',
        security: OPERATOR,
        headers: IdempotencyHeaders,
        body: NewMigration,
        response: { 201: Migration, default: problemResponse },
      },
    },
    async (request, reply) => {
      const { id: createdBy } = operatorOf(request);
      const { migrationId } = await once(access, request, 201, async () => {
        const { plan, planFile, mailboxes, mailboxesFile, folder } = request.body;
        const read = plans.readPlan({ planText: plan, planFile, mailboxesText: mailboxes, mailboxesFile });
        const id = idFromKey('mig', request);
        await migrations.createMigration({
          id,
          plan: anchorPlan(read.plan, folder),
          mailboxes: anchorMailboxes(read.mailboxes, folder),
          createdBy,
        });
        await approvals.recordAudit({
          migrationId: id,
          actor: createdBy,
          action: 'create-migration',
          details: { mailboxes: read.mailboxes.length, requestId: request.id },
        });
        return { migrationId: id };
      });
      const migration = await migrations.getMigration(migrationId);
      return reply.code(201).header('location', `/v1/migrations/${migrationId}`).send(shown(migration));
    },
  );

  app.get(
    '/v1/migrations',
    {
      schema: {
        summary: 'List migrations',
        security: OPERATOR,
        querystring: PageQuery,
        response: {
          200: z.object({ migrations: z.array(Migration), nextCursor: z.string().nullable() }),
          default: problemResponse,
        },
      },
    },
    async (request) => {
      const { items, nextCursor } = await pageOf(migrations.listMigrations(), request.query);
      return { migrations: items.map(shown), nextCursor };
    },
  );

  app.get(
    '/v1/migrations/:migrationId',
    {
      schema: {
        summary: 'Where a migration is',
        security: OPERATOR,
        params: MigrationParams,
        response: { 200: Migration, default: problemResponse },
      },
    },
    async (request) => shown(await migrations.getMigration(request.params.migrationId)),
  );

  app.post(
    '/v1/migrations/:migrationId/start',
    {
      schema: {
        summary: 'Start a migration; twice is once',
        security: OPERATOR,
        params: MigrationParams,
        response: { 202: Receipt, default: problemResponse },
      },
    },
    async (request, reply) => {
      const migration = await migrations.getMigration(request.params.migrationId);
      if (migration.view?.status === 'cancelled' || migration.view?.status === 'ended') {
        throw new MigrationError('NOT_NOW', `The migration is ${migration.view.status}; it cannot be started again.`);
      }
      await workflows.start(migration.id, migration.plan.client.id);
      await approvals.recordAudit({
        migrationId: migration.id,
        actor: operatorOf(request).id,
        action: 'start-migration',
        details: { requestId: request.id },
      });
      return reply.code(202).send({ message: 'The migration runs.' });
    },
  );
}

export function shown(migration: StoredMigration): z.output<typeof Migration> {
  const { id, name, domains } = migration.plan.client;
  const { id: migrationId, createdAt, createdBy } = migration;
  return {
    id: migrationId,
    client: { id, name, domains: [...domains] },
    createdAt,
    createdBy,
    view: viewOf(migration),
  };
}
