import { type ErrorCode, MigrationError } from '../../domain/errors.ts';

const TRIES = 4;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const PASSING: ReadonlySet<ErrorCode> = new Set(['THROTTLED', 'SERVER_BUSY', 'CONNECTION_LOST', 'HOST_UNREACHABLE']);
/** Nobody takes these for a message that is not there. */
const CLEAR: ReadonlySet<ErrorCode> = new Set(['LEASE_LOST', 'CONSENT_REVOKED', 'TLS_UNTRUSTED']);

/**
 * Makes a call that belongs to a message which is there already, and which twice is the same as once: a passing fault is sat out, since
 * to give up costs the search for that message. What remains must not be taken for one that says that nothing happened.
 * @param what  for the reader, e.g. `its UID could not be read`
 * @throws CONNECTION_LOST, and what stands in {@link CLEAR}
 */
export async function insist<T>(
  what: string,
  pause: (ms: number) => Promise<void>,
  call: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof MigrationError) || CLEAR.has(error.code)) throw error;
      const waitMs = error.retryAfterMs ?? FIRST_WAIT_MS * 2 ** (attempt - 1);
      if (PASSING.has(error.code) && attempt < TRIES && waitMs <= LONGEST_WAIT_MS) {
        await pause(waitMs);
        continue;
      }
      throw new MigrationError('CONNECTION_LOST', `The message is there, but ${what}: ${error.message}`, {
        facts: error.facts,
        cause: error,
        ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
      });
    }
  }
}
