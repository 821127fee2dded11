import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { MigrationError } from '../domain/errors.ts';
import type { AccessStore, ApprovalStore, StoredLink } from '../domain/ports/store.ts';

declare module 'fastify' {
  interface FastifyRequest {
    operator: { readonly id: string; readonly name: string } | null;
    link: StoredLink | null;
  }
}

/** Who may call a route; the same constants stand in OpenAPI's `security`, so the document cannot disagree with the guard. */
export const OPERATOR = [{ operator: [] }];
export const CONTACT = [{ link: [] }];
export const PUBLIC: { [name: string]: string[] }[] = [];

/**
 * Guards every route by its `security`. A route that forgot to say is an operator's: it fails closed. Runs before the body is read,
 * so that nobody learns from validation what is behind the door.
 */
export function createGuard(access: AccessStore, approvals: ApprovalStore): onRequestAsyncHookHandler {
  return async (request) => {
    if (request.is404) return;
    const security = request.routeOptions.schema?.security ?? OPERATOR;
    if (security.length === 0) return;
    if (security === CONTACT) {
      const link = await approvals.findLink(credential(request, 'link'));
      // One answer for unknown and for ill-formed tokens; a link that was revoked is told apart by the route.
      if (link === null) throw new MigrationError('NOT_FOUND', 'There is nothing behind this link.');
      request.link = link;
      return;
    }
    const operator = await access.findOperator(credential(request, 'bearer'));
    if (operator === null) throw new MigrationError('UNAUTHENTICATED', 'The operator token is not valid.');
    request.operator = operator;
  };
}

/** The operator of a guarded route. */
export function operatorOf(request: FastifyRequest): { id: string; name: string } {
  if (request.operator === null) throw new MigrationError('UNAUTHENTICATED', 'The operator token is missing.');
  return request.operator;
}

/** The link of a guarded route. */
export function linkOf(request: FastifyRequest): StoredLink {
  if (request.link === null) throw new MigrationError('NOT_FOUND', 'There is nothing behind this link.');
  return request.link;
}

function credential(request: FastifyRequest, scheme: 'bearer' | 'link'): string {
  const match = /^(\w+) +([A-Za-z0-9._~+/=-]{8,512})$/.exec(request.headers.authorization ?? '');
  if (match?.[1]?.toLowerCase() !== scheme || match[2] === undefined) {
    throw new MigrationError('UNAUTHENTICATED', 'The Authorization header is missing or of another kind.');
  }
  return match[2];
}
