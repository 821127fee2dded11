import { AuthenticationHandler, Client, type GraphRequest, ResponseType } from '@microsoft/microsoft-graph-client';
import { MigrationError } from '../../domain/errors.ts';
import type { RequestLimiter, RequestParty } from '../../domain/ports/request-limiter.ts';
import type { HttpsTransport } from './https-transport.ts';
import { OneShot, RenewalHandler, requireLease, TransportHandler } from './one-shot.ts';
import { type CallKind, type CallOutcome, type NotDone, outcomeOfAnswer, outcomeOfFailure } from './outcome.ts';
import type { TokenSource } from './token-source.ts';

export interface GraphClientOptions {
  readonly baseUrl: string;
  readonly tokens: TokenSource;
  readonly send: HttpsTransport;
  readonly timeoutMs: number;
  readonly now: () => number;
  /** Of all who share the allowance of the party; absent: nobody holds the calls back. */
  readonly limit?: { readonly limiter: RequestLimiter; readonly party: RequestParty };
  /** See TargetOptions.mayWrite; absent: always. */
  readonly mayWrite?: () => boolean;
}

export interface GraphCall extends CallKind {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Begins with `/`; what was put into it went through `segment`. */
  readonly path: string;
  /** `v1.0` by default. */
  readonly version?: 'v1.0' | 'beta';
  /** Sent as JSON; a text goes as it is, as text/plain. */
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the answer; 16 MiB by default. */
  readonly maxAnswerBytes?: number;
}

/** A call to the address that an upload session gave. */
export interface SessionCall {
  readonly name: string;
  readonly url: string;
  /** A stretch of the attachment; null asks what is expected next. */
  readonly range: UploadRange | null;
}

export interface UploadRange {
  readonly content: Buffer;
  /** Where it begins in the whole, and how long the whole is. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Microsoft Graph, call by call. Each is made once and tells whether it happened, whatever the answer; nothing is repeated. */
export interface GraphClient {
  readonly base: URL;
  /** @throws LEASE_LOST, CONSENT_REVOKED (a fresh token is refused), what tokens throw, the signal's reason when aborted */
  call(call: GraphCall, signal: AbortSignal): Promise<CallOutcome>;
  /** Never with a token: the address carries its own (exchange.md §1.6). @throws LEASE_LOST, the signal's reason when aborted */
  callSession(call: SessionCall, signal: AbortSignal): Promise<CallOutcome>;
}

/**
 * graph-client with our own middleware: renewal, token, one attempt by our transport. Its RetryHandler repeats a POST after 503 and 504
 * and so doubles what was made (exchange.md §8); repeating is Temporal's.
 */
export function createGraphClient(options: GraphClientOptions): GraphClient {
  const { tokens, send, timeoutMs, now, limit, mayWrite = () => true } = options;
  const base = readBaseUrl(options.baseUrl);
  const client = Client.initWithMiddleware({
    baseUrl: base.href,
    defaultVersion: 'v1.0',
    // Without this AuthenticationHandler takes the token off for every host but Microsoft's own (exchange.md §8).
    customHosts: new Set([base.hostname.toLowerCase()]),
    middleware: [
      new RenewalHandler(tokens),
      new AuthenticationHandler({ getAccessToken: () => tokens.get() }),
      new TransportHandler({ send, timeoutMs, mayWrite }),
    ],
  });

  const limited = async (
    uploadBytes: number,
    signal: AbortSignal,
    run: () => Promise<CallOutcome>,
  ): Promise<CallOutcome> => {
    if (limit === undefined) return await run();
    try {
      return await limit.limiter.run(limit.party, uploadBytes, signal, async () => {
        const outcome = await run();
        if (outcome.did !== 'happen' && isHeldBack(outcome)) throw new HeldBack(outcome);
        return outcome;
      });
    } catch (error) {
      if (error instanceof HeldBack) return error.outcome;
      throw error;
    }
  };

  return {
    base,
    async call(call, signal) {
      signal.throwIfAborted();
      const body = call.body === undefined || typeof call.body === 'string' ? call.body : JSON.stringify(call.body);
      return await limited(body === undefined ? 0 : Buffer.byteLength(body), signal, async () => {
        // Asked for here as well, because a failure inside graph-client would lose its type.
        await tokens.get();
        const shot = new OneShot(call, signal, call.maxAnswerBytes);
        const request = client
          .api(call.path)
          .version(call.version ?? 'v1.0')
          .middlewareOptions([shot])
          .responseType(ResponseType.RAW)
          .headers({ ...contentType(call.body), ...call.headers });
        try {
          await perform(request, call.method, body);
        } catch (error) {
          signal.throwIfAborted();
          if (shot.failure instanceof MigrationError) throw shot.failure;
          return outcomeOfFailure(call, shot.failure ?? error);
        }
        if (shot.answer === null) throw new Error('graph-client answered without a call');
        if (shot.answer.status === 401) throw tokens.refused(call, new Error('HTTP status 401'));
        return outcomeOfAnswer(call, shot.answer, now());
      });
    },
    async callSession({ name, url, range }, signal) {
      signal.throwIfAborted();
      const call = { name, effect: range !== null };
      if (URL.parse(url)?.protocol !== 'https:') throw new MigrationError('PROTOCOL_VIOLATION', `${name}: not https`);
      return await limited(range?.content.length ?? 0, signal, async () => {
        requireLease(call, mayWrite);
        try {
          const answer = await send({
            url,
            method: range === null ? 'GET' : 'PUT',
            headers: range === null ? {} : rangeHeaders(range),
            body: range?.content ?? null,
            signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
          });
          return outcomeOfAnswer(call, answer, now());
        } catch (error) {
          signal.throwIfAborted();
          return outcomeOfFailure(call, error);
        }
      });
    },
  };
}

function rangeHeaders({ content, offset, sizeBytes }: UploadRange): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'content-range': `bytes ${offset}-${offset + content.length - 1}/${sizeBytes}`,
  };
}

