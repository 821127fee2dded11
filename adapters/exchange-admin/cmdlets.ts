import { MigrationError } from '../../domain/errors.ts';
import type { HttpsTransport } from '../graph/https-transport.ts';
import { type CallKind, fromStatus, retryAfterMs, withoutAnswer } from '../graph/outcome.ts';
import type { TokenSource } from '../graph/token-source.ts';

/** exchange.md §6.2: the mailbox that calls without a mailbox of their own are routed by. */
const SYSTEM_MAILBOX = 'SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}';

/** Null is PowerShell's `$null`: it clears a property. */
export type Parameter = string | number | boolean | null | readonly string[] | ChangedValues;
export type Parameters = Readonly<Record<string, Parameter>>;
/** An object as a cmdlet gives it back; its fields are read with {@link textOf} and {@link textsOf}. */
export type CmdletRow = Readonly<Record<string, unknown>>;

interface ChangedValues {
  readonly '@odata.type': '#Exchange.GenericHashTable';
  readonly Add?: readonly string[];
  readonly Remove?: readonly string[];
}

/** PowerShell's `@{Add=…}`: a plain list would replace all (exchange.md §6.3). */
export function added(values: readonly string[]): ChangedValues {
  return { '@odata.type': '#Exchange.GenericHashTable', Add: values };
}

/** PowerShell's `@{Remove=…}`. */
export function removed(values: readonly string[]): ChangedValues {
  return { '@odata.type': '#Exchange.GenericHashTable', Remove: values };
}

export interface Cmdlets {
  /** Runs one cmdlet, once. Anything but `Get-…` is an effect: without an answer it is OUTCOME_UNKNOWN. */
  run(cmdlet: string, parameters: Parameters, signal: AbortSignal): Promise<readonly CmdletRow[]>;
  /** The one object of that identity; null where Exchange has none. */
  find(cmdlet: string, identity: string, signal: AbortSignal): Promise<CmdletRow | null>;
}

export interface CmdletOptions {
  /** With a slash at its end. */
  readonly baseUrl: URL;
  readonly tenantId: string;
  readonly tokens: TokenSource;
  readonly send: HttpsTransport;
  readonly timeoutMs: number;
  readonly now: () => number;
}

/**
 * Exchange's cmdlets over HTTPS, by the call that the PowerShell module itself makes (`InvokeCommand`, undocumented; exchange.md §6.2).
 * All calls @throws TARGET_ADMIN_REFUSED, TARGET_ADMIN_UNREACHABLE, OUTCOME_UNKNOWN, THROTTLED, CONSENT_REVOKED, TLS_UNTRUSTED
 */
export function createCmdlets({ baseUrl, tenantId, tokens, send, timeoutMs, now }: CmdletOptions): Cmdlets {
  const invokeUrl = new URL(`adminapi/beta/${encodeURIComponent(tenantId)}/InvokeCommand`, baseUrl).href;

  const post = async (call: CallKind, url: string, body: string, signal: AbortSignal): Promise<unknown> => {
    signal.throwIfAborted();
    const token = await tokens.get();
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'x-anchormailbox': `APP:${SYSTEM_MAILBOX}@${tenantId}`,
      prefer: 'odata.maxpagesize=1000',
    };
    let response: Response;
    let answer: unknown;
    try {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      response = await send({ url, method: 'POST', headers, body, signal: limited });
    } catch (error) {
      signal.throwIfAborted();
      throw withoutAnswer(call, error);
    }
    try {
      answer = await response.json();
    } catch (error) {
      if (response.ok) throw withoutAnswer(call, error);
      answer = null;
    }
    if (response.ok) return answer;
    const { code, text } = readCmdletError(answer);
    const cause = new Error(text ?? `HTTP status ${response.status}`);
    if (response.status === 401) {
      // It certainly did not happen, and a token that was good until now may be over (T57). A new one is fresh, so once at most.
      if (tokens.renew(token)) return await post(call, url, body, signal);
      throw tokens.refused(call, cause);
    }
    const wait = retryAfterMs(response.headers.get('retry-after'), now());
    throw fromStatus(call, response.status, code, wait, cause);
  };

  const run = async (cmdlet: string, parameters: Parameters, signal: AbortSignal): Promise<CmdletRow[]> => {
    const call: CallKind = { name: cmdlet, effect: !cmdlet.startsWith('Get-') };
    const body = JSON.stringify({ CmdletInput: { CmdletName: cmdlet, Parameters: parameters } });
    const rows: CmdletRow[] = [];
    let url: string | null = invokeUrl;
    while (url !== null) {
      const page = (await post(call, url, body, signal)) as { value?: unknown; '@odata.nextLink'?: unknown } | null;
      if (Array.isArray(page?.value)) rows.push(...(page.value as CmdletRow[]));
      // The next page is the same body sent to the link (exchange.md §6.2); a token goes to no other host.
      const link: unknown = page?.['@odata.nextLink'];
      url = typeof link === 'string' && link.startsWith(baseUrl.href) ? link : null;
    }
    return rows;
  };

  return {
    run,
    async find(cmdlet, identity, signal) {
      try {
        return (await run(cmdlet, { Identity: identity }, signal))[0] ?? null;
      } catch (error) {
        if (isRefusedAs(error, 'ManagementObjectNotFoundException') || isStatus(error, 404)) return null;
        throw error;
      }
    },
  };
}

export function isStatus(error: unknown, status: number): boolean {
  return error instanceof MigrationError && error.facts['status'] === status;
}

export function isRefusedAs(error: unknown, exception: string): boolean {
  return error instanceof MigrationError && error.facts['errorCode'] === exception;
}

/** The role of the application does not hold the cmdlet: Exchange answers as if there were none of that name (recalled). */
export function isNotAllowed(error: unknown): boolean {
  return isRefusedAs(error, 'CommandNotFoundException');
}

export function textOf(row: CmdletRow, field: string): string {
  const value = row[field];
  return typeof value === 'string' ? value : '';
}

export function textsOf(row: CmdletRow, field: string): string[] {
  const value = row[field];
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/**
 * The exception's short name and the text for people. Exchange puts them into a detail of the form
 * `Ex1A2B3C|Microsoft.Exchange.….ManagementObjectNotFoundException|The operation couldn't be performed because …`; elsewhere the
 * OData code has to do.
 */
export function readCmdletError(answer: unknown): { code: string | null; text: string | null } {
  const { error } = (answer ?? {}) as { error?: { code?: unknown; message?: unknown; details?: unknown } };
  const details: unknown[] = Array.isArray(error?.details) ? error.details : [];
  for (const detail of details) {
    const message: unknown = (detail as { message?: unknown } | null)?.message;
    if (typeof message !== 'string') continue;
    const [, exception, ...text] = message.split('|');
    if (exception !== undefined && /^(Microsoft\.Exchange|System\.Management\.Automation)\./.test(exception)) {
      return { code: exception.split('.').at(-1) ?? null, text: text.join('|') };
    }
  }
  return {
    code: typeof error?.code === 'string' ? error.code : null,
    text: typeof error?.message === 'string' ? error.message : null,
  };
}
