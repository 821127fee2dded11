import { describe, expect, test } from 'vitest';
import { MigrationError } from '../../domain/errors.ts';
import { didNotHappen } from '../../domain/unit-outcomes.ts';
import { NoAnswerError } from '../graph/https-transport.ts';
import { fromRefusal, fromStatus, withoutAnswer } from './outcome.ts';

const create = { operation: 'CreateItem', effect: true, facts: {} };
const look = { operation: 'FindItem', effect: false, facts: {} };

function refused(code: string, backOffMs: number | null = null) {
  return { code, text: 'Words.', backOffMs };
}

describe('a refusal', () => {
  test.each([
    ['ErrorServerBusy', 'THROTTLED', 'THROTTLED'],
    ['ErrorQuotaExceeded', 'QUOTA_EXCEEDED', 'QUOTA_EXCEEDED'],
    ['ErrorImpersonateUserDenied', 'IMPERSONATION_DENIED', 'IMPERSONATION_DENIED'],
    ['ErrorNonExistentMailbox', 'MAILBOX_MISSING', 'MAILBOX_MISSING'],
    ['ErrorMimeContentInvalid', 'MESSAGE_REFUSED', 'MESSAGE_REFUSED'],
    ['ErrorMessageSizeExceeded', 'MESSAGE_TOO_LARGE', 'MESSAGE_TOO_LARGE'],
    ['ErrorFolderNotFound', 'FOLDER_VANISHED', 'FOLDER_VANISHED'],
    ['ErrorMailboxStoreUnavailable', 'CONNECTION_LOST', 'SERVER_BUSY'],
    ['ErrorTimeoutExpired', 'CONNECTION_LOST', 'SERVER_BUSY'],
    ['ErrorThatNobodyKnows', 'CONNECTION_LOST', 'SERVER_BUSY'],
  ])('%s of an effect is %s, of a look %s', (code, ofEffect, ofLook) => {
    expect(fromRefusal(create, refused(code)).code).toBe(ofEffect);
    expect(fromRefusal(look, refused(code)).code).toBe(ofLook);
  });

  test('tells the back-off to the millisecond, and that nothing happened', () => {
    const error = fromRefusal(create, refused('ErrorServerBusy', 299_961));
    expect(error.retryAfterMs).toBe(299_961);
    expect(didNotHappen(error)).toBe(true);
  });
});

describe('a status', () => {
  const plain = { retryAfterMs: undefined, requestBytes: 1_000 };
  test.each([
    [create, 503, 'CONNECTION_LOST'],
    [create, 500, 'CONNECTION_LOST'],
    [look, 503, 'SERVER_BUSY'],
    [create, 429, 'THROTTLED'],
    [create, 413, 'MESSAGE_TOO_LARGE'],
    [look, 403, 'EWS_OFF'],
    [look, 404, 'EWS_OFF'],
    [create, 404, 'EWS_OFF'],
  ])('of %o: %i becomes %s', (call, status, code) => {
    expect(fromStatus(call, status, plain).code).toBe(code);
  });

  test('404 to a large request is what IIS says to one that is too large', () => {
    expect(fromStatus(create, 404, { ...plain, requestBytes: 70_000_000 }).code).toBe('MESSAGE_TOO_LARGE');
  });
});

describe('no answer', () => {
  test.each([
    ['a create that was sent', create, true, 'ECONNRESET', 'CONNECTION_LOST'],
    ['a create that never left', create, false, 'ECONNREFUSED', 'HOST_UNREACHABLE'],
    ['an untrusted certificate', look, false, 'SELF_SIGNED_CERT_IN_CHAIN', 'TLS_UNTRUSTED'],
  ] as const)('%s', (_case, call, sent, code, expected) => {
    expect(withoutAnswer(call, new NoAnswerError(sent, code, new Error('x'))).code).toBe(expected);
  });

  test('because the body stopped is what stopped it', () => {
    const stop = new MigrationError('LEASE_LOST', 'The lease ended.');
    expect(withoutAnswer(create, new NoAnswerError(true, 'UNKNOWN', stop))).toBe(stop);
  });
});
