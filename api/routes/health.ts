import { z } from 'zod';
import { PUBLIC } from '../auth.ts';
import type { Api, ServerDeps } from '../deps.ts';

/** Load balancers give up soon; a dependency that needs longer than this is not ready. */
const CAP_MS = 2_000;

const Readiness = z.object({ ready: z.boolean(), database: z.boolean(), temporal: z.boolean() });

export function healthRoutes(app: Api, { checkDatabase, workflows }: ServerDeps): void {
  app.get(
    '/healthz',
    {
      schema: {
        summary: 'The process is up',
        security: PUBLIC,
        response: { 200: z.object({ status: z.literal('ok') }) },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Database and Temporal answer',
        security: PUBLIC,
        response: { 200: Readiness, 503: Readiness },
      },
    },
    async (_request, reply) => {
      const [database, temporal] = await Promise.all([answers(checkDatabase), answers(() => workflows.check())]);
      return reply.code(database && temporal ? 200 : 503).send({ ready: database && temporal, database, temporal });
    },
  );

  app.get('/openapi.json', { schema: { hide: true, security: PUBLIC } }, async () => app.swagger());
}

async function answers(check: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), CAP_MS);
  });
  try {
    return await Promise.race([
      check().then(
        () => true,
        () => false,
      ),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}
