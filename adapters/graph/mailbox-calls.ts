import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorFacts, MigrationError } from '../../domain/errors.ts';
import { segment } from './graph.ts';
import { type GraphCall, type GraphClient, pathOfLink, type SessionCall } from './graph-client.ts';
import { type Blame, mailError } from './mail-errors.ts';
import type { CallOutcome, Happened, NotDone } from './outcome.ts';

/** An object of an answer; its fields are looked at before they are used. */
export type Json = Readonly<Record<string, unknown>>;

/** exchange.md §3: on every request, or ids change when a message is moved. */
const IMMUTABLE_ID = { Prefer: 'IdType="ImmutableId"' };
/** exchange.md §3. */
const MAX_BATCH = 20;
/** Outlook works at four of a batch at once and refuses the others with 429, so some rounds are usual. */
const MAX_ROUNDS = 6;
const LONGEST_WAIT_MS = 30_000;

export interface MailboxOptions {
  readonly client: GraphClient;
  /** Address of the mailbox. */
  readonly address: string;
  /** Ends the session's calls. */
  readonly signal: AbortSignal;
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly now?: () => number;
}

export interface MailboxCall extends Pick<GraphCall, 'name' | 'version' | 'body' | 'headers' | 'maxAnswerBytes'> {
  /** Below the user, beginning with `/`. */
  readonly path: string;
  readonly blame?: Blame;
  readonly facts?: ErrorFacts;
}

/** One mailbox over Graph. What was not done is thrown as an error of the catalogue, but by {@link attempt}. */
export class MailboxCalls {
  readonly #options: MailboxOptions;
  readonly #closed = new AbortController();
  readonly #signal: AbortSignal;

  constructor(options: MailboxOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#closed.signal]);
  }

  /** Every call after it, and those under way, are CONNECTION_LOST. Twice is safe. */
  close(): void {
    this.#closed.abort(new MigrationError('CONNECTION_LOST', 'The session is closed.'));
  }

