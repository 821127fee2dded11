import { MigrationError } from '../../domain/errors.ts';
import type { AdminEndpoint } from '../../domain/plan.ts';
import type { Secrets } from '../../domain/ports/services.ts';
import { ASSERTION_TYPE, signAssertion } from './client-assertion.ts';
import { entraFault } from './entra-errors.ts';
import type { HttpsTransport } from './https-transport.ts';
import { type CallKind, fromStatus, retryAfterMs, withoutAnswer } from './outcome.ts';

/** A token that is refused this soon after it was given is no matter of its age: the access itself is gone. */
const FRESH_MS = 60_000;
/** Asked anew so long before it ends, or a tenth of its life before, so that no call starts with a token about to end. */
const RENEW_BEFORE_MS = 60_000;

const TOKEN_CALL: CallKind = { name: 'OAuth2 token', effect: false };

export interface TokenSource {
  /** The token that is valid now. Asked once for all callers that wait at the same time. */
  get(): Promise<string>;
  /**
   * Forgets a token that an API refused with 401.
   * @param token  the refused one; another may have taken its place meanwhile
   * @returns whether a new one may help: not where this one was fresh, since then the access itself is gone
   */
  renew(token: string): boolean;
  /** What 401 means after {@link renew} has been of no use. */
  refused(call: CallKind, cause: unknown): MigrationError;
}

export interface TokenOptions {
  readonly endpoint: Pick<AdminEndpoint, 'tokenUrl' | 'clientId' | 'clientSecret' | 'clientCertificate' | 'baseUrl'>;
  /** The resource that the token is for; absent: the endpoint's own address with `/.default`. */
  readonly scope?: string;
  readonly secrets: Secrets;
  readonly send: HttpsTransport;
  readonly timeoutMs: number;
  readonly now: () => number;
}

interface Token {
  readonly value: string;
  readonly givenAtMs: number;
  readonly renewAtMs: number;
}

/** What Exchange's IMAP and its administration want tokens for, whatever their address (exchange.md §5.1, §6.2). */
export const EXCHANGE_SCOPE = 'https://outlook.office365.com/.default';

/**
 * OAuth2 client credentials (RFC 6749 §4.4) for one API, with a secret or a certificate's assertion (RFC 7523). Either is read at each
 * renewal and not kept, so a replaced file counts.
 * @throws SECRET_MISSING, what Entra says (entra-errors.ts: APP_UNKNOWN, APP_SECRET_WRONG, CONSENT_REVOKED and others),
 *         TARGET_ADMIN_REFUSED, TARGET_ADMIN_UNREACHABLE, THROTTLED
 */
export function createTokenSource(options: TokenOptions): TokenSource {
  let token: Token | null = null;
  let asking: Promise<Token> | null = null;
  return {
    async get() {
      if (token !== null && options.now() < token.renewAtMs) return token.value;
      asking ??= askToken(options).finally(() => {
        asking = null;
      });
      token = await asking;
      return token.value;
    },
    renew(refused) {
      if (token === null || token.value !== refused) return true;
      const isFresh = options.now() - token.givenAtMs < FRESH_MS;
      token = null;
      return !isFresh;
    },
    refused: (call, cause) =>
      new MigrationError('CONSENT_REVOKED', `${call.name}: a fresh access token is refused`, {
        facts: { call: call.name, status: 401 },
        cause,
      }),
  };
}

async function askToken(options: TokenOptions): Promise<Token> {
  const { endpoint, send, timeoutMs, now } = options;
  const givenAtMs = now();
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: endpoint.clientId,
    scope: options.scope ?? `${new URL(endpoint.baseUrl).origin}/.default`,
    ...(await proofOf(options, givenAtMs)),
  }).toString();
  let response: Response;
  try {
    response = await send({
      url: endpoint.tokenUrl,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    throw withoutAnswer(TOKEN_CALL, error);
  }
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw refusal(response, answer, now());
  const { access_token: value, expires_in: seconds } = (answer ?? {}) as {
    access_token?: unknown;
    expires_in?: unknown;
  };
  if (typeof value !== 'string' || typeof seconds !== 'number' || !(seconds > 0)) {
    throw withoutAnswer(TOKEN_CALL, new Error('the answer holds no token'));
  }
  const lifeMs = seconds * 1_000;
  return { value, givenAtMs, renewAtMs: givenAtMs + lifeMs - Math.min(RENEW_BEFORE_MS, lifeMs / 10) };
}

/** @throws SECRET_MISSING, PLAN_INVALID */
async function proofOf({ endpoint, secrets }: TokenOptions, nowMs: number): Promise<Record<string, string>> {
  const { clientSecret, clientCertificate, clientId, tokenUrl } = endpoint;
  if (clientSecret !== null) return { client_secret: await secrets.resolve(clientSecret) };
  if (clientCertificate === null || clientCertificate === undefined) {
    throw new MigrationError('PLAN_INVALID', 'an endpoint needs a client secret or a client certificate');
  }
  const pem = await secrets.resolve(clientCertificate);
  const client_assertion = await signAssertion({ pem, clientId, audience: tokenUrl, nowMs });
  return { client_assertion_type: ASSERTION_TYPE, client_assertion };
}

function refusal(response: Response, answer: unknown, nowMs: number): MigrationError {
  const { error, error_description: description } = (answer ?? {}) as { error?: unknown; error_description?: unknown };
  const code = typeof error === 'string' ? error : null;
  // Entra's description names the ids of app and tenant, never the secret.
  const cause = new Error(typeof description === 'string' ? description : `HTTP status ${response.status}`);
  const wait = retryAfterMs(response.headers.get('retry-after'), nowMs);
  const fault = response.status === 429 ? null : entraFault(code, cause.message);
  if (fault !== null) {
    return new MigrationError(fault.code, `No access token: ${fault.message}.`, {
      facts: { call: TOKEN_CALL.name, status: response.status, errorCode: code },
      cause,
      ...(wait !== undefined && { retryAfterMs: wait }),
    });
  }
  return fromStatus(TOKEN_CALL, response.status, code, wait, cause);
}
