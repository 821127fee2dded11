import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Authority } from '../authority.ts';
import { invokeCommand } from './cmdlets.ts';
import { answerGraph } from './graph-routes.ts';
import { Access } from './oauth.ts';
import { badRequest, Refusal } from './refusal.ts';
import { type LabUser, TenantState } from './state.ts';

const HOST = '127.0.0.1';
const MAX_BODY_BYTES = 1024 * 1024;

export interface HostedTenantOptions {
  readonly authority: Authority;
  /** Domains for which the tenant accepts mail. */
  readonly domains: readonly string[];
  /** 0 (default) = chosen by the system. */
  readonly port?: number;
  readonly tenantId?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly tokenLifeSeconds?: number;
  readonly seats?: number;
  /** From the licence to a usable mailbox; minutes in reality (exchange.md §6.1). */
  readonly readyAfterMs?: number;
  /** On by default, as in Exchange (exchange.md §6.3). */
  readonly activeSyncByDefault?: boolean;
  /** Rows in one page of a cmdlet's answer. */
  readonly pageSize?: number;
  readonly now?: () => number;
  /** A mailbox can be used from now on: give it its IMAP account. Aliases and lists come later; ask `state.resolve`. */
  readonly onMailbox?: (mailbox: { address: string; password: string; aliases: readonly string[] }) => void;
  /** Asked before each call; see {@link Fault}. */
  readonly fault?: (call: TenantCall) => Fault | null;
}

export interface TenantCall {
  readonly method: string;
  /** Without query, e.g. `/v1.0/users`. */
  readonly path: string;
  /** Name of the cmdlet for InvokeCommand, else null. */
  readonly cmdlet: string | null;
  readonly body: unknown;
}

/** What goes wrong with one call. */
export interface Fault {
  readonly status?: number;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** The call takes effect first and is answered wrongly then: a lost acknowledgement. */
  readonly afterEffect?: boolean;
  /** The connection is cut in place of an answer. */
  readonly drop?: boolean;
  /** No answer comes; the connection stays. */
  readonly hang?: boolean;
}

export interface HostedTenant {
  /** Base of Graph and of Exchange administration alike, with a slash at its end. */
  readonly baseUrl: string;
  readonly tokenUrl: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly state: TenantState;
  readonly access: Access;
  /** Every call so far: `POST /v1.0/users`, or a cmdlet's name. */
  readonly calls: readonly string[];
  /** May be set at any time. */
  fault: ((call: TenantCall) => Fault | null) | null;
  close(): Promise<void>;
}

/**
 * A small hosted tenant: OAuth2, a slice of Microsoft Graph v1.0 and of Exchange's InvokeCommand over HTTPS with a certificate of the
 * lab's authority. Strict where the real one is: unknown properties, seats, usage location, taken addresses. A mailbox appears
 * only after its user was made and licensed.
 */
export async function startHostedTenant(options: HostedTenantOptions): Promise<HostedTenant> {
  const { tenantId = 'lab-tenant', clientId = 'lab-client', now = Date.now, readyAfterMs = 300 } = options;
  const state = new TenantState(options.domains, options.seats ?? 1_000);
  const access = new Access({
    clientId,
    clientSecret: options.clientSecret ?? 'lab-secret',
    tokenLifeSeconds: options.tokenLifeSeconds ?? 3_600,
    now,
  });
  const calls: string[] = [];
  const timers = new Set<NodeJS.Timeout>();

  const makeMailbox = (user: LabUser) => {
    const { userPrincipalName: address, password } = user;
    if (state.mailboxes.has(address) || user.licences.size === 0) return;
    const mailbox = { address, aliases: [], activeSync: options.activeSyncByDefault ?? true, archive: false };
    state.mailboxes.set(address, mailbox);
    options.onMailbox?.({ address, password, aliases: [] });
  };
  const onLicensed = (user: LabUser) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      makeMailbox(user);
    }, readyAfterMs);
    timers.add(timer);
  };

  const graph = { state, countryCode: 'DE', onLicensed };
  const invokePath = `/adminapi/beta/${tenantId}/InvokeCommand`;
  const answer = (call: TenantCall, url: URL, request: IncomingMessage): { status: number; body: object | null } => {
    if (call.path === `/${tenantId}/oauth2/v2.0/token`) {
      return { status: 200, body: access.answer(new URLSearchParams(String(call.body))) };
    }
    access.require(request.headers.authorization);
    if (call.path === invokePath) {
      if (request.headers['x-anchormailbox'] === undefined) throw badRequest('X-AnchorMailbox is missing.');
      const rows = invokeCommand(state, call.body);
      return { status: 200, body: pageOf(rows, url, options.pageSize ?? 1_000) };
    }
    const segments = url.pathname.split('/').slice(1).map(decodeURIComponent);
    if (segments[0] !== 'v1.0') throw new Refusal(404, { error: { code: 'NotFound', message: 'No such address.' } });
    return answerGraph(
      { method: call.method, segments: segments.slice(1), query: url.searchParams, body: call.body },
      graph,
    );
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', `https://${request.headers.host ?? HOST}`);
    const call = describeCall(request, url, await readBody(request));
    calls.push(call.cmdlet ?? `${call.method} ${call.path}`);
    const fault = tenant.fault?.(call) ?? null;
    let result: { status: number; body: object | null } = { status: fault?.status ?? 500, body: fault?.body ?? null };
    if (fault === null || fault.afterEffect) {
      const honest = attempt(() => answer(call, url, request));
      if (fault === null) result = honest;
    }
    if (fault?.hang) return;
    if (fault?.drop) {
      request.socket.destroy();
      return;
    }
    const text = result.body === null ? '' : JSON.stringify(result.body);
    response.writeHead(result.status, {
      ...(text !== '' && { 'content-type': 'application/json' }),
      ...fault?.headers,
    });
    response.end(text);
  };

  const { key, cert } = await options.authority.issue([HOST, 'localhost']);
  const server = createServer({ key, cert }, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      process.emitWarning(`the lab's tenant failed: ${error instanceof Error ? error.stack : String(error)}`);
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, HOST, resolve);
  });
  const baseUrl = `https://${HOST}:${(server.address() as AddressInfo).port}/`; // a TCP listener's address is never a string
  const tenant: HostedTenant = {
    baseUrl,
    tokenUrl: `${baseUrl}${tenantId}/oauth2/v2.0/token`,
    tenantId,
    clientId,
    state,
    access,
    calls,
    fault: options.fault ?? null,
    close: () =>
      new Promise((resolve) => {
        for (const timer of timers) clearTimeout(timer);
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return tenant;
}

function attempt(answer: () => { status: number; body: object | null }): { status: number; body: object | null } {
  try {
    return answer();
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: error.body };
    throw error;
  }
}

function describeCall(request: IncomingMessage, url: URL, text: string): TenantCall {
  const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false;
  const body = isForm ? text : parse(text);
  const name = (body as { CmdletInput?: { CmdletName?: unknown } } | null)?.CmdletInput?.CmdletName;
  return { method: request.method ?? 'GET', path: url.pathname, cmdlet: typeof name === 'string' ? name : null, body };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // routes that need a body say so in Graph's words
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The next page is asked for by sending the same body to `@odata.nextLink` (exchange.md §6.2). */
function pageOf(rows: readonly object[], url: URL, size: number): object {
  const from = Number(url.searchParams.get('$skiptoken') ?? 0);
  const value = rows.slice(from, from + size);
  if (from + size >= rows.length) return { value };
  return { value, '@odata.nextLink': `${url.origin}${url.pathname}?%24skiptoken=${from + size}` };
}
