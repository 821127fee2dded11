import { z } from 'zod';
import { MigrationError } from '../../domain/errors.ts';
import { OPERATOR, operatorOf } from '../auth.ts';
import type { Api, ServerDeps } from '../deps.ts';
import { collect } from '../paging.ts';
import { problemResponse } from '../problem.ts';
import { Decision, GateRevision, MigrationParams } from '../schemas.ts';

const GateParams = z.object({ gateId: z.string().max(80) });

/** A rejection takes the story back: whoever mends it has to know what was wrong. */
export const REJECTION_COMMENT_LENGTH = 10;

export function gateRoutes(app: Api, { migrations, approvals, nudgeRelay }: ServerDeps): void {
  app.get(
    '/v1/migrations/:migrationId/gates',
    {
      schema: {
        summary: 'Every revision of every gate',
        security: OPERATOR,
        params: MigrationParams,
        response: { 200: z.object({ gates: z.array(GateRevision) }), default: problemResponse },
      },
    },
    async (request) => {
      const { id } = await migrations.getMigration(request.params.migrationId);
      return { gates: await collect(approvals.listGates(id)) };
    },
  );

  app.get(
    '/v1/gates/:gateId',
    {
      schema: {
        summary: 'One gate with its evidence',
        security: OPERATOR,
        params: GateParams,
        response: { 200: GateRevision, default: problemResponse },
      },
    },
    async (request) => approvals.getGate(request.params.gateId),
  );

  app.post(
    '/v1/gates/:gateId/decision',
    {
      schema: {
        summary: "The operator's decision",
        security: OPERATOR,
        params: GateParams,
        body: z.object({
          verdict: z.enum(['approve', 'reject']),
          digest: z.string().max(128).describe('Digest of the evidence that was looked at'),
          comment: z.string().trim().max(2000).default(''),
        }),
        response: { 200: Decision, default: problemResponse },
      },
    },
    async (request) => {
      const { verdict, digest, comment } = request.body;
      requireComment(verdict, comment);
      const decision = await approvals.recordOperatorDecision({
        gateId: request.params.gateId,
        operatorId: operatorOf(request).id,
        verdict,
        digest,
        comment,
        requestId: request.id,
      });
      nudgeRelay();
      return decision;
    },
  );
}

/** @throws REQUEST_INVALID */
export function requireComment(verdict: string, comment: string): void {
  if (verdict === 'reject' && comment.length < REJECTION_COMMENT_LENGTH) {
    throw new MigrationError(
      'REQUEST_INVALID',
      `A rejection needs a comment of at least ${REJECTION_COMMENT_LENGTH} characters.`,
    );
  }
}
