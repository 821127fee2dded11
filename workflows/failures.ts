import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure } from '@temporalio/workflow';
import { ERRORS, type ErrorCode, isErrorCode } from '../domain/errors.ts';

/** Our code out of a failure as it arrives in a workflow, wrapped by Temporal; null when none of ours is in it. */
export function errorCodeOf(error: unknown): ErrorCode | null {
  return ourFailure(error)?.code ?? null;
}

/** One sentence for people: what happened and what to do. Empty when the failure is not ours. */
export function explain(error: unknown): string {
  const found = ourFailure(error);
  return found ? `${found.message} ${ERRORS[found.code].remedy}` : '';
}

export function messageOf(error: unknown): string {
  return ourFailure(error)?.message ?? '';
}

/** Milliseconds after which the same may be tried again, where somebody told us; else null. */
export function retryAfterMsOf(error: unknown): number | null {
  for (const detail of ourFailure(error)?.details ?? []) {
    if (typeof detail !== 'object' || detail === null || !('retryAfterMs' in detail)) continue;
    if (typeof detail.retryAfterMs === 'number') return detail.retryAfterMs;
  }
  return null;
}

function ourFailure(error: unknown): { code: ErrorCode; message: string; details: readonly unknown[] } | null {
  let current = error;
  while (current instanceof Error) {
    if (current instanceof ApplicationFailure && isErrorCode(current.type))
      return { code: current.type, message: current.message, details: current.details ?? [] };
    if (
      !(
        current instanceof ActivityFailure ||
        current instanceof ChildWorkflowFailure ||
        current instanceof ApplicationFailure
      )
    )
      return null;
    current = current.cause;
  }
  return null;
}
