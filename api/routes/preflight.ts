import { z } from 'zod';
import { OPERATOR, operatorOf } from '../auth.ts';
import { createCommander } from '../commander.ts';
import type { Api, ServerDeps } from '../deps.ts';
import { problemResponse } from '../problem.ts';
import { list, MigrationParams, Preflight, Receipt } from '../schemas.ts';

const AccessReport = z
  .object({
    checkedAt: z.string(),
    rows: list(
      z.object({
        clientId: z.string(),
        namedAs: z.string().describe('Where the plan names the application'),
        purpose: z.enum(['provision', 'redirect', 'transfer', 'unused']),
        right: z.string(),
        why: z.string(),
        has: z.enum(['yes', 'no', 'unproved', 'excess']),
        command: z.string().nullable().describe('What grants it, or takes it away'),
      }),
    ),
    settings: list(z.object({ setting: z.string(), found: z.string(), why: z.string(), command: z.string() })),
    faults: list(z.object({ clientId: z.string(), message: z.string(), remedy: z.string() })),
  })
  .meta({ id: 'AccessReport' });

const PreflightReport = z
  .object({
    running: z.boolean(),
    total: z.int(),
    checked: z.int(),
    ok: z.int(),
    access: AccessReport.nullable().describe('Rights at the target; null of a plain IMAP target, and before the check'),
    mailboxes: z.array(z.object({ id: z.string(), address: z.string(), preflight: Preflight.nullable() })),
  })
  .meta({ id: 'PreflightReport' });

export function preflightRoutes(app: Api, deps: ServerDeps): void {
  const { migrations, approvals, workflows } = deps;
  const command = createCommander(deps);
  app.post(
    '/v1/migrations/:migrationId/preflight',
    {
      schema: {
        summary: 'Check that every mailbox can be reached and read',
        security: OPERATOR,
        params: MigrationParams,
        response: { 202: Receipt, default: problemResponse },
      },
    },
    async (request, reply) => {
      const { id } = await command.requireAlive(request.params.migrationId);
      await workflows.startPreflight(id);
      await approvals.recordAudit({
        migrationId: id,
        actor: operatorOf(request).id,
        action: 'preflight',
        details: { requestId: request.id },
      });
      return reply.code(202).header('location', `/v1/migrations/${id}/preflight`).send({ message: 'The check runs.' });
    },
  );

  app.get(
    '/v1/migrations/:migrationId/preflight',
    {
      schema: {
        summary: 'Verdicts of the newest check, so far as they are there',
        security: OPERATOR,
        params: MigrationParams,
        response: { 200: PreflightReport, default: problemResponse },
      },
    },
    async (request) => {
      const { id } = await migrations.getMigration(request.params.migrationId);
      // Asked before the verdicts are read: when it says "not running", all of them are there.
      const running = await workflows.isPreflightRunning(id);
      const mailboxes: z.output<typeof PreflightReport>['mailboxes'] = [];
      for await (const mailbox of migrations.listMailboxes(id)) {
        if (mailbox.status === 'dropped') continue;
        mailboxes.push({ id: mailbox.id, address: mailbox.address, preflight: mailbox.preflight });
      }
      return {
        running,
        total: mailboxes.length,
        checked: mailboxes.filter((one) => one.preflight !== null).length,
        access: await migrations.findAccess(id),
        ok: mailboxes.filter((one) => one.preflight?.ok).length,
        mailboxes,
      };
    },
  );
}
