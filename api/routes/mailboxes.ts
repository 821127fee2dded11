import { z } from 'zod';
import { MigrationError } from '../../domain/errors.ts';
import type { PlannedMailbox } from '../../domain/plan.ts';
import type { MigrationStore } from '../../domain/ports/store.ts';
import { anchorMailboxes } from '../anchor-files.ts';
import { OPERATOR, operatorOf } from '../auth.ts';
import { createCommander } from '../commander.ts';
import type { Api, ServerDeps } from '../deps.ts';
import { IdempotencyHeaders, idFromKey, once } from '../idempotency.ts';
import { PageQuery, pageOf } from '../paging.ts';
import { problemResponse } from '../problem.ts';
import { Folder, Mailbox, MigrationParams, Receipt } from '../schemas.ts';

const folderName = z.string().min(1).max(1000);

export function mailboxRoutes(app: Api, deps: ServerDeps): void {
  const { migrations, access, approvals, plans } = deps;
  const command = createCommander(deps);

  app.get(
    '/v1/migrations/:migrationId/mailboxes',
    {
      schema: {
        summary: 'List the mailboxes of a migration',
        security: OPERATOR,
        params: MigrationParams,
        querystring: PageQuery,
        response: {
          200: z.object({ mailboxes: z.array(Mailbox), nextCursor: z.string().nullable() }),
          default: problemResponse,
        },
      },
    },
    async (request) => {
      const { id } = await migrations.getMigration(request.params.migrationId);
      const { items, nextCursor } = await pageOf(migrations.listMailboxes(id), request.query);
      return { mailboxes: items, nextCursor };
    },
  );

  app.get(
    '/v1/mailboxes/:mailboxId',
    {
      schema: {
        summary: 'One mailbox, with what a probe found of the ways into it',
        security: OPERATOR,
        params: z.object({ mailboxId: z.string().max(80) }),
        response: { 200: Mailbox, default: problemResponse },
      },
    },
    (request) => migrations.getMailboxView(request.params.mailboxId),
  );

  app.post(
    '/v1/migrations/:migrationId/mailboxes',
    {
      schema: {
        summary: 'Add mailboxes to the list',
        security: OPERATOR,
        headers: IdempotencyHeaders,
        params: MigrationParams,
        body: z.object({
          mailboxes: z.string(),
          mailboxesFile: z.string().max(200).default('mailboxes.csv'),
          folder: Folder,
        }),
        response: {
          202: z.object({ message: z.string(), mailboxIds: z.array(z.string()) }),
          default: problemResponse,
        },
      },
    },
    async (request, reply) => {
      const answer = await once(access, request, 202, async () => {
        const migration = await command.requireAlive(request.params.migrationId);
        command.requireOpen(migration);
        const changeId = idFromKey('chg', request);
        const { mailboxes: mailboxesText, mailboxesFile, folder } = request.body;
        const texts = { mailboxesText, mailboxesFile };
        const planned = anchorMailboxes(plans.readMoreMailboxes(texts, migration.plan, []), folder);
        const existing = await plannedOf(migrations, migration.id);
        const there = new Set(existing.map((one) => one.address.toLowerCase()));
        // All of them there: a repeat after a crash. The store knows the change by its id, and refuses if it is not one.
        if (!planned.every((one) => there.has(one.address.toLowerCase()))) {
          plans.readMoreMailboxes(texts, migration.plan, existing);
        }
        const mailboxIds = await migrations.addMailboxes(migration.id, changeId, planned);
        try {
          const { message } = await command.tell(
            migration,
            'addMailboxes',
            { changeId, count: mailboxIds.length },
            request,
            {
              updateId: changeId,
              draft: `${mailboxIds.length} mailboxes were added to the plan.`,
            },
          );
          return { message, mailboxIds: [...mailboxIds] };
        } catch (error) {
          // Refused: the list is as it was.
          if (error instanceof MigrationError && error.code === 'NOT_NOW') {
            await migrations.dropMailboxes(migration.id, mailboxIds);
          }
          throw error;
        }
      });
      return reply.code(202).send(answer);
    },
  );

  app.post(
    '/v1/migrations/:migrationId/mailboxes/drop',
    {
      schema: {
        summary: 'Drop mailboxes from the list; nothing is deleted anywhere',
        security: OPERATOR,
        params: MigrationParams,
        body: z.object({ mailboxIds: z.array(z.string().max(80)).min(1).max(10_000) }),
        response: { 202: Receipt, default: problemResponse },
      },
    },
    async (request, reply) => {
      const migration = await command.requireAlive(request.params.migrationId);
      const { mailboxIds } = request.body;
      await command.requireOwn(migration.id, mailboxIds);
      // A running migration drops them itself, in step with its passes.
      const receipt = await command.tell(migration, 'dropMailboxes', { mailboxIds }, request, {
        draft: 'The mailboxes are out of the plan.',
        onDraft: () => migrations.dropMailboxes(migration.id, mailboxIds),
      });
      return reply.code(202).send(receipt);
    },
  );

  app.put(
    '/v1/mailboxes/:mailboxId/allowed-deletions',
    {
      schema: {
        summary: 'Allow that many deletions at the target by the next delta of a mailbox; 0 keeps the copies this time',
        security: OPERATOR,
        params: z.object({ mailboxId: z.string().max(80) }),
        body: z.object({ count: z.int().min(0).max(10_000_000) }),
        response: { 202: Receipt, default: problemResponse },
      },
    },
    async (request, reply) => {
      const mailbox = await migrations.getMailbox(request.params.mailboxId);
      const migration = await command.requireAlive(mailbox.migrationId);
      command.requireOpen(migration);
      if (migration.plan.policy.deletions !== 'follow') {
        throw new MigrationError('NOT_NOW', 'The plan keeps what was deleted at the source.');
      }
      const { count } = request.body;
      await approvals.recordAudit({
        migrationId: migration.id,
        actor: operatorOf(request).id,
        action: 'allowDeletions',
        details: { mailboxId: mailbox.id, count, requestId: request.id },
      });
      await migrations.recordAllowedDeletions(mailbox.id, count);
      const message = `At most ${count} copies may be deleted by the next delta.`;
      if (mailbox.status !== 'held') return reply.code(202).send({ message });
      const mailboxIds = [mailbox.id];
      const receipt = await command.tell(migration, 'retryMailboxes', { mailboxIds }, request, { draft: '' });
      return reply.code(202).send({ message: `${message} ${receipt.message}`.trim() });
    },
  );

  app.put(
    '/v1/mailboxes/:mailboxId/mapping',
    {
      schema: {
        summary: "Map a mailbox's source folders to other names at the target",
        security: OPERATOR,
        params: z.object({ mailboxId: z.string().max(80) }),
        body: z.object({
          mapping: z
            .record(folderName, folderName)
            .describe('Source folder → target folder; replaces the mapping before'),
        }),
        response: { 202: Receipt, default: problemResponse },
      },
    },
    async (request, reply) => {
      const mailbox = await migrations.getMailbox(request.params.mailboxId);
      const migration = await command.requireAlive(mailbox.migrationId);
      command.requireOpen(migration);
      await migrations.recordMapping(mailbox.id, request.body.mapping);
      const draft = 'The mapping is stored.';
      return reply
        .code(202)
        .send(await command.tell(migration, 'changeMapping', { mailboxId: mailbox.id }, request, { draft }));
    },
  );
}

async function plannedOf(migrations: MigrationStore, migrationId: string): Promise<PlannedMailbox[]> {
  const planned: PlannedMailbox[] = [];
  for (let after = -1; ; ) {
    const page = await migrations.pageMailboxes(migrationId, after, 500);
    if (page.length === 0) return planned;
    for (const mailbox of page) planned.push(mailbox.planned);
    after = page.at(-1)?.position ?? after;
  }
}
