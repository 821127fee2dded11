import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ERRORS, type ErrorCode, MigrationError } from '../domain/errors.ts';

/** RFC 9457, with what our catalogue adds. */
export const Problem = z
  .object({
    type: z.url().describe('Page of the error catalogue'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('Stable code of the error catalogue'),
    remedy: z.string().describe("The reader's next step"),
    requestId: z.string(),
    errors: z
      .array(
        z.object({
          detail: z.string(),
          pointer: z.string().optional().describe('JSON pointer into the request body'),
          parameter: z.string().optional(),
          file: z.string().optional(),
          line: z.int().optional(),
          column: z.int().optional(),
        }),
      )
      .optional(),
  })
  .meta({ id: 'Problem' });
type ProblemBody = z.output<typeof Problem>;
type Fault = NonNullable<ProblemBody['errors']>[number];

/** Added to every route's responses. */
export const problemResponse = {
  description: 'Problem (RFC 9457)',
  content: { 'application/problem+json': { schema: Problem } },
} as const;

/** Writes every error as a problem; what we did not throw on purpose is INTERNAL and tells nothing of itself. */
export function createErrorHandler(publicUrl: () => string) {
  return (error: FastifyError | MigrationError, request: FastifyRequest, reply: FastifyReply): void => {
    const known = translate(error);
    const { httpStatus } = ERRORS[known.code];
    if (httpStatus >= 500) request.log.error({ err: error, code: known.code }, known.message);
    else request.log.debug({ code: known.code }, known.message);
    if (known.retryAfterMs !== undefined) reply.header('retry-after', String(Math.ceil(known.retryAfterMs / 1000)));
    if (httpStatus === 401) reply.header('www-authenticate', 'Bearer, Link');
    sendProblem(reply, request, publicUrl(), known.code, known.message, known.errors);
  };
}

export function sendProblem(
  reply: FastifyReply,
  request: FastifyRequest,
  publicUrl: string,
  code: ErrorCode,
  detail: string,
  errors: Fault[] = [],
): void {
  const { httpStatus, remedy } = ERRORS[code];
  const body: ProblemBody = {
    type: `${publicUrl}/problems/${code}`,
    title: STATUS_CODES[httpStatus] ?? 'Error',
    status: httpStatus,
    detail,
    code,
    remedy,
    requestId: request.id,
    ...(errors.length > 0 && { errors }),
  };
  reply
    .code(httpStatus)
    .type('application/problem+json')
    .serializer((value) => JSON.stringify(value))
    .send(body);
}

interface Known {
  readonly code: ErrorCode;
  readonly message: string;
  readonly errors: Fault[];
  readonly retryAfterMs?: number | undefined;
}

function translate(error: FastifyError | MigrationError): Known {
  if (error instanceof MigrationError) {
    const errors = error.faults.map(({ message, ...place }) => ({ detail: message, ...place }));
    // Our own faults say what is wrong inside; the caller gets the code and can quote the request id.
    const message = error.code === 'INTERNAL' ? 'Something went wrong inside.' : error.message;
    const retryAfterMs = error.retryAfterMs ?? (error.kind.httpStatus === 503 ? 5_000 : undefined);
    return { code: error.code, message, errors, retryAfterMs };
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const where = error.validationContext ?? 'body';
    const errors = error.validation.map(({ instancePath, message }) => ({
      detail: message ?? 'is not valid',
      ...(where === 'body' ? { pointer: instancePath } : { parameter: instancePath.slice(1) }),
    }));
    return { code: 'REQUEST_INVALID', message: `The ${where} of the request is not valid.`, errors };
  }
  // Fastify's own refusals: body too large, not JSON, unknown content type.
  if (typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500) {
    return { code: 'REQUEST_INVALID', message: error.message, errors: [] };
  }
  return { code: 'INTERNAL', message: 'Something went wrong inside.', errors: [] };
}
