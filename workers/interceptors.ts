import type { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInterceptors } from '@temporalio/worker';
import { MigrationError } from '../domain/errors.ts';

/** A fifth of the heartbeat time-out: two lost beats and a slow one do not make a live worker look dead. */
const HEARTBEAT_EVERY_MS = 2_000;

/** What every activity gets: a heartbeat while it lives, and our errors as Temporal's. The only place where that happens. */
export function activityInterceptors(context: Context): ActivityInterceptors {
  return {
    inbound: {
      async execute(input, next) {
        const beat = setInterval(() => context.heartbeat(), HEARTBEAT_EVERY_MS);
        try {
          return await next(input);
        } catch (error) {
          throw toTemporalFailure(error);
        } finally {
          clearInterval(beat);
        }
      },
    },
  };
}

/** Cancellation and bugs pass through untouched; the others carry code, facts, and whether and when to try again. */
export function toTemporalFailure(error: unknown): unknown {
  if (!(error instanceof MigrationError)) return error;
  const { reaction } = error.kind;
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    // The delay once more: `nextRetryDelay` is for the server, and a workflow does not see it.
    details: [error.facts, ...(error.retryAfterMs === undefined ? [] : [{ retryAfterMs: error.retryAfterMs }])],
    nonRetryable: reaction !== 'retry' && reaction !== 'wait',
    ...(error.cause instanceof Error && { cause: error.cause }),
    // Being told to wait is no fault: it is neither logged as a warning nor counted as a failure.
    ...(reaction === 'wait' && { category: 'BENIGN' as const }),
    ...(error.retryAfterMs !== undefined && { nextRetryDelay: error.retryAfterMs }),
  });
}