/** Tells the limiter of a wait that the server asked for, by a 503 too. */
class HeldBack extends MigrationError {
  readonly outcome: NotDone;

  constructor(outcome: NotDone) {
    const { retryAfterMs, cause } = outcome;
    super('THROTTLED', 'the tenant asks us to slow down', {
      cause,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
    this.outcome = outcome;
  }
}

function isHeldBack({ status, retryAfterMs }: NotDone): boolean {
  return status === 429 || retryAfterMs !== undefined;
}

/** graph-client would serialize a typed array wrongly (exchange.md §8), so it is given text only. */
async function perform(request: GraphRequest, method: GraphCall['method'], body: string | undefined): Promise<unknown> {
  switch (method) {
    case 'GET':
      return await request.get();
    case 'POST':
      return await request.post(body ?? '');
    case 'PATCH':
      return await request.patch(body ?? '');
    case 'DELETE':
      return await request.delete();
  }
}

function contentType(body: object | string | undefined): Record<string, string> {
  if (body === undefined) return {};
  return { 'Content-Type': typeof body === 'string' ? 'text/plain' : 'application/json' };
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

/**
 * What a link to the next page asks for, as a path for {@link GraphClient.call}: graph-client takes the first path segment of a whole URL
 * for the version (exchange.md §8).
 * @throws TARGET_ADMIN_REFUSED for a link to another host: the token would travel with it
 */
export function pathOfLink(link: string, base: URL, version: 'v1.0' | 'beta' = 'v1.0'): string {
  const prefix = `${base.href}${version}/`;
  if (link.startsWith(prefix)) return `/${link.slice(prefix.length)}`;
  throw new MigrationError('TARGET_ADMIN_REFUSED', 'a page of Graph continues at another host', {
    facts: { host: URL.parse(link)?.host ?? null },
  });
}
