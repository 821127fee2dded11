import { setTimeout as sleep } from 'node:timers/promises';
import { ERRORS, MigrationError } from '../domain/errors.ts';

const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 50;
/** Longer ones are Temporal's: the worker's place is given to others meanwhile. */
const LONGEST_PAUSE_MS = 10_000;

/**
 * Repeats one object's share of a long activity after a passing fault. With one call in a hundred going wrong an activity of a thousand
 * calls would never end if each fault began it anew; whoever still fails after five attempts lets Temporal begin it anew.
 * @param work  idempotent
 */
export async function patiently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const pauseMs = pauseAfter(error, attempt);
      if (pauseMs === null || attempt === ATTEMPTS) throw error;
      await sleep(pauseMs, undefined, { signal });
    }
  }
}

function pauseAfter(error: unknown, attempt: number): number | null {
  if (!(error instanceof MigrationError) || error.code === 'MAILBOX_NOT_READY') return null;
  const { reaction } = ERRORS[error.code];
  if (reaction !== 'retry' && reaction !== 'wait') return null;
  const pauseMs = error.retryAfterMs ?? FIRST_PAUSE_MS * 2 ** (attempt - 1);
  return pauseMs > LONGEST_PAUSE_MS ? null : pauseMs;
}
