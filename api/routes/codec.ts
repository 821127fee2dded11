import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { MigrationError } from '../../domain/errors.ts';
import { PUBLIC } from '../auth.ts';
import type { Api, ServerDeps } from '../deps.ts';
import { problemResponse } from '../problem.ts';

/** Payloads in protobuf's JSON mapping: bytes are base64. */
const Payloads = z.object({
  payloads: z
    .array(
      z.looseObject({
        metadata: z.record(z.string(), z.base64()).default({}),
        data: z.base64().default(''),
      }),
    )
    .max(10_000),
});

/**
 * The remote codec that the Temporal UI asks to show what is encrypted. The UI cannot send our tokens, so the URL itself is the
 * capability; browsers are held to the UI's origin by CORS, and the capability keeps everybody else out.
 */
export function codecRoutes(app: Api, { codec: access }: ServerDeps): void {
  if (access === null) return;
  const expected = digest(access.capability);
  const cors = {
    'access-control-allow-origin': access.uiOrigin,
    'access-control-allow-methods': 'POST, OPTIONS',
    'access-control-allow-headers': 'content-type, x-namespace, authorization',
    vary: 'origin',
  };
  const Params = z.object({ capability: z.string().max(200) });
  const check = (capability: string, origin: string | undefined): void => {
    const foreign = origin !== undefined && origin !== access.uiOrigin;
    if (foreign || !timingSafeEqual(digest(capability), expected)) {
      throw new MigrationError('NOT_FOUND', 'There is no such resource.');
    }
  };

  app.options(
    '/codec/:capability/decode',
    { schema: { hide: true, security: PUBLIC, params: Params } },
    async (request, reply) => {
      check(request.params.capability, request.headers.origin);
      return reply.headers(cors).code(204).send();
    },
  );

  app.post(
    '/codec/:capability/decode',
    {
      schema: {
        summary: 'Decrypt payloads for the Temporal UI; the capability in the path is the key to it',
        security: PUBLIC,
        params: Params,
        body: Payloads,
        response: { 200: Payloads, default: problemResponse },
      },
    },
    async (request, reply) => {
      check(request.params.capability, request.headers.origin);
      const decoded = await access.codec.decode(
        request.body.payloads.map(({ metadata, data }) => ({
          metadata: Object.fromEntries(
            Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value, 'base64')]),
          ),
          data: Buffer.from(data, 'base64'),
        })),
      );
      const payloads = decoded.map(({ metadata, data }) => ({
        metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([key, value]) => [key, base64(value)])),
        data: base64(data ?? new Uint8Array()),
      }));
      return reply.headers(cors).send({ payloads });
    },
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
