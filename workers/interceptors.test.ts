import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import { ERRORS, type ErrorCode, MigrationError, type Reaction } from '../domain/errors.ts';
import { toTemporalFailure } from './interceptors.ts';

function failureOf(code: ErrorCode, details: ConstructorParameters<typeof MigrationError>[2] = {}): ApplicationFailure {
  const failure = toTemporalFailure(new MigrationError(code, 'what happened', details));
  if (!(failure instanceof ApplicationFailure)) throw new Error(`${code} did not become an ApplicationFailure`);
  return failure;
}

const CODES = Object.keys(ERRORS) as ErrorCode[]; // keys of a literal
const RETRIED: Readonly<Record<Reaction, boolean>> = {
  retry: true,
  wait: true,
  skip: false,
  pause: false,
  stop: false,
};

describe('an error of ours', () => {
  test.each(CODES)('%s is tried again exactly when its reaction says so', (code) => {
    const failure = failureOf(code);
    expect(failure.type).toBe(code);
    expect(failure.nonRetryable).toBe(!RETRIED[ERRORS[code].reaction]);
    expect(failure.category === 'BENIGN').toBe(ERRORS[code].reaction === 'wait');
    expect(failure.nextRetryDelay ?? null).toBeNull();
  });

  test('carries when to try again, its facts and its cause', () => {
    const cause = new Error('421 too many connections');
    const failure = failureOf('THROTTLED', { retryAfterMs: 1_500, facts: { folder: 'INBOX' }, cause });
    expect(failure.nextRetryDelay).toBe(1_500);
    expect(failure.details).toEqual([{ folder: 'INBOX' }, { retryAfterMs: 1_500 }]);
    expect(failure.message).toBe('what happened');
    expect(failure.cause).toBe(cause);
  });

  test('drops a cause that is no error', () => {
    expect(failureOf('CONNECTION_LOST', { cause: 'ECONNRESET' }).cause).toBeUndefined();
  });
});

test.each([new CancelledFailure('cancelled'), new TypeError('a bug'), 'a string'])('%s passes untouched', (error) => {
  expect(toTemporalFailure(error)).toBe(error);
});
