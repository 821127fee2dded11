import { readFileSync } from 'node:fs';
import { type ByteBudget, createByteBudget } from '../../domain/byte-budget.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { AdminEndpoint } from '../../domain/plan.ts';
import type { MailTarget, TargetOptions } from '../../domain/ports/mail.ts';
import type { RequestLimiter } from '../../domain/ports/request-limiter.ts';
import type { ProbeSession } from '../../domain/ports/route-probe.ts';
import type { Route } from '../../domain/routes.ts';
import { createGraphClient } from './graph-client.ts';
import { GraphJsonTarget } from './graph-json-target.ts';
import type { GraphTargetOptions } from './graph-target.ts';
import { createHttpsTransport, type HttpsTransport } from './https-transport.ts';
import { ImportMimeTarget } from './import-mime-target.ts';
import { MailboxCalls } from './mailbox-calls.ts';
import { GraphProbe } from './probe.ts';
import type { TokenPool } from './token-pool.ts';

/** 4 MB on a slow line, and what Exchange thinks over them. */
const TIMEOUT_MS = 120_000;

export type GraphRoute = Extract<Route, 'graph-json' | 'import-mime'>;

export interface GraphMailOptions {
  readonly tokens: TokenPool;
  readonly budget?: ByteBudget | undefined;
  /** Keeps the requests of all workers within what the tenant grants application and mailbox; without it, nobody does. */
  readonly limiter?: RequestLimiter | undefined;
  readonly timeoutMs?: number | undefined;
  readonly now?: (() => number) | undefined;
  /** Waits in place of the clock. */
  readonly pause?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
}

export interface GraphMailConnector {
  /**
   * A session on one mailbox: its inbox was asked for.
   * @param endpoint  the application that moves mail (plan: `transfer`, else `graph`)
   * @param address   primary address of the mailbox
   * @throws HOST_UNREACHABLE, TLS_UNTRUSTED, MAILBOX_MISSING, CONSENT_REVOKED, THROTTLED, SERVER_BUSY, SECRET_MISSING, PLAN_INVALID,
   *         TARGET_ADMIN_REFUSED and TARGET_ADMIN_UNREACHABLE of the token endpoint
   */
  openTarget(
    endpoint: AdminEndpoint,
    address: string,
    route: GraphRoute,
    signal: AbortSignal,
    options?: TargetOptions,
  ): Promise<MailTarget>;
  /** @throws as {@link openTarget} */
  openProbe(
    endpoint: AdminEndpoint,
    address: string,
    route: GraphRoute,
    signal: AbortSignal,
    options?: TargetOptions,
  ): Promise<ProbeSession>;
}

/** Mail over Microsoft Graph. Sessions of one endpoint share connections and token over all `open` calls of a process. */
export function createGraphMailConnector(options: GraphMailOptions): GraphMailConnector {
  const { tokens, limiter, timeoutMs = TIMEOUT_MS, now = Date.now, pause } = options;
  const budget = options.budget ?? createByteBudget();
  const transports = new Map<string | null, HttpsTransport>();

  const transportOf = ({ caFile }: AdminEndpoint): HttpsTransport => {
    // A certificate file is read at each open, so a replaced one counts.
    const caPem = caFile === null ? null : readAuthority(caFile);
    const known = transports.get(caPem) ?? createHttpsTransport(caPem);
    transports.set(caPem, known);
    return known;
  };

  const prepare = async (
    endpoint: AdminEndpoint,
    address: string,
    signal: AbortSignal,
    { mayWrite }: TargetOptions,
  ): Promise<GraphTargetOptions> => {
    const { baseUrl, clientId, tenantId } = endpoint;
    const party = { app: `${clientId}@${tenantId}`.toLowerCase(), mailbox: address.toLowerCase() };
    const client = createGraphClient({
      ...{ baseUrl, timeoutMs, now, tokens: tokens(endpoint), send: transportOf(endpoint) },
      ...(limiter !== undefined && { limit: { limiter, party } }),
      ...(mayWrite !== undefined && { mayWrite }),
    });
    const prepared = { client, address, signal, budget, now, ...(pause !== undefined && { pause }) };
    await new MailboxCalls(prepared).get({
      name: 'get inbox',
      path: '/mailFolders/inbox?$select=id',
      blame: 'mailbox',
    });
    return prepared;
  };

  return {
    async openTarget(endpoint, address, route, signal, more = {}) {
      return targetOf(route, await prepare(endpoint, address, signal, more));
    },
    async openProbe(endpoint, address, route, signal, more = {}) {
      const prepared = await prepare(endpoint, address, signal, more);
      return new GraphProbe(targetOf(route, prepared), new MailboxCalls(prepared));
    },
  };
}

function targetOf(route: GraphRoute, options: GraphTargetOptions): MailTarget {
  return route === 'graph-json' ? new GraphJsonTarget(options) : new ImportMimeTarget(options);
}

function readAuthority(caFile: string): string {
  try {
    return readFileSync(caFile, 'utf8');
  } catch (cause) {
    throw new MigrationError('TLS_UNTRUSTED', `The certificate file ${caFile} cannot be read.`, { cause });
  }
}
