import { type ErrorFacts, MigrationError } from '../../domain/errors.ts';
import { type HttpsAnswer, NoAnswerError } from './https-transport.ts';

/** What a call is, as far as its failure is concerned. */
export interface CallKind {
  /** Stands in messages and facts: `create user`, `New-DistributionGroup`. No addresses. */
  readonly name: string;
  /** Whether it changes anything: then no answer means that it may have happened (exchange.md §9.4, 3). */
  readonly effect: boolean;
}

/** What is known of a call once it is over (exchange.md §9.4, 3). */
export type CallOutcome = Happened | NotDone;

export interface Happened {
  readonly did: 'happen';
  readonly status: number;
  readonly headers: Headers;
  readonly content: Buffer;
}

/** `not happen`: it may be made again without a look. `unknown`: of an effect only; whoever wants it again looks first. */
export interface NotDone {
  readonly did: 'not happen' | 'unknown';
  /** Null where no answer came. */
  readonly status: number | null;
  /** The server's own word, e.g. `ErrorItemNotFound`. */
  readonly code: string | null;
  readonly retryAfterMs: number | undefined;
  readonly cause: unknown;
}

/** The outcome of a call that was answered, in one way or another. */
export function outcomeOfAnswer(call: CallKind, { status, headers, content }: HttpsAnswer, nowMs: number): CallOutcome {
  if (status >= 200 && status < 300) return { did: 'happen', status, headers, content };
  const { code, message } = readGraphError(content);
  return {
    // 503 and 504 of a create are unknown, whatever an SDK thinks (exchange.md §8, §9.4); so is what is no answer at all.
    did: call.effect && (status >= 500 || status < 400) ? 'unknown' : 'not happen',
    status,
    code,
    retryAfterMs: retryAfterMs(headers.get('retry-after'), nowMs),
    cause: new Error(message ?? `HTTP status ${status}`),
  };
}

/** The outcome of a call without an answer. */
export function outcomeOfFailure(call: CallKind, error: unknown): NotDone {
  const mayHaveArrived = !(error instanceof NoAnswerError) || error.sent;
  const did = call.effect && mayHaveArrived ? 'unknown' : 'not happen';
  return { did, status: null, code: null, retryAfterMs: undefined, cause: error };
}

/** Graph's error body; a refusal by something in between (a proxy, a gateway) has none. */
function readGraphError(content: Buffer): { readonly code: string | null; readonly message: string | null } {
  let answer: unknown = null;
  try {
    answer = JSON.parse(content.toString());
  } catch {
    // No JSON, so nobody's word.
  }
  const { error } = (answer ?? {}) as { error?: unknown };
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return { code: typeof code === 'string' ? code : null, message: typeof message === 'string' ? message : null };
}

/** What administration makes of a call that was not done. */
export function fromOutcome(call: CallKind, { status, code, retryAfterMs, cause }: NotDone): MigrationError {
  return status === null ? withoutAnswer(call, cause) : fromStatus(call, status, code, retryAfterMs, cause);
}

/** OpenSSL's and Node's words for a certificate that does not hold. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ERR_TLS_/;

export function isUntrusted(error: unknown): boolean {
  return error instanceof NoAnswerError && !error.sent && UNTRUSTED.test(error.code);
}

/** The failure of a call that got no answer. */
export function withoutAnswer(call: CallKind, error: unknown): MigrationError {
  if (!(error instanceof NoAnswerError)) return unknownOrUnreachable(call, 'failed', {}, error);
  const facts = { call: call.name, reason: error.code };
  if (isUntrusted(error)) {
    return new MigrationError('TLS_UNTRUSTED', `${call.name}: the certificate of the server is not trusted`, {
      facts,
      cause: error,
    });
  }
  if (!error.sent) {
    return new MigrationError('TARGET_ADMIN_UNREACHABLE', `${call.name}: the server cannot be reached`, {
      facts,
      cause: error,
    });
  }
  return unknownOrUnreachable(call, 'got no answer', facts, error);
}

/** The failure of a call that was answered with something else than 2xx. `code` is the server's own word. */
export function fromStatus(
  call: CallKind,
  status: number,
  code: string | null,
  retryAfterMs: number | undefined,
  cause: unknown,
): MigrationError {
  const facts = { call: call.name, status, errorCode: code };
  const options = { facts, cause, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  if (status === 429) return new MigrationError('THROTTLED', `${call.name}: the tenant asks us to slow down`, options);
  // 503 and 504 of a create are unknown, whatever an SDK thinks (exchange.md §8, §9.4).
  if (status >= 500) return unknownOrUnreachable(call, `was answered ${status}`, facts, cause, retryAfterMs);
  if (status === 403) return new MigrationError('CONSENT_REVOKED', `${call.name}: the access lacks a right`, options);
  if (status >= 400) {
    return new MigrationError('TARGET_ADMIN_REFUSED', `${call.name} was refused with ${status} ${code ?? ''}`, options);
  }
  return unknownOrUnreachable(call, `was answered ${status}, which is no answer to it`, facts, cause);
}

function unknownOrUnreachable(
  call: CallKind,
  what: string,
  facts: ErrorFacts,
  cause: unknown,
  retryAfterMs?: number,
): MigrationError {
  return new MigrationError(
    call.effect ? 'OUTCOME_UNKNOWN' : 'TARGET_ADMIN_UNREACHABLE',
    `${call.name} ${what}${call.effect ? '; it may have worked' : ''}`,
    { facts: { call: call.name, ...facts }, cause, ...(retryAfterMs !== undefined && { retryAfterMs }) },
  );
}

/** Seconds, fractional ones too ("2.128", exchange.md §3), or an HTTP date (RFC 9110 §10.2.3). */
export function retryAfterMs(header: string | null | undefined, nowMs: number): number | undefined {
  if (header === null || header === undefined || header.trim() === '') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, Math.ceil(seconds * 1_000));
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

/**
 * Runs an effect. When it may have happened it looks before anybody repeats it: after an unknown outcome, and after a refusal of
 * the kind "exists already", which is how an earlier attempt that was not seen yet shows itself.
 * @param happened reads the server back; false lets the error pass, so that a later attempt begins with its own look
 */
export async function effectOrLook(effect: () => Promise<unknown>, happened: () => Promise<boolean>): Promise<void> {
  try {
    await effect();
  } catch (error) {
    if (!mayHaveHappened(error) || !(await happened())) throw error;
  }
}

/** Whether a failed effect is worth a look: it got no answer, or was refused as if it were there already. */
export function mayHaveHappened(error: unknown): boolean {
  if (!(error instanceof MigrationError)) return false;
  if (error.code === 'OUTCOME_UNKNOWN') return true;
  const { status } = error.facts;
  return error.code === 'TARGET_ADMIN_REFUSED' && (status === 400 || status === 409);
}
