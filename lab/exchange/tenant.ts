import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Authority } from '../authority.ts';
import { type Account, MailStore } from '../imap/store.ts';
import { adminApi, administration } from './directory/administration.ts';
import { graphDirectory } from './directory/graph-directory.ts';
import { SKU_ID } from './directory/licences.ts';
import { Lifecycle } from './directory/lifecycle.ts';
import type { LabSku } from './directory/objects.ts';
import { TenantState } from './directory/state.ts';
import { ewsFront } from './ews/front.ts';
import { EwsSettings } from './ews/settings.ts';
import { Outgoing } from './flow/outgoing.ts';
import type { Front, HttpAnswer, HttpCall } from './front.ts';
import { defaultGraphBehaviour, type GraphBehaviour } from './graph/behaviour.ts';
import { graphMail } from './graph/graph-mail.ts';
import { Throttle } from './graph/throttle.ts';
import { Access } from './identity/access.ts';
import { type ImapSignIn, imapSignIn } from './identity/imap-sign-in.ts';
import { tokenEndpoint } from './identity/token-endpoint.ts';
import type { MailContent } from './mail/content.ts';
import { Items } from './mail/items.ts';
import { receiptsOf } from './mail/read-receipts.ts';
import { ENGLISH_NAMES, makeSpecialFolders, type SpecialFolder } from './mail/special-folders.ts';
import { graphRefusal, Refusal } from './refusal.ts';

const HOST = '127.0.0.1';

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
  /** Of the one licence that is sold. */
  readonly seats?: number;
  /** Several licences in place of the one. */
  readonly skus?: LabSku[];
  /** Where mail for the tenant is sent, as its domains' MX records say. */
  readonly mailHost?: string;
  /** From the licence to a usable mailbox; minutes in reality (exchange.md §6.1). */
  readonly readyAfterMs?: number;
  /** On by default, as in Exchange (exchange.md §6.3). */
  readonly activeSyncByDefault?: boolean;
  /** Rows in one page of a cmdlet's answer. */
  readonly pageSize?: number;
  /** Whether the Exchange Online Admin API (preview) is there; it is not everywhere. */
  readonly hasAdminApi?: boolean;
  readonly now?: () => number;
  /** What differs from {@link defaultGraphBehaviour}. */
  readonly graph?: Partial<GraphBehaviour>;
  /** What the special folders of new mailboxes are called; English by default. */
  readonly folderNames?: Readonly<Record<SpecialFolder, string>>;
  /** Where the mailboxes are; one of its own by default. */
  readonly store?: MailStore;
  /** A mailbox can be used from now on: give it its IMAP account. Aliases and lists come later; ask `state.resolve`. */
  readonly onMailbox?: (mailbox: { address: string; password: string; aliases: readonly string[] }) => void;
  /** Asked before each call; see {@link Fault}. */
  readonly fault?: (call: TenantCall) => Fault | null;
}

/** A call as faults see it. `name`: `POST /v1.0/users`, a cmdlet's name, `CreateItem`. */
export interface TenantCall extends HttpCall {
  readonly name: string;
}

/** What goes wrong with one call. */
export interface Fault {
  readonly status?: number;
  /** An object goes out as JSON. */
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The call takes effect first and is answered wrongly then: a lost acknowledgement. */
  readonly afterEffect?: boolean;
  /** The connection is cut in place of an answer. */
  readonly drop?: boolean;
  /** No answer comes; the connection stays. */
  readonly hang?: boolean;
  /** The answer waits so long. */
  readonly delayMs?: number;
}

export interface HostedTenant {
  /** Base of Graph and of Exchange administration alike, with a slash at its end. */
  readonly baseUrl: string;
  readonly tokenUrl: string;
  readonly tenantId: string;
  readonly clientId: string;
  /** Who certifies its servers, for those that are started beside it. */
  readonly authority: Authority;
  readonly state: TenantState;
  readonly access: Access;
  /** What Exchange's IMAP says to a sign-in by token (exchange.md §5.1). */
  mayOpenByImap(token: string, user: string): ImapSignIn;
  /** A mailbox without the way through users and licences; its user is made with it. Twice is the same as once. */
  addMailbox(address: string, password?: string): Account;
  /** How Graph's mail behaves; may be changed at any time. */
  readonly graph: GraphBehaviour;
  readonly throttle: Throttle;
  /** The mailboxes, which IMAP, Graph and EWS share. */
  readonly store: MailStore;
  readonly items: Items;
  /** Mail that the tenant wrote itself: must stay empty during an import. */
  readonly outgoing: Outgoing;
  /** Service accounts and limits of Exchange Web Services; may be set at any time. */
  readonly ews: EwsSettings;
  /** Every call so far by its name: `POST /v1.0/users`, or a cmdlet's name. */
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
  const state = new TenantState(options.domains, options.skus ?? options.seats ?? 1_000);
  state.now = now;
  const access = new Access({
    tenantId,
    clientId,
    clientSecret: options.clientSecret ?? 'lab-secret',
    tokenLifeSeconds: options.tokenLifeSeconds ?? 3_600,
    now,
  });
  const store = options.store ?? new MailStore({ caseInsensitiveNames: true, now: () => new Date(now()) });
  const items = new Items(now);
  const outgoing = new Outgoing();
  store.onFlags = receiptsOf(outgoing);
  const folderNames = options.folderNames ?? ENGLISH_NAMES;
  const ews = new EwsSettings();
  const graph = { ...defaultGraphBehaviour(), ...options.graph };
  const world = { store, items, behaviour: graph, folderNames, now, contents: new Map<number, MailContent>() };
  const throttle = new Throttle(graph, now);
  const calls: string[] = [];
  const lifecycle = new Lifecycle({
    state,
    readyAfterMs,
    activeSyncByDefault: options.activeSyncByDefault ?? true,
    onMailbox: (mailbox) => {
      makeSpecialFolders(store.addAccount(mailbox.address, mailbox.password), folderNames);
      options.onMailbox?.(mailbox);
    },
  });
  state.countItems = (address) =>
    (store.findAccount(address)?.listFolders() ?? []).reduce((sum, { messages }) => sum + messages.length, 0);

