import { z } from 'zod';
import { OPERATOR } from '../auth.ts';
import type { Api, ServerDeps } from '../deps.ts';
import { problemResponse } from '../problem.ts';
import { buildReport, renderCsv } from '../report.ts';
import { renderHtml } from '../report-page.ts';
import { MigrationParams, Report } from '../schemas.ts';

export function reportRoutes(app: Api, deps: ServerDeps): void {
  app.get(
    '/v1/migrations/:migrationId/report',
    {
      schema: {
        summary: 'What became of every mailbox; JSON, CSV or HTML',
        security: OPERATOR,
        params: MigrationParams,
        querystring: z.object({ format: z.enum(['json', 'csv', 'html']).default('json') }),
        response: {
          200: {
            description: 'The report',
            content: {
              'application/json': { schema: Report },
              'text/csv': { schema: z.string() },
              'text/html': { schema: z.string() },
            },
          },
          default: problemResponse,
        },
      },
    },
    async (request, reply) => {
      const migration = await deps.migrations.getMigration(request.params.migrationId);
      const report = await buildReport(deps, migration);
      const { format } = request.query;
      if (format === 'json') return reply.send(report);
      const text = format === 'csv' ? renderCsv(report) : renderHtml(report, migration.plan.cutover.timeZone);
      reply.headers({
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
        'content-disposition': `${format === 'csv' ? 'attachment' : 'inline'}; filename="${migration.id}.${format}"`,
      });
      return reply.type(`text/${format}; charset=utf-8`).serializer(String).send(text);
    },
  );
}
