import { setTimeout as delay } from 'node:timers/promises';
import type { Front, HttpAnswer, HttpCall } from './front.ts';
import { graphRefusal, Refusal } from './refusal.ts';

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

/** An answer, or what is done in its place. */
export type Served = HttpAnswer | 'drop' | 'hang';

/** Brings each call to its front and lets go wrong what a test wants to go wrong. A `$batch` sends its parts through here as well. */
export class Switchboard {
  readonly calls: string[] = [];
  fault: ((call: TenantCall) => Fault | null) | null = null;
  readonly #fronts: Front[] = [];

  /** The first that takes a call answers it. */
  connect(...fronts: readonly Front[]): void {
    this.#fronts.push(...fronts);
  }

  /** Longer bodies are not read. */
  maxBodyBytes(call: HttpCall): number {
    return this.#frontOf(call)?.maxBodyBytes ?? 0;
  }

  /** @param isWhole false: the body was too long and is not there */
  async serve(call: HttpCall, isWhole = true): Promise<Served> {
    const front = this.#frontOf(call);
    const name = front?.nameOf(call) ?? `${call.method} ${call.path}`;
    this.calls.push(name);
    const fault = this.fault?.({ ...call, name }) ?? null;
    let result: HttpAnswer = { status: fault?.status ?? 500, body: fault?.body ?? null };
    if (fault === null || fault.afterEffect || (fault.status === undefined && fault.delayMs !== undefined)) {
      const honest = await attempt(() => {
        if (front === undefined) throw graphRefusal(404, 'NotFound', 'No such address.');
        if (!isWhole && front.tooLarge !== undefined) return front.tooLarge;
        if (!isWhole) throw graphRefusal(413, 'RequestEntityTooLarge', 'The request is too large.');
        return front.answer(call);
      });
      if (!fault?.afterEffect) result = honest;
    }
    if (fault?.delayMs !== undefined) await delay(fault.delayMs);
    if (fault?.hang) return 'hang';
    if (fault?.drop) return 'drop';
    return { ...result, headers: { ...result.headers, ...fault?.headers } };
  }

  #frontOf(call: HttpCall): Front | undefined {
    return this.#fronts.find((front) => front.takes(call));
  }
}

async function attempt(answer: () => HttpAnswer | Promise<HttpAnswer>): Promise<HttpAnswer> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: error.body, headers: error.headers };
    throw error;
  }
}
