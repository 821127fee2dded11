import type { Context, Middleware, MiddlewareOptions } from '@microsoft/microsoft-graph-client';
import type { MigrationError } from '../../domain/errors.ts';
import type { HttpsTransport } from './https-transport.ts';
import { type CallKind, withoutAnswer } from './outcome.ts';

/**
 * Travels with one request. graph-client wraps what a middleware throws into a GraphError and loses the original, so a failure
 * is left here for the caller to pick up.
 */
export class OneShot implements MiddlewareOptions {
  readonly call: CallKind;
  readonly signal: AbortSignal;
  failure: MigrationError | null = null;

  constructor(call: CallKind, signal: AbortSignal) {
    this.call = call;
    this.signal = signal;
  }
}

/** One attempt with a time limit, and an outcome that says whether it can have happened. Stands where RetryHandler would. */
export class OneShotHandler implements Middleware {
  readonly #timeoutMs: number;
  #next: Middleware | null = null;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  setNext(next: Middleware): void {
    this.#next = next;
  }

  async execute(context: Context): Promise<void> {
    const shot = context.middlewareControl?.getMiddlewareOptions(OneShot);
    if (!(shot instanceof OneShot)) throw new Error('a Graph request without its OneShot');
    try {
      const signal = AbortSignal.any([shot.signal, AbortSignal.timeout(this.#timeoutMs)]);
      context.options = { ...context.options, signal };
      await this.#next?.execute(context);
    } catch (error) {
      shot.failure = withoutAnswer(shot.call, error);
      throw error;
    }
  }
}

/** The end of the chain: our transport in place of graph-client's HTTPMessageHandler, which uses the global `fetch`. */
export class TransportHandler implements Middleware {
  readonly #send: HttpsTransport;

  constructor(send: HttpsTransport) {
    this.#send = send;
  }

  async execute(context: Context): Promise<void> {
    const { request, options } = context;
    if (typeof request !== 'string') throw new Error('graph-client passes URLs as text');
    const body = options?.body ?? null;
    if (body !== null && typeof body !== 'string') throw new Error('only JSON text is sent to Graph here');
    context.response = await this.#send({
      url: request,
      method: options?.method ?? 'GET',
      headers: Object.fromEntries(new Headers(options?.headers).entries()),
      body,
      signal: options?.signal ?? AbortSignal.timeout(60_000),
    });
  }
}