  const fronts: readonly Front[] = [
    tokenEndpoint(tenantId, access),
    administration({ tenantId, access, state, pageSize: options.pageSize ?? 1_000 }),
    ...(options.hasAdminApi === false
      ? []
      : [adminApi({ tenantId, access, state, pageSize: options.pageSize ?? 1_000 })]),
    graphMail({ world, access, state, throttle }),
    graphDirectory({ access, state, lifecycle, countryCode: 'DE', mailHost: options.mailHost ?? 'mx.hosted.test' }),
    ewsFront({ access, state, store, items, outgoing, settings: ews, now }),
  ];

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', `https://${request.headers.host ?? HOST}`);
    const head = headOf(request, url);
    const front = fronts.find((each) => each.takes({ ...head, body: NO_BODY }));
    const body = await readBody(request, front?.maxBodyBytes ?? 0);
    const call: HttpCall = { ...head, body: body ?? NO_BODY };
    const name = front?.nameOf(call) ?? `${call.method} ${call.path}`;
    calls.push(name);
    const fault = tenant.fault?.({ ...call, name }) ?? null;
    let result: HttpAnswer = { status: fault?.status ?? 500, body: fault?.body ?? null };
    if (fault === null || fault.afterEffect || (fault.status === undefined && fault.delayMs !== undefined)) {
      const honest = await attempt(() => {
        if (front === undefined) throw graphRefusal(404, 'NotFound', 'No such address.');
        if (body === null && front.tooLarge !== undefined) return front.tooLarge;
        if (body === null) throw graphRefusal(413, 'RequestEntityTooLarge', 'The request is too large.');
        return front.answer(call);
      });
      if (!fault?.afterEffect) result = honest;
    }
    if (fault?.delayMs !== undefined) await delay(fault.delayMs);
    if (fault?.hang) return;
    if (fault?.drop) {
      request.socket.destroy();
      return;
    }
    const isPlain = result.body === null || typeof result.body === 'string' || Buffer.isBuffer(result.body);
    const content = isPlain ? (result.body ?? '') : JSON.stringify(result.body);
    response.writeHead(result.status, {
      ...(!isPlain && { 'content-type': 'application/json' }),
      ...result.headers,
      ...fault?.headers,
    });
    response.end(content);
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
    authority: options.authority,
    state,
    access,
    mayOpenByImap: (token, user) => imapSignIn(access, state, token, user),
    addMailbox(address, password = 'lab-password') {
      const userPrincipalName = address.toLowerCase();
      const [mailNickname = ''] = userPrincipalName.split('@');
      const user = state.findUser(userPrincipalName) ?? {
        id: randomUUID(),
        userPrincipalName,
        displayName: mailNickname,
        mailNickname,
        accountEnabled: true,
        usageLocation: 'DE',
        password,
        licences: new Set([SKU_ID]),
        createdAt: new Date(now()).toISOString(),
        lastSignInAt: null,
      };
      state.users.set(userPrincipalName, user);
      lifecycle.make(user);
      return store.addAccount(userPrincipalName, password);
    },
    graph,
    throttle,
    store,
    items,
    outgoing,
    ews,
    calls,
    fault: options.fault ?? null,
    close: () =>
      new Promise((resolve) => {
        lifecycle.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return tenant;
}

async function attempt(answer: () => HttpAnswer | Promise<HttpAnswer>): Promise<HttpAnswer> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: error.body, headers: error.headers };
    throw error;
  }
}

const NO_BODY = Buffer.alloc(0);

function headOf(request: IncomingMessage, url: URL): Omit<HttpCall, 'body'> {
  return {
    method: request.method ?? 'GET',
    path: url.pathname,
    segments: url.pathname.split('/').slice(1).map(decodeURIComponent),
    query: url.searchParams,
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
    ),
    origin: url.origin,
  };
}

/** Null for one that is too long; the rest of it is read and thrown away. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
  }
  return size <= maxBytes ? Buffer.concat(chunks) : null;
}
