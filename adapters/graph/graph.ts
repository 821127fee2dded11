import { MigrationError } from '../../domain/errors.ts';
import { createGraphClient, type GraphCall, type GraphClientOptions, pathOfLink } from './graph-client.ts';
import { type CallOutcome, fromOutcome, withoutAnswer } from './outcome.ts';

/** Microsoft Graph v1.0 as administration uses it. Paths begin with `/`; what is put into them goes through {@link segment} first. */
export interface Graph {
  /** @returns null where Graph answers 404. */
  find(name: string, path: string, signal: AbortSignal): Promise<unknown>;
  /** An effect: without an answer it is OUTCOME_UNKNOWN. */
  post(name: string, path: string, body: object, signal: AbortSignal): Promise<unknown>;
  /** An effect like {@link post}, though twice is the same as once. */
  patch(name: string, path: string, body: object, signal: AbortSignal): Promise<unknown>;
  /** An effect; what is not there is refused with 404. */
  remove(name: string, path: string, signal: AbortSignal): Promise<void>;
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

/** All calls @throws TARGET_ADMIN_REFUSED, TARGET_ADMIN_UNREACHABLE, OUTCOME_UNKNOWN, THROTTLED, CONSENT_REVOKED, TLS_UNTRUSTED */
export function createGraph(options: GraphClientOptions): Graph {
  const client = createGraphClient(options);

  const run = async (call: GraphCall, signal: AbortSignal): Promise<unknown> =>
    bodyOf(call, await client.call(call, signal));
  const get = (name: string, path: string, signal: AbortSignal) =>
    run({ name, effect: false, method: 'GET', path }, signal);

  return {
    async find(name, path, signal) {
      try {
        return await get(name, path, signal);
      } catch (error) {
        if (error instanceof MigrationError && error.facts['status'] === 404) return null;
        throw error;
      }
    },
    post: (name, path, body, signal) => run({ name, effect: true, method: 'POST', path, body }, signal),
    patch: (name, path, body, signal) => run({ name, effect: true, method: 'PATCH', path, body }, signal),
    async remove(name, path, signal) {
      await run({ name, effect: true, method: 'DELETE', path }, signal);
    },
    async *list(name, path, signal) {
      let next: string | null = path;
      while (next !== null) {
        const page: unknown = await get(name, next, signal);
        const { value, '@odata.nextLink': link } = (page ?? {}) as { value?: unknown; '@odata.nextLink'?: unknown };
        if (Array.isArray(value)) yield* value as unknown[];
        next = typeof link === 'string' ? pathOfLink(link, client.base) : null;
      }
    },
  };
}

function bodyOf(call: GraphCall, outcome: CallOutcome): unknown {
  if (outcome.did !== 'happen') throw fromOutcome(call, outcome);
  const text = outcome.content.toString();
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    // An answer that is 2xx and no JSON is as good as none.
    throw withoutAnswer(call, error);
  }
}
