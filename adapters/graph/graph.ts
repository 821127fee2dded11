import { AuthenticationHandler, Client, GraphError } from '@microsoft/microsoft-graph-client';
import { MigrationError } from '../../domain/errors.ts';
import type { HttpsTransport } from './https-transport.ts';
import { OneShot, OneShotHandler, TransportHandler } from './one-shot.ts';
import { fromStatus, retryAfterMs, withoutAnswer } from './outcome.ts';
import type { TokenSource } from './token-source.ts';

const VERSION = 'v1.0';

export interface GraphOptions {
  readonly baseUrl: string;
  readonly tokens: TokenSource;
  readonly send: HttpsTransport;
  readonly timeoutMs: number;
  readonly now: () => number;
}

/** A slice of Microsoft Graph v1.0. Paths begin with `/`; what is put into them goes through {@link segment} first. */
export interface Graph {
  /** @returns null where Graph answers 404. */
  find(name: string, path: string, signal: AbortSignal): Promise<unknown>;
  /** An effect: without an answer it is OUTCOME_UNKNOWN. */
  post(name: string, path: string, body: object, signal: AbortSignal): Promise<unknown>;
  /** An effect like {@link post}, though twice is the same as once. */
  patch(name: string, path: string, body: object, signal: AbortSignal): Promise<unknown>;
  /** All pages of a collection. */
  list(name: string, path: string, signal: AbortSignal): AsyncIterable<unknown>;
}

/** One segment of a path, or a value in a query: graph-client encodes neither. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}

/** A text inside an OData filter; a quote is doubled. Encode the whole filter with {@link segment}. */
export function odataText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * Graph through graph-client with our own middleware: token, one attempt, transport. Its RetryHandler repeats a POST after 503 and
 * 504 and so doubles what was made (exchange.md §8); repeating is Temporal's.
 * All calls @throws TARGET_ADMIN_REFUSED, TARGET_ADMIN_UNREACHABLE, OUTCOME_UNKNOWN, THROTTLED, CONSENT_REVOKED, TLS_UNTRUSTED
 */
export function createGraph({ baseUrl, tokens, send, timeoutMs, now }: GraphOptions): Graph {
  const base = readBaseUrl(baseUrl);
  const client = Client.initWithMiddleware({
    baseUrl: base.href,
    defaultVersion: VERSION,
    // Without this AuthenticationHandler takes the token off for every host but Microsoft's own (exchange.md §8).
    customHosts: new Set([base.hostname.toLowerCase()]),
    middleware: [
      new AuthenticationHandler({ getAccessToken: () => tokens.get() }),
      new OneShotHandler(timeoutMs),
      new TransportHandler(send),
    ],
  });

  const run = async (
    method: 'get' | 'post' | 'patch',
    name: string,
    path: string,
    body: object | null,
    signal: AbortSignal,
  ): Promise<unknown> => {
    signal.throwIfAborted();
    const shot = new OneShot({ name, effect: method !== 'get' }, signal);
    // Asked for here as well, because a failure inside graph-client would lose its type.
    await tokens.get();
    try {
      const request = client.api(path).middlewareOptions([shot]);
      return await (method === 'get' ? request.get() : method === 'post' ? request.post(body) : request.patch(body));
    } catch (error) {
      signal.throwIfAborted();
      if (shot.failure !== null) throw shot.failure;
      if (!(error instanceof GraphError)) throw error;
      // An answer that is 2xx and no JSON is as good as none.
      if (error.statusCode < 300) throw withoutAnswer(shot.call, error);
      if (error.statusCode === 401) throw tokens.refused(shot.call, error);
      const wait = retryAfterMs(error.headers?.get('retry-after'), now());
      throw fromStatus(shot.call, error.statusCode, error.code, wait, error);
    }
  };

  return {
    async find(name, path, signal) {
      try {
        return await run('get', name, path, null, signal);
      } catch (error) {
        if (error instanceof MigrationError && error.facts['status'] === 404) return null;
        throw error;
      }
    },
    post: (name, path, body, signal) => run('post', name, path, body, signal),
    patch: (name, path, body, signal) => run('patch', name, path, body, signal),
    async *list(name, path, signal) {
      let next: string | null = path;
      while (next !== null) {
        const page: unknown = await run('get', name, next, null, signal);
        const { value, '@odata.nextLink': link } = (page ?? {}) as { value?: unknown; '@odata.nextLink'?: unknown };
        if (Array.isArray(value)) yield* value as unknown[];
        next = typeof link === 'string' ? pathOf(link, base) : null;
      }
    },
  };
}

/** graph-client is given paths only: it takes the first path segment of a whole URL for the version (exchange.md §8). */
function pathOf(link: string, base: URL): string {
  const prefix = `${base.href}${VERSION}/`;
  if (link.startsWith(prefix)) return `/${link.slice(prefix.length)}`;
  // The token would travel with it.
  throw new MigrationError('TARGET_ADMIN_REFUSED', 'a page of Graph continues at another host', {
    facts: { host: URL.parse(link)?.host ?? null },
  });
}

/** @returns with a slash at its end, without which graph-client drops the last segment */
export function readBaseUrl(text: string): URL {
  const url = URL.parse(text.endsWith('/') ? text : `${text}/`);
  // graph-client sends tokens by https only, and cuts a host at its first colon, so an IPv6 address would get none.
  if (url?.protocol !== 'https:' || url.hostname.startsWith('[')) {
    throw new MigrationError(
      'PLAN_INVALID',
      'the address of an administration endpoint must be https:// with a host name',
    );
  }
  return url;
}
