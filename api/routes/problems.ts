import { z } from 'zod';
import { ERRORS } from '../../domain/errors.ts';
import { PUBLIC } from '../auth.ts';
import type { Api } from '../deps.ts';
import { ErrorCodeParam } from '../schemas.ts';

/** The pages that `type` of a problem points at. */
export function problemRoutes(app: Api): void {
  app.get(
    '/problems/:code',
    {
      schema: {
        summary: 'One entry of the error catalogue',
        security: PUBLIC,
        params: ErrorCodeParam,
        response: {
          200: z.object({
            code: z.string(),
            remedy: z.string(),
            reaction: z.string(),
            scope: z.string(),
            status: z.int(),
          }),
        },
      },
    },
    async ({ params: { code } }) => {
      const { remedy, reaction, scope, httpStatus } = ERRORS[code];
      return { code, remedy, reaction, scope, status: httpStatus };
    },
  );
}
