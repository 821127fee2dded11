/** What the shell gets to know; docs/cli.md tells the same. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  auth: 4,
  conflict: 5,
  temporary: 6,
  /** Finished, but something was skipped: the report names it. */
  skipped: 7,
  /** A gate was rejected, or a check found a fault. */
  notPassed: 8,
  interrupted: 130,
} as const;

/** Exit code of a problem by its HTTP status and code. */
export function exitCodeOf(status: number, code: string): number {
  if (code === 'PLAN_INVALID' || code === 'REQUEST_INVALID') return EXIT.usage;
  if (status === 401 || status === 403) return EXIT.auth;
  if (status === 404) return EXIT.notFound;
  if (status === 409 || status === 410 || status === 412 || status === 422 || status === 428) return EXIT.conflict;
  if (status === 429 || (status >= 502 && status <= 504)) return EXIT.temporary;
  return EXIT.failure;
}

/** Ends a command with a code and words for stderr; `hint` is the next command to try. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;
  readonly hint: string | null;
  readonly problem: unknown;

  constructor(exitCode: number, message: string, options: { hint?: string; problem?: unknown; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = exitCode;
    this.hint = options.hint ?? null;
    this.problem = options.problem ?? null;
  }
}
