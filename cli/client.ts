import { API_URL_FILE, findHomeFile, homeFolder, OPERATOR_TOKEN_FILE } from '../home.ts';
import { CliError, EXIT, exitCodeOf } from './exit-codes.ts';

export interface ApiClient {
  readonly baseUrl: string;
  /** @throws CliError with the exit code that the problem calls for. */
  call<T>(method: 'GET' | 'POST' | 'PUT', path: string, options?: CallOptions): Promise<T>;
  /** As {@link call}, for bodies that are not JSON. */
  text(path: string): Promise<string>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly idempotencyKey?: string;
}

const TIMEOUT_MS = 30_000;

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly remedy: string;
  readonly requestId: string;
  readonly errors?: readonly { detail: string; file?: string; line?: number; column?: number; pointer?: string }[];
}

/** For operators: the environment wins over what `mailferry up` left in the home folder. */
export function operatorClient(env: Readonly<Record<string, string | undefined>>): ApiClient {
  const home = homeFolder(env);
  const baseUrl = env['MAILFERRY_API_URL'] || findHomeFile(home, API_URL_FILE);
  const token = env['MAILFERRY_TOKEN'] || findHomeFile(home, OPERATOR_TOKEN_FILE);
  if (baseUrl === null) {
    throw new CliError(EXIT.usage, 'No service is known here.', {
      hint: 'Start one with `mailferry up`, or set MAILFERRY_API_URL and MAILFERRY_TOKEN.',
    });
  }
  if (token === null) {
    throw new CliError(EXIT.auth, 'No operator token is known here.', { hint: 'Set MAILFERRY_TOKEN.' });
  }
  return createClient(baseUrl, `Bearer ${token}`);
}

/** For contacts: the link from the mail holds the address of the service and, in its fragment, the key. */
export function linkClient(link: string): ApiClient {
  const url = URL.canParse(link) ? new URL(link) : null;
  const token = url === null ? '' : decodeURIComponent(url.hash.slice(1));
  if (url === null || token === '') {
    throw new CliError(EXIT.usage, 'This is not a whole link: it has to hold "#" and the key behind it.', {
      hint: 'Put the link into quotes, so that the shell leaves "#" alone.',
    });
  }
  const base = url.pathname.replace(/\/portal\/?$/, '');
  return createClient(`${url.origin}${base}`, `Link ${token}`);
}

function createClient(base: string, authorization: string): ApiClient {
  const baseUrl = base.replace(/\/+$/, '');
  const send = async (method: string, path: string, { body, idempotencyKey }: CallOptions = {}): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(`${baseUrl}${path}`, {
        method,
        headers: {
          authorization,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (cause) {
      throw new CliError(EXIT.temporary, `The service at ${baseUrl} does not answer.`, {
        hint: 'Is it running? `mailferry up` starts it here.',
        cause,
      });
    }
    if (response.ok) return response;
    throw errorOf(response.status, await response.text());
  };
  return {
    baseUrl,
    async call<T>(method: 'GET' | 'POST' | 'PUT', path: string, options?: CallOptions): Promise<T> {
      const response = await send(method, path, options);
      return (await response.json()) as T; // the API's schema vouches for the shape
    },
    async text(path) {
      // `text()` would take the byte order mark away, without which a spreadsheet misreads a CSV.
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(await (await send('GET', path)).arrayBuffer());
    },
  };
}

function errorOf(status: number, body: string): CliError {
  const problem = parseProblem(body);
  if (problem === null) return new CliError(exitCodeOf(status, ''), `The service answered with status ${status}.`);
  const lines = (problem.errors ?? []).map(({ file, line, column, pointer, detail }) =>
    file === undefined ? `  ${pointer ?? ''} ${detail}` : `  ${file}:${line}:${column} ${detail}`,
  );
  const message = [`${problem.detail} (${problem.code}, ${problem.requestId})`, ...lines].join('\n');
  return new CliError(exitCodeOf(status, problem.code), message, { hint: problem.remedy, problem });
}

function parseProblem(body: string): Problem | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && 'code' in value ? (value as Problem) : null;
  } catch {
    return null;
  }
}
