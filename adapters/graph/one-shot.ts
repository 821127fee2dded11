import type { Context, Middleware, MiddlewareOptions } from '@microsoft/microsoft-graph-client';
import { MigrationError } from '../../domain/errors.ts';
import type { HttpsAnswer, HttpsTransport } from './https-transport.ts';
import type { CallKind } from './outcome.ts';
import type { TokenSource } from './token-source.ts';

/**
 * Travels with one request. graph-client wraps what a middleware throws into a GraphError, loses the original, and reads answers in
 * ways of its own, so both are left here for the caller to pick up.
 */
export class OneShot implements MiddlewareOptions {
  readonly call: CallKind;
  readonly signal: AbortSignal;
  readonly maxAnswerBytes: number | undefined;
  answer: HttpsAnswer | null = null;
  failure: unknown = null;

  constructor(call: CallKind, signal: AbortSignal, maxAnswerBytes?: number) {
    this.call = call;
    this.signal = signal;
    this.maxAnswerBytes = maxAnswerBytes;
  }
}

/**
 * First in the chain, before graph-client puts the token on. A call that was answered 401 certainly did not happen; where the token was
 * not fresh it is made once more with a new one, so that an hour's end in the middle of a mailbox costs nothing (T57).
 */
export class RenewalHandler implements Middleware {
  readonly #tokens: TokenSource;
  #next: Middleware | null = null;

  constructor(tokens: TokenSource) {
    this.#tokens = tokens;
  }

  setNext(next: Middleware): void {
    this.#next = next;
  }

  async execute(context: Context): Promise<void> {
    const headers = new Headers(context.options?.headers);
    const attempt = async () => {
      // A fresh plain object: graph-client appends its Authorization to one that is there.
      context.options = { ...context.options, headers: Object.fromEntries(headers.entries()) };
      await this.#next?.execute(context);
    };
    await attempt();
    if (context.response?.status !== 401) return;
    const token = new Headers(context.options?.headers).get('authorization')?.replace(/^Bearer /, '') ?? '';
    if (this.#tokens.renew(token)) await attempt();
  }
}

export interface TransportOptions {
  readonly send: HttpsTransport;
  readonly timeoutMs: number;
  /** Asked before each request that changes anything; after a no nothing is sent. */
  readonly mayWrite: () => boolean;
}

/**
 * The end of the chain: one attempt with a time limit by our own transport, in place of graph-client's HTTPMessageHandler, which uses the
 * global `fetch`, and of its RetryHandler, which doubles what it makes (exchange.md §8).
 */
export class TransportHandler implements Middleware {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  async execute(context: Context): Promise<void> {
    const shot = context.middlewareControl?.getMiddlewareOptions(OneShot);
    if (!(shot instanceof OneShot)) throw new Error('a Graph request without its OneShot');
    const { request, options } = context;
    if (typeof request !== 'string') throw new Error('graph-client passes URLs as text');
    const body = options?.body ?? null;
    if (body !== null && typeof body !== 'string') throw new Error('only text is sent to Graph here');
    const { send, timeoutMs, mayWrite } = this.#options;
    try {
      requireLease(shot.call, mayWrite);
      shot.answer = await send({
        url: request,
        method: options?.method ?? 'GET',
        headers: Object.fromEntries(new Headers(options?.headers).entries()),
        body,
        signal: AbortSignal.any([shot.signal, AbortSignal.timeout(timeoutMs)]),
        ...(shot.maxAnswerBytes !== undefined && { maxAnswerBytes: shot.maxAnswerBytes }),
      });
    } catch (error) {
      shot.failure = error;
      throw error;
    }
    context.response = shot.answer;
  }
}

/** @throws LEASE_LOST */
export function requireLease({ name, effect }: CallKind, mayWrite: () => boolean): void {
  if (effect && !mayWrite()) throw new MigrationError('LEASE_LOST', `${name}: the lease on the mailbox is lost`);
}