  async get(call: MailboxCall): Promise<Json> {
    return jsonOf(call, await this.#must('GET', call, false));
  }

  /** @returns null where there is no such message (any more) */
  async findBytes(call: MailboxCall): Promise<Buffer | null> {
    const outcome = await this.#call('GET', call, false);
    if (outcome.did === 'happen') return outcome.content;
    if (isGone(outcome)) return null;
    throw mailError({ name: call.name, effect: false }, outcome, call.blame ?? 'folder', call.facts);
  }

  /** All pages of a collection; each is asked for when the one before it is used up. */
  async *list(call: MailboxCall): AsyncGenerator<Json, void, undefined> {
    let path: string | null = null;
    do {
      const outcome = await this.#must('GET', call, false, path);
      const { value, '@odata.nextLink': link } = jsonOf(call, outcome);
      for (const each of Array.isArray(value) ? (value as unknown[]) : []) yield objectOf(each);
      path = typeof link === 'string' ? pathOfLink(link, this.#options.client.base) : null;
    } while (path !== null);
  }

  /** An effect that twice is the same as once. */
  async patch(call: MailboxCall): Promise<Json> {
    return jsonOf(call, await this.#must('PATCH', call, true));
  }

  /** An effect. Whoever calls it deals with all three outcomes. */
  async attempt(method: 'POST' | 'PATCH', call: MailboxCall): Promise<CallOutcome> {
    return await this.#call(method, call, true);
  }

  /** @see GraphClient.callSession */
  async callSession(call: SessionCall): Promise<CallOutcome> {
    return await this.#options.client.callSession(call, this.#signal);
  }

  /**
   * Several reads in as few requests as may be. Those that are refused for their number (429, 503) are asked again by themselves after the
   * time that they name; never an effect, since a batch hides which of its calls happened (exchange.md §9.5).
   * @returns in the order of `paths`; null where there is no such thing
   */
  async getMany(name: string, paths: readonly string[]): Promise<readonly (Json | null)[]> {
    const answers = new Map<number, Json | null>();
    let open = paths.map((_path, at) => at);
    for (let round = 1; open.length > 0; round += 1) {
      const refused: NotDone[] = [];
      const again: number[] = [];
      for (let from = 0; from < open.length; from += MAX_BATCH) {
        const chunk = open.slice(from, from + MAX_BATCH);
        for (const [at, answer] of await this.#batch(name, paths, chunk)) {
          if (answer.did === 'happen') answers.set(at, answer.body);
          else if (answer.status === 404) answers.set(at, null);
          else if (answer.status !== 429 && answer.status !== 503) throw mailError(read(name), answer, 'folder');
          else {
            refused.push(answer);
            again.push(at);
          }
        }
      }
      const waitMs = Math.max(0, ...refused.map(({ retryAfterMs }) => retryAfterMs ?? 1_000));
      const [first] = refused;
      if (first !== undefined && (round === MAX_ROUNDS || waitMs > LONGEST_WAIT_MS)) {
        throw mailError(read(name), { ...first, retryAfterMs: waitMs }, 'folder');
      }
      if (first !== undefined) await this.pause(waitMs);
      open = again;
    }
    return paths.map((_path, at) => answers.get(at) ?? null);
  }

  now(): number {
    return (this.#options.now ?? Date.now)();
  }

  async pause(ms: number): Promise<void> {
    const { pause = (wait, signal) => delay(wait, undefined, { signal }) } = this.#options;
    try {
      await pause(ms, this.#signal);
    } finally {
      this.#signal.throwIfAborted();
    }
  }

  /** @yields the answers of one request; one that the server left out was refused with 503 */
  async #batch(
    name: string,
    paths: readonly string[],
    chunk: readonly number[],
  ): Promise<readonly (readonly [number, InnerAnswer])[]> {
    const requests = chunk.map((at) => ({
      id: String(at),
      method: 'GET',
      url: `${this.#path()}${paths[at] ?? ''}`,
      headers: IMMUTABLE_ID,
    }));
    // A read, though it is a POST.
    const call: GraphCall = { name, effect: false, method: 'POST', path: '/$batch', body: { requests } };
    const outcome = await this.#options.client.call(call, this.#signal);
    if (outcome.did !== 'happen') throw mailError(call, outcome, 'folder');
    const { responses } = jsonOf({ name, path: '' }, outcome);
    const byId = new Map<string, Json>();
    for (const each of Array.isArray(responses) ? (responses as unknown[]) : []) {
      const response = objectOf(each);
      byId.set(String(response['id']), response);
    }
    return chunk.map((at) => [at, innerAnswer(byId.get(String(at)))] as const);
  }

  async #must(
    method: GraphCall['method'],
    call: MailboxCall,
    effect: boolean,
    path?: string | null,
  ): Promise<Happened> {
    const outcome = await this.#call(method, call, effect, path);
    if (outcome.did === 'happen') return outcome;
    throw mailError({ name: call.name, effect }, outcome, call.blame ?? 'folder', call.facts);
  }

  /** @param path  in place of the call's own: of a further page */
  async #call(
    method: GraphCall['method'],
    { name, path: own, version, body, headers, maxAnswerBytes }: MailboxCall,
    effect: boolean,
    path?: string | null,
  ): Promise<CallOutcome> {
    const call: GraphCall = {
      name,
      effect,
      method,
      path: path ?? `${this.#path()}${own}`,
      headers: { ...IMMUTABLE_ID, ...headers },
      ...(version !== undefined && { version }),
      ...(body !== undefined && { body }),
      ...(maxAnswerBytes !== undefined && { maxAnswerBytes }),
    };
    return await this.#options.client.call(call, this.#signal);
  }

  #path(): string {
    return `/users/${segment(this.#options.address)}`;
  }
}

export function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

/** There is no such item: not that there is no such mailbox. */
export function isGone({ status, code }: NotDone): boolean {
  return (status === 404 && (code === null || code === 'ErrorItemNotFound')) || code === 'ErrorInvalidIdMalformed';
}

export function jsonOf({ name, facts }: MailboxCall, { content, status }: Happened): Json {
  if (content.length === 0) return {};
  try {
    return objectOf(JSON.parse(content.toString()));
  } catch (cause) {
    throw new MigrationError('CONNECTION_LOST', `${name} was answered ${status} with no JSON`, {
      facts: { ...facts, call: name },
      cause,
    });
  }
}

type InnerAnswer = { readonly did: 'happen'; readonly status: number; readonly body: Json } | NotDone;

function innerAnswer(response: Json | undefined): InnerAnswer {
  const status = typeof response?.['status'] === 'number' ? response['status'] : 503;
  if (status >= 200 && status < 300) return { did: 'happen', status, body: objectOf(response?.['body']) };
  const { code, message } = objectOf(objectOf(response?.['body'])['error']);
  const seconds = Number(headerOf(response, 'retry-after') ?? Number.NaN);
  return {
    did: 'not happen',
    status,
    code: typeof code === 'string' ? code : null,
    retryAfterMs: Number.isFinite(seconds) ? Math.ceil(seconds * 1_000) : undefined,
    cause: new Error(typeof message === 'string' ? message : `HTTP status ${status}`),
  };
}

function headerOf(response: Json | undefined, name: string): string | null {
  for (const [key, value] of Object.entries(objectOf(response?.['headers']))) {
    if (key.toLowerCase() === name) return String(value);
  }
  return null;
}

function read(name: string) {
  return { name, effect: false };
}
