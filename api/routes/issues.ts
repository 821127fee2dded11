import { z } from 'zod';
import { MigrationError } from '../../domain/errors.ts';
import { OPERATOR, operatorOf } from '../auth.ts';
import { createCommander } from '../commander.ts';
import type { Api, ServerDeps } from '../deps.ts';
import { IdempotencyHeaders, idFromKey, once } from '../idempotency.ts';
import { collect } from '../paging.ts';
import { problemResponse } from '../problem.ts';
import { Issue, MigrationParams, Receipt } from '../schemas.ts';

export function issueRoutes(app: Api, deps: ServerDeps): void {
  const { migrations, access } = deps;
  const command = createCommander(deps);

  app.get(
    '/v1/migrations/:migrationId/issues',
    {
      schema: {
        summary: 'What users reported',
        security: OPERATOR,
        params: MigrationParams,
        response: { 200: z.object({ issues: z.array(Issue) }), default: problemResponse },
      },
    },
    async (request) => {
      const { id } = await migrations.getMigration(request.params.migrationId);
      return { issues: await collect(migrations.listIssues(id)) };
    },
  );

  app.post(
    '/v1/migrations/:migrationId/issues',
    {
      schema: {
        summary: 'Report what a user misses; missing mail holds the gate `data` until it is settled',
        security: OPERATOR,
        headers: IdempotencyHeaders,
        params: MigrationParams,
        body: z.object({
          mailboxId: z.string().max(80).nullable().default(null),
          kind: z.enum(['missing-mail', 'access', 'client-set-up', 'other']),
          text: z.string().trim().min(3).max(2000),
        }),
        response: { 201: z.object({ issueId: z.string(), message: z.string() }), default: problemResponse },
      },
    },
    async (request, reply) => {
      const answer = await once(access, request, 201, async () => {
        const migration = await command.requireAlive(request.params.migrationId);
        const { mailboxId, kind, text } = request.body;
        if (mailboxId !== null) await command.requireOwn(migration.id, [mailboxId]);
        const id = idFromKey('iss', request);
        const reportedBy = operatorOf(request).id;
        await migrations.recordIssue({ id, migrationId: migration.id, mailboxId, kind, text, reportedBy });
        const blocksData = kind === 'missing-mail';
        const { message } = await command.tell(migration, 'reportIssue', { issueId: id, blocksData }, request, {
          updateId: id,
          draft: 'The issue is stored.',
        });
        return { issueId: id, message };
      });
      return reply.code(201).send(answer);
    },
  );

  app.post(
    '/v1/migrations/:migrationId/issues/:issueId/settlement',
    {
      schema: {
        summary: 'Settle an issue',
        security: OPERATOR,
        params: MigrationParams.extend({ issueId: z.string().max(80) }),
        body: z.object({ outcome: z.enum(['resolved', 'accepted']), note: z.string().trim().min(3).max(2000) }),
        response: { 202: Receipt, default: problemResponse },
      },
    },
    async (request, reply) => {
      const migration = await command.requireAlive(request.params.migrationId);
      const { issueId } = request.params;
      const issue = (await collect(migrations.listIssues(migration.id))).find((one) => one.id === issueId);
      if (issue === undefined) throw new MigrationError('NOT_FOUND', 'There is no such issue.');
      const { outcome, note } = request.body;
      if (issue.outcome !== null && issue.outcome !== outcome) {
        throw new MigrationError('CONFLICT', `The issue is settled already, as ${issue.outcome}.`);
      }
      await migrations.settleIssue(issueId, outcome, note, operatorOf(request).id);
      const draft = 'The issue is settled.';
      return reply.code(202).send(await command.tell(migration, 'settleIssue', { issueId }, request, { draft }));
    },
  );
}
