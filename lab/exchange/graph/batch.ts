import { type Front, type HttpAnswer, type HttpCall, jsonOf } from '../front.ts';
import { segmentsOf } from '../https-server.ts';
import { graphRefusal } from '../refusal.ts';
import type { Served } from '../switchboard.ts';
import { MAX_REQUEST_BYTES } from './graph-mail.ts';

const MAX_REQUESTS = 20;
/** Outlook runs so many of a batch at once (exchange.md §3). */
const AT_ONCE = 4;

interface BatchRequest {
  readonly id: string;
  readonly call: HttpCall;
  readonly dependsOn: readonly string[];
}

interface BatchResponse {
  readonly id: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object | string | null;
}

/**
 * `POST /$batch` (exchange.md §3): up to 20 calls, each counted, throttled and refused on its own inside an answer of 200. Bodies
 * that are no JSON go in base64url.
 */
export function graphBatch(serve: (call: HttpCall) => Promise<Served>): Front {
  return {
    takes: ({ segments: [version, name, ...rest] }) =>
      (version === 'v1.0' || version === 'beta') && name === '$batch' && rest.length === 0,
    maxBodyBytes: MAX_REQUEST_BYTES,
    nameOf: ({ method, path }) => `${method} ${path}`,
    async answer(call) {
      if (call.method !== 'POST') throw graphRefusal(405, 'BadRequest', 'A batch is sent by POST.');
      return { status: 200, body: { responses: await run(requestsIn(call), serve) } };
    },
  };
}

async function run(
  requests: readonly BatchRequest[],
  serve: (call: HttpCall) => Promise<Served>,
): Promise<BatchResponse[]> {
  const started = new Map<string, Promise<BatchResponse>>();
  const place = places(AT_ONCE);
  for (const { id, call, dependsOn } of requests) {
    const answer = async (): Promise<BatchResponse> => {
      const before = await Promise.all(dependsOn.map((one) => started.get(one)));
      if (before.some((one) => one !== undefined && one.status >= 400)) {
        return responseOf(id, {
          status: 424,
          body: { error: { code: 'FailedDependency', message: 'A request before it failed.' } },
        });
      }
      const leave = await place();
      try {
        const served = await serve(call);
        // Inside a batch there is no connection to cut.
        return responseOf(id, typeof served === 'string' ? { status: 503, body: null } : served);
      } finally {
        leave();
      }
    };
    started.set(id, answer());
  }
  return await Promise.all(started.values());
}

/** Gives out so many places; the next one waits for one to come back. */
function places(count: number): () => Promise<() => void> {
  let free = count;
  const waiting: (() => void)[] = [];
  return async () => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free -= 1;
    return () => {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    };
  };
}

function responseOf(id: string, { status, headers = {}, body }: HttpAnswer): BatchResponse {
  if (body === null || (typeof body === 'object' && !Buffer.isBuffer(body))) {
    return { id, status, headers: { ...(body !== null && { 'content-type': 'application/json' }), ...headers }, body };
  }
  return { id, status, headers, body: Buffer.from(body).toString('base64url') };
}

/** @throws Refusal 400 for a batch that is none, is too long, names itself twice, or depends on what does not stand before it */
function requestsIn(call: HttpCall): BatchRequest[] {
  const list = (jsonOf(call) as { requests?: unknown } | null)?.requests;
  if (!Array.isArray(list)) throw invalid('The batch has no requests.');
  if (list.length > MAX_REQUESTS) throw invalid(`Number of batch request steps exceeds the limit of ${MAX_REQUESTS}.`);
  const seen = new Set<string>();
  return (list as unknown[]).map((entry) => {
    const { id, method, url, headers, body, dependsOn = [] } = (entry ?? {}) as Record<string, unknown>;
    if (typeof id !== 'string' || seen.has(id)) throw invalid('Each request of a batch needs an id of its own.');
    if (typeof method !== 'string' || typeof url !== 'string' || !url.startsWith('/')) {
      throw invalid(`Request ${id} has no method or relative url.`);
    }
    if (!Array.isArray(dependsOn) || !dependsOn.every((one) => typeof one === 'string' && seen.has(one))) {
      throw invalid(`Request ${id} depends on one that does not stand before it.`);
    }
    seen.add(id);
    return { id, call: innerCall(call, method, url, headers, body), dependsOn: dependsOn as string[] };
  });
}

function innerCall(outer: HttpCall, method: string, url: string, headers: unknown, body: unknown): HttpCall {
  const target = new URL(`${outer.origin}/${outer.segments[0] ?? ''}${url}`);
  if (target.pathname.endsWith('/$batch')) throw invalid('A batch cannot hold another.');
  const own = Object.entries((headers ?? {}) as Record<string, unknown>).map(([name, value]) => [
    name.toLowerCase(),
    String(value),
  ]);
  return {
    method: method.toUpperCase(),
    path: target.pathname,
    segments: segmentsOf(target),
    query: target.searchParams,
    headers: { ...Object.fromEntries(own), authorization: outer.headers['authorization'] },
    body: bodyOf(body),
    origin: outer.origin,
  };
}

function bodyOf(body: unknown): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0);
  return typeof body === 'string' ? Buffer.from(body, 'base64url') : Buffer.from(JSON.stringify(body));
}

function invalid(message: string): Error {
  return graphRefusal(400, 'BadRequest', message);
}
