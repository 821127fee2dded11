import { randomUUID } from 'node:crypto';
import swagger from '@fastify/swagger';
import fastify, { LogController } from 'fastify';
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { createGuard } from './auth.ts';
import type { Api, ServerDeps } from './deps.ts';
import { createErrorHandler, sendProblem } from './problem.ts';
import { auditRoutes } from './routes/audit.ts';
import { codecRoutes } from './routes/codec.ts';
import { commandRoutes } from './routes/commands.ts';
import { gateRoutes } from './routes/gates.ts';
import { healthRoutes } from './routes/health.ts';
import { issueRoutes } from './routes/issues.ts';
import { linkRoutes } from './routes/links.ts';
import { mailboxReportRoutes } from './routes/mailbox-report.ts';
import { mailboxRoutes } from './routes/mailboxes.ts';
import { migrationRoutes } from './routes/migrations.ts';
import { portalRoutes } from './routes/portal.ts';
import { preflightRoutes } from './routes/preflight.ts';
import { problemRoutes } from './routes/problems.ts';
import { provisioningRoutes } from './routes/provisioning.ts';
import { reportRoutes } from './routes/report.ts';

/** A plan of 10,000 mailboxes with its list is about 2 MB. */
const BODY_LIMIT_BYTES = 16 * 1024 * 1024;

/** Builds the server without listening, so that tests `inject`. The caller listens and closes. */
export async function buildServer(deps: ServerDeps): Promise<Api> {
  const app = fastify({
    loggerInstance: deps.logger,
    // Our own line says the route instead of the URL: a URL may hold a capability.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: BODY_LIMIT_BYTES,
    // Only words that cannot break a log line or a terminal are taken over.
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && /^[A-Za-z0-9._-]{8,64}$/.test(given) ? given : `req_${randomUUID()}`;
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(createErrorHandler(deps.publicUrl));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, request, deps.publicUrl(), 'NOT_FOUND', 'There is no such resource.'),
  );
  app.decorateRequest('operator', null);
  app.decorateRequest('link', null);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'x-request-id': request.id,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    });
  });
  app.addHook('onRequest', createGuard(deps.access, deps.approvals));
  app.addHook('onResponse', async (request, reply) => {
    const { params } = request;
    const migrationId =
      typeof params === 'object' && params !== null && 'migrationId' in params ? params.migrationId : undefined;
    // Pages and commands that wait look every second or two; what changes something, or fails, is worth a line.
    const level = request.method === 'GET' && reply.statusCode < 400 ? 'debug' : 'info';
    request.log[level](
      {
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        ...(typeof migrationId === 'string' && { migrationId }),
      },
      'request',
    );
  });

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Mailferry',
        version: '1',
        description: 'Migrations of whole organisations from IMAP to Hosted Exchange. Errors are problems (RFC 9457).',
      },
      components: {
        securitySchemes: {
          operator: { type: 'http', scheme: 'bearer', description: 'Operator token' },
          link: { type: 'http', scheme: 'Link', description: 'Token from the fragment of a link' },
        },
      },
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  for (const routes of [
    healthRoutes,
    migrationRoutes,
    commandRoutes,
    mailboxRoutes,
    mailboxReportRoutes,
    preflightRoutes,
    provisioningRoutes,
    gateRoutes,
    issueRoutes,
    reportRoutes,
    auditRoutes,
    linkRoutes,
    problemRoutes,
    codecRoutes,
    portalRoutes,
  ]) {
    await app.register(async (scope) => routes(scope.withTypeProvider<ZodTypeProvider>() as Api, deps));
  }
  return app as Api;
}
