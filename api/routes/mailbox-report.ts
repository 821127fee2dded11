import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { MigrationError } from '../../domain/errors.ts';
import { OPERATOR } from '../auth.ts';
import type { Api, ServerDeps } from '../deps.ts';
import { buildMailboxReport, renderMailboxCsv, renderMailboxJson } from '../mailbox-report.ts';
import { problemResponse } from '../problem.ts';
import { MailboxReport, MigrationParams } from '../schemas.ts';

const MailboxParams = z.object({ mailboxId: z.string().max(80) });
const FormatQuery = z.object({
  format: z.enum(['json', 'csv']).optional().describe('Wins over `Accept: text/csv`; JSON where neither is given'),
});

/** Bytes of one write: a row for itself would cost more than it holds. */
const CHUNK = 64 * 1024;

/** The same report by two ways: whoever has only the mailbox's id need not look for its migration. */
export function mailboxReportRoutes(app: Api, deps: ServerDeps): void {
  const schema = {
    summary: 'Which messages of a mailbox are missing or not as they should be, why, and what to do; JSON or CSV',
    security: OPERATOR,
    querystring: FormatQuery,
    response: {
      200: {
        description: 'The report',
        content: { 'application/json': { schema: MailboxReport }, 'text/csv': { schema: z.string() } },
      },
      default: problemResponse,
    },
  };
  app.get(
    '/v1/migrations/:migrationId/mailboxes/:mailboxId/report',
    { schema: { ...schema, params: MigrationParams.extend(MailboxParams.shape) } },
    async (request, reply) => {
      const { migrationId, mailboxId } = request.params;
      const mailbox = await deps.migrations.getMailbox(mailboxId);
      if (mailbox.migrationId !== migrationId) {
        throw new MigrationError('NOT_FOUND', `There is no mailbox ${mailboxId} in migration ${migrationId}.`);
      }
      return send(request, reply, mailboxId, request.query.format);
    },
  );
  app.get('/v1/mailboxes/:mailboxId/report', { schema: { ...schema, params: MailboxParams } }, (request, reply) =>
    send(request, reply, request.params.mailboxId, request.query.format),
  );

  async function send(request: FastifyRequest, reply: FastifyReply, mailboxId: string, asked?: 'json' | 'csv') {
    const head = await buildMailboxReport(deps, mailboxId);
    const format = asked ?? (/^\s*text\/csv\b/i.test(request.headers.accept ?? '') ? 'csv' : 'json');
    const pieces = format === 'csv' ? renderMailboxCsv(deps, head) : renderMailboxJson(deps, head);
    reply.header('vary', 'accept');
    if (format === 'csv') reply.header('content-disposition', `attachment; filename="${mailboxId}.csv"`);
    reply.type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8');
    return await reply.send(Readable.from(inChunks(pieces)));
  }
}

async function* inChunks(pieces: AsyncIterable<string>): AsyncIterable<Buffer> {
  let chunk = '';
  for await (const piece of pieces) {
    chunk += piece;
    if (chunk.length < CHUNK) continue;
    yield Buffer.from(chunk);
    chunk = '';
  }
  if (chunk !== '') yield Buffer.from(chunk);
}
