import { readFileSync } from 'node:fs';
import type { ByteBudget } from '../../domain/byte-budget.ts';
import { createByteBudget } from '../../domain/byte-budget.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { EwsEndpoint } from '../../domain/plan.ts';
import { accountName, type SignIns } from '../../domain/ports/connections.ts';
import type { MailTarget, TargetOptions } from '../../domain/ports/mail.ts';
import type { RequestLimiter } from '../../domain/ports/request-limiter.ts';
import type { ProbeSession } from '../../domain/ports/route-probe.ts';
import type { Secrets } from '../../domain/ports/services.ts';
import { createHttpsTransport, type HttpsTransport } from '../graph/https-transport.ts';
import type { TokenSource } from '../graph/token-source.ts';
import { EwsClient } from './client.ts';
import { proveAccess } from './folders.ts';
import { EwsProbe } from './probe.ts';
import { basicSignIn, type EwsSignIn, tokenSignIn } from './sign-in.ts';
import { EwsTarget } from './target.ts';

/** The longest that a server was seen to think over one large message. */
const TIMEOUT_MS = 300_000;
/** Exchange answers restrictions from its store; that a look right after an effect sees it is not verified (exchange.md §9.4, 4). */
const VISIBLE_AFTER_MS = 30_000;

export interface EwsConnectorOptions {
  readonly secrets: Secrets;
  /** Tokens of the plan's `transfer` application, for endpoints with `auth: oauth`. */
  readonly tokens?: (() => TokenSource) | undefined;
  /** Remembers what was refused; without it, each session tries anew. */
  readonly signIns?: SignIns | undefined;
  readonly budget?: ByteBudget | undefined;
  /** Keeps the requests of all workers within what the server grants its service account (exchange.md §4.2); without it, nobody does. */
  readonly limiter?: RequestLimiter | undefined;
  readonly timeoutMs?: number | undefined;
  readonly visibleAfterMs?: number | undefined;
  readonly now?: (() => number) | undefined;
}

export interface EwsConnector {
  /**
   * A session on one mailbox, signed in: its well-known folders were asked for.
   * @param mailbox  primary address
   * @throws HOST_UNREACHABLE, TLS_UNTRUSTED, AUTH_FAILED, EWS_OFF, IMPERSONATION_DENIED, MAILBOX_MISSING, CONSENT_REVOKED, THROTTLED,
   *         SERVER_BUSY, SECRET_MISSING, PLAN_INVALID
   */
  openTarget(endpoint: EwsEndpoint, mailbox: string, signal: AbortSignal, options?: TargetOptions): Promise<MailTarget>;
  /** @throws as {@link openTarget} */
  openProbe(
    endpoint: EwsEndpoint,
    mailbox: string,
    signal: AbortSignal,
    options?: TargetOptions,
  ): Promise<ProbeSession>;
}

/**
 * Mail over Exchange Web Services. Sessions of one endpoint share their connections. The secret is looked up at each open and not kept;
 * a password that was refused is not sent again before it is another one, so that the service account is not locked by us (T60).
 */
export function createEwsConnector(options: EwsConnectorOptions): EwsConnector {
  const { budget = createByteBudget(), timeoutMs = TIMEOUT_MS, now = Date.now } = options;
  const { visibleAfterMs = VISIBLE_AFTER_MS } = options;
  const transports = new Map<string, HttpsTransport>();
  const transportTo = ({ url, caFile }: EwsEndpoint): HttpsTransport => {
    const caPem = caFile === null ? null : readAuthority(caFile);
    const key = JSON.stringify([new URL(url).origin, caPem]);
    const known = transports.get(key) ?? createHttpsTransport(caPem);
    transports.set(key, known);
    return known;
  };
  const open = async (
    endpoint: EwsEndpoint,
    mailbox: string,
    signal: AbortSignal,
    { mayWrite = () => true }: TargetOptions,
  ) => {
    if (URL.parse(endpoint.url)?.protocol !== 'https:') {
      throw new MigrationError('PLAN_INVALID', 'the address of Exchange Web Services must be https://');
    }
    const signIn = await signInTo(endpoint, options);
    const send = transportTo(endpoint);
    const { limiter = UNLIMITED } = options;
    const party = { app: partyOf(endpoint), mailbox: mailbox.toLowerCase() };
    const { url } = endpoint;
    const client = new EwsClient({ url, signIn, send, mailbox, timeoutMs, now, signal, mayWrite, limiter, party });
    await proveAccess(client);
    return { client, target: new EwsTarget({ client, budget, visibleAfterMs }) };
  };
  return {
    async openTarget(endpoint, mailbox, signal, more = {}) {
      return (await open(endpoint, mailbox, signal, more)).target;
    },
    async openProbe(endpoint, mailbox, signal, more = {}) {
      const { client, target } = await open(endpoint, mailbox, signal, more);
      return new EwsProbe(client, target);
    },
  };
}

const UNLIMITED: RequestLimiter = { run: (_party, _uploadBytes, _signal, call) => call() };

/** With impersonation the budget is the service account's (exchange.md §4.2). */
function partyOf({ url, user }: EwsEndpoint): string {
  return `${user ?? 'application'}@${new URL(url).host}`.toLowerCase();
}

async function signInTo(endpoint: EwsEndpoint, { secrets, signIns, tokens }: EwsConnectorOptions): Promise<EwsSignIn> {
  if (endpoint.auth === 'oauth') {
    if (tokens === undefined)
      throw new MigrationError('PLAN_INVALID', 'EWS by OAuth needs an application to transfer mail');
    return tokenSignIn(tokens());
  }
  if (endpoint.user === null || endpoint.secret === null) {
    throw new MigrationError('PLAN_INVALID', 'EWS by user and password needs both of them');
  }
  const password = await secrets.resolve(endpoint.secret);
  const { hostname, port } = new URL(endpoint.url);
  const account = accountName({ host: hostname, port: Number(port || 443) }, endpoint.user);
  if (await signIns?.isRefused(account, password)) {
    throw new MigrationError('AUTH_FAILED', 'The server has refused this password before; it is not tried again.', {
      facts: { host: hostname },
    });
  }
  return basicSignIn(endpoint.user, password, () => signIns?.recordRefused(account, password));
}

function readAuthority(caFile: string): string {
  try {
    return readFileSync(caFile, 'utf8');
  } catch (cause) {
    throw new MigrationError('TLS_UNTRUSTED', `The certificate file ${caFile} cannot be read.`, { cause });
  }
}
