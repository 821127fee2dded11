import { describe, expect, test } from 'vitest';
import { MigrationError } from '../../domain/errors.ts';
import { NoAnswerError } from './https-transport.ts';
import { effectOrLook, fromStatus, retryAfterMs, withoutAnswer } from './outcome.ts';

const create = { name: 'create user', effect: true };
const look = { name: 'get user', effect: false };

describe('a call without an answer', () => {
  test.each([
    ['a create that was sent', create, true, 'ECONNRESET', 'OUTCOME_UNKNOWN'],
    ['a create that never left', create, false, 'ECONNREFUSED', 'TARGET_ADMIN_UNREACHABLE'],
    ['a look that was sent', look, true, 'ETIMEDOUT', 'TARGET_ADMIN_UNREACHABLE'],
    ['an untrusted certificate', look, false, 'SELF_SIGNED_CERT_IN_CHAIN', 'TLS_UNTRUSTED'],
  ] as const)('%s', (_case, call, sent, code, expected) => {
    expect(withoutAnswer(call, new NoAnswerError(sent, code, new Error('x'))).code).toBe(expected);
  });
});

describe('a status', () => {
  test.each([
    [create, 504, 'OUTCOME_UNKNOWN'],
    [create, 503, 'OUTCOME_UNKNOWN'],
    [look, 503, 'TARGET_ADMIN_UNREACHABLE'],
    [create, 429, 'THROTTLED'],
    [create, 400, 'TARGET_ADMIN_REFUSED'],
    [create, 403, 'CONSENT_REVOKED'],
    [create, 302, 'OUTCOME_UNKNOWN'],
  ])('of %o: %i becomes %s', (call, status, expected) => {
    expect(fromStatus(call, status, null, undefined, null).code).toBe(expected);
  });

  test('a wait is kept, fractions and dates too', () => {
    expect(retryAfterMs('2.128', 0)).toBe(2_128);
    expect(retryAfterMs('Thu, 01 Jan 1970 00:00:09 GMT', 4_000)).toBe(5_000);
    expect(retryAfterMs('Thu, 01 Jan 1970 00:00:09 GMT', 40_000)).toBe(0);
    expect(retryAfterMs(null, 0)).toBeUndefined();
    expect(retryAfterMs('soon', 0)).toBeUndefined();
  });
});

describe('an effect that may have happened', () => {
  const unknown = () => Promise.reject(new MigrationError('OUTCOME_UNKNOWN', 'lost'));

  test('is looked for, and done when it is there', async () => {
    await effectOrLook(unknown, () => Promise.resolve(true));
  });

  test('stays unknown when it is not there, for the next attempt to look again', async () => {
    await expect(effectOrLook(unknown, () => Promise.resolve(false))).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
  });

  test('is not looked for when it cannot have happened', async () => {
    const throttled = () => Promise.reject(new MigrationError('THROTTLED', 'slow down'));
    await expect(effectOrLook(throttled, () => Promise.resolve(true))).rejects.toMatchObject({ code: 'THROTTLED' });
  });
});
