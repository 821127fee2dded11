import { z } from 'zod';
import { OPERATOR } from '../auth.ts';
import type { Api, ServerDeps } from '../deps.ts';
import { PageQuery, pageOf } from '../paging.ts';
import { problemResponse } from '../problem.ts';
import { AuditEntry, MigrationParams } from '../schemas.ts';

export function auditRoutes(app: Api, { migrations, approvals }: ServerDeps): void {
  app.get(
    '/v1/migrations/:migrationId/audit',
    {
      schema: {
        summary: 'Who did what, oldest first',
        security: OPERATOR,
        params: MigrationParams,
        querystring: PageQuery,
        response: {
          200: z.object({ entries: z.array(AuditEntry), nextCursor: z.string().nullable() }),
          default: problemResponse,
        },
      },
    },
    async (request) => {
      const { id } = await migrations.getMigration(request.params.migrationId);
      const { items, nextCursor } = await pageOf(approvals.listAudit(id), request.query);
      return { entries: items, nextCursor };
    },
  );

  app.get(
    '/v1/audit/verification',
    {
      schema: {
        summary: 'Recompute the hash chain of the audit log',
        security: OPERATOR,
        response: {
          200: z.object({
            intact: z.boolean(),
            firstBreak: z.string().nullable().describe('Id of the first row that does not fit'),
          }),
          default: problemResponse,
        },
      },
    },
    async () => {
      const firstBreak = await approvals.findAuditBreak();
      return { intact: firstBreak === null, firstBreak };
    },
  );
}
