import { z } from 'zod';
import { ACKNOWLEDGEMENT_TEXTS } from '../../domain/acknowledgement-texts.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { StoredLink } from '../../domain/ports/store.ts';
import { STEPS } from '../../domain/steps.ts';
import { CONTACT, linkOf } from '../auth.ts';
import type { Api, ServerDeps } from '../deps.ts';
import { viewOf } from '../draft-view.ts';
import { problemResponse } from '../problem.ts';
import { GATE_WORDS } from '../question-words.ts';
import { AcknowledgedStep, Decision, Gate, Json, Receipt } from '../schemas.ts';
import { requireComment } from './gates.ts';

const Question = z
  .object({
    kind: z.enum(['gate', 'acknowledgement']),
    organisation: z.string(),
    contact: z.string(),
    gate: Gate.nullable(),
    step: AcknowledgedStep.nullable(),
    title: z.string(),
    text: z.string().describe('What is asked, in plain words'),
    state: z.enum(['open', 'decided', 'closed']).describe('closed: superseded, expired or withdrawn'),
    revision: z.int().nullable(),
    digest: z.string().nullable(),
    evidence: Json,
    decisions: z.array(Decision.pick({ verdict: true, party: true, comment: true, decidedAt: true })),
  })
  .meta({ id: 'Question' });

/** The contact's side. A look has no effect: scanners follow links, run scripts and press buttons. */
export function linkRoutes(app: Api, { migrations, approvals, nudgeRelay }: ServerDeps): void {
  app.get(
    '/v1/link',
    {
      schema: {
        summary: 'What this link asks, with the evidence',
        security: CONTACT,
        response: { 200: Question, default: problemResponse },
      },
    },
    async (request): Promise<z.output<typeof Question>> => {
      const link = notRevoked(linkOf(request));
      const migration = await migrations.getMigration(link.migrationId);
      const { plan } = migration;
      const contact = plan.contacts.find((one) => one.id === link.contactId)?.name ?? link.contactId;
      const common = { organisation: plan.client.name, contact };
      if (link.gateId !== null) {
        const gate = await approvals.getGate(link.gateId);
        const mine = gate.decisions.some((one) => one.personId === link.contactId);
        return {
          ...common,
          kind: 'gate',
          gate: gate.gate,
          step: null,
          ...GATE_WORDS[gate.gate],
          state:
            mine || gate.state === 'approved' || gate.state === 'rejected'
              ? 'decided'
              : gate.state === 'open'
                ? 'open'
                : 'closed',
          revision: gate.revision,
          digest: gate.digest,
          evidence: gate.evidence,
          decisions: gate.decisions.map(({ verdict, party, comment, decidedAt }) => ({
            verdict,
            party,
            comment,
            decidedAt,
          })),
        };
      }
      const step = link.step;
      if (step === null) throw new MigrationError('NOT_FOUND', 'There is nothing behind this link.');
      const view = viewOf(migration);
      return {
        ...common,
        kind: 'acknowledgement',
        gate: null,
        step,
        title: STEPS[step].title,
        text: ACKNOWLEDGEMENT_TEXTS[step].replaceAll('\n', ' '),
        state: link.state === 'used' || view.steps[step].status === 'done' ? 'decided' : 'open',
        revision: null,
        digest: null,
        evidence: null,
        decisions: [],
      };
    },
  );

  app.post(
    '/v1/link/challenge',
    {
      schema: {
        summary: 'Send a one-time code by the second channel; earlier codes end',
        security: CONTACT,
        response: { 202: Receipt, default: problemResponse },
      },
    },
    async (request, reply) => {
      const link = notRevoked(linkOf(request));
      await approvals.recordChallenge(link.id);
      nudgeRelay();
      return reply.code(202).send({ message: 'A code is on its way to your second address.' });
    },
  );

  app.post(
    '/v1/link/decision',
    {
      schema: {
        summary: 'Decide, with the code that was sent',
        security: CONTACT,
        body: z.object({
          verdict: z.enum(['approve', 'reject', 'acknowledge']),
          comment: z.string().trim().max(2000).default(''),
          digest: z
            .string()
            .max(128)
            .nullable()
            .default(null)
            .describe('Of the evidence that was shown; null without evidence'),
          code: z
            .string()
            .trim()
            .regex(/^\d{6}$/, 'must be the six digits that were sent'),
        }),
        response: { 200: Decision, default: problemResponse },
      },
    },
    async (request) => {
      const link = notRevoked(linkOf(request));
      const { verdict, comment, digest, code } = request.body;
      if ((link.gateId === null) !== (verdict === 'acknowledge')) {
        throw new MigrationError('REQUEST_INVALID', `This link does not take the verdict ${verdict}.`);
      }
      requireComment(verdict, comment);
      const decision = await approvals.recordContactDecision({
        linkId: link.id,
        code,
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

function notRevoked(link: StoredLink): StoredLink {
  if (link.state === 'revoked')
    throw new MigrationError('GATE_NOT_OPEN', 'This link has been replaced by a newer one.');
  return link;
}
