import { type ErrorCode, type ErrorFacts, MigrationError } from '../../domain/errors.ts';
import { NoAnswerError } from '../graph/https-transport.ts';

/** What a call is, as far as its failure is concerned. */
export interface EwsCallKind {
  /** `CreateItem`; stands in messages and facts. */
  readonly operation: string;
  /** Whether it changes anything: then no answer means that it may have happened (exchange.md §9.4, 3). */
  readonly effect: boolean;
  readonly facts: ErrorFacts;
}

/** A refusal in Exchange's own words: a response message of class Error, or the detail of a SOAP fault. */
export interface EwsRefusal {
  /** `ErrorServerBusy` and the like (ResponseCodeType). */
  readonly code: string;
  readonly text: string;
  readonly backOffMs: number | null;
}

/** It did not happen, or, `unknown`, nobody can say. The second word of a pair is for calls that change nothing. */
type Verdict = ErrorCode | readonly [whenEffect: ErrorCode, whenLook: ErrorCode];

/** The server gave up in the middle: a look may be repeated, an effect has to be looked for. */
const UNKNOWN: Verdict = ['CONNECTION_LOST', 'SERVER_BUSY'];

/**
 * Exchange's response codes in our catalogue, in this one place (ewsdocs, `responsecode.md`; exchange.md §4.2). What is not listed is
 * a fault of the server as far as we know: unknown for an effect.
 */
const CODES: Readonly<Record<string, Verdict>> = {
  ErrorServerBusy: 'THROTTLED',
  // Refused at the door, like a 429: the request was not begun.
  ErrorExceededConnectionCount: 'SERVER_BUSY',
  ErrorExceededFindCountLimit: 'SERVER_BUSY',
  ErrorExceededSubscriptionCount: 'SERVER_BUSY',
  ErrorMailboxMoveInProgress: 'SERVER_BUSY',
  ErrorQuotaExceeded: 'QUOTA_EXCEEDED',
  ErrorMessageSizeExceeded: 'MESSAGE_TOO_LARGE',
  ErrorAttachmentSizeLimitExceeded: 'MESSAGE_TOO_LARGE',
  ErrorMimeContentInvalid: 'MESSAGE_REFUSED',
  ErrorMimeContentInvalidBase64String: 'MESSAGE_REFUSED',
  ErrorMimeContentConversionFailed: 'MESSAGE_REFUSED',
  ErrorContentConversionFailed: ['MESSAGE_REFUSED', 'PROTOCOL_VIOLATION'],
  ErrorCorruptData: ['MESSAGE_REFUSED', 'PROTOCOL_VIOLATION'],
  ErrorItemSave: ['MESSAGE_REFUSED', 'PROTOCOL_VIOLATION'],
  ErrorItemSavePropertyError: ['MESSAGE_REFUSED', 'PROTOCOL_VIOLATION'],
  ErrorItemPropertyRequestFailed: ['MESSAGE_REFUSED', 'PROTOCOL_VIOLATION'],
  ErrorPropertyValidationFailure: ['MESSAGE_REFUSED', 'PROTOCOL_VIOLATION'],
  ErrorInvalidExtendedPropertyValue: ['MESSAGE_REFUSED', 'PROTOCOL_VIOLATION'],
  ErrorInvalidPropertySet: ['MESSAGE_REFUSED', 'PROTOCOL_VIOLATION'],
  ErrorVirusDetected: 'MALWARE_REFUSED',
  ErrorVirusMessageDeleted: 'MALWARE_REFUSED',
  ErrorAccessDenied: 'CONSENT_REVOKED',
  ErrorCreateItemAccessDenied: 'CONSENT_REVOKED',
  ErrorInsufficientRights: 'CONSENT_REVOKED',
  ErrorImpersonateUserDenied: 'IMPERSONATION_DENIED',
  ErrorImpersonationDenied: 'IMPERSONATION_DENIED',
  ErrorImpersonationFailed: 'IMPERSONATION_DENIED',
  ErrorImpersonationRequired: 'IMPERSONATION_DENIED',
  ErrorNonExistentMailbox: 'MAILBOX_MISSING',
  ErrorMissingEmailAddress: 'MAILBOX_MISSING',
  ErrorNonPrimarySmtpAddress: 'MAILBOX_MISSING',
  ErrorInvalidUserPrincipalName: 'MAILBOX_MISSING',
  ErrorFolderNotFound: 'FOLDER_VANISHED',
  ErrorParentFolderNotFound: 'FOLDER_VANISHED',
  ErrorParentFolderIdRequired: 'FOLDER_VANISHED',
  ErrorInvalidFolderId: 'FOLDER_VANISHED',
  ErrorInvalidIdMalformed: 'FOLDER_VANISHED',
  ErrorInvalidIdNotAnItemAttachmentId: 'FOLDER_VANISHED',
  ErrorMailboxStoreUnavailable: UNKNOWN,
  ErrorMailboxFailover: UNKNOWN,
  ErrorTimeoutExpired: UNKNOWN,
  ErrorConnectionFailed: UNKNOWN,
  ErrorInsufficientResources: UNKNOWN,
  ErrorADUnavailable: UNKNOWN,
  ErrorInternalServerTransientError: UNKNOWN,
  ErrorInternalServerError: UNKNOWN,
  ErrorBatchProcessingStopped: UNKNOWN,
  // Our own mistake, told before anything was begun. Of a CreateItem it may be the message's: a value that no schema takes.
  ErrorSchemaValidation: ['MESSAGE_REFUSED', 'PROTOCOL_VIOLATION'],
  ErrorInvalidRequest: ['MESSAGE_REFUSED', 'PROTOCOL_VIOLATION'],
};

const WORDS: Partial<Readonly<Record<ErrorCode, string>>> = {
  THROTTLED: 'The server asks us to slow down.',
  SERVER_BUSY: 'The server is busy.',
  QUOTA_EXCEEDED: 'The mailbox is full.',
  MESSAGE_TOO_LARGE: 'The message is too large for the target.',
  MESSAGE_REFUSED: 'The target refuses this message.',
  MALWARE_REFUSED: 'The target takes this message for malware.',
  CONSENT_REVOKED: 'The account may not do this in the mailbox.',
  IMPERSONATION_DENIED: 'The service account may not act for this mailbox.',
  MAILBOX_MISSING: 'No mailbox has this address as its own.',
  FOLDER_VANISHED: 'The folder is not there any more.',
  CONNECTION_LOST: 'The server failed at this, so nobody knows whether it happened.',
  PROTOCOL_VIOLATION: 'The server failed at this.',
};

export function fromRefusal(call: EwsCallKind, { code, text, backOffMs }: EwsRefusal): MigrationError {
  const verdict = CODES[code] ?? UNKNOWN;
  const ours = typeof verdict === 'string' ? verdict : verdict[call.effect ? 0 : 1];
  const said = text === '' ? code : `${code}, ${text.slice(0, 200)}`;
  return new MigrationError(ours, `${WORDS[ours] ?? call.operation} The server said: ${said}`, {
    facts: { ...call.facts, operation: call.operation, errorCode: code },
    ...(backOffMs !== null && { retryAfterMs: backOffMs }),
  });
}

/** A refusal of the request as a whole. ErrorAccessDenied is no matter of a folder then: the door is shut (exchange.md §4.1). */
export function fromFault(call: EwsCallKind, refusal: EwsRefusal): MigrationError {
  if (refusal.code !== 'ErrorAccessDenied') return fromRefusal(call, refusal);
  return new MigrationError(
    'EWS_OFF',
    `The server does not let us use Exchange Web Services. It said: ${refusal.text}`,
    {
      facts: { ...call.facts, operation: call.operation, errorCode: refusal.code },
    },
  );
}

/** An HTTP status without a SOAP answer in it. 401 is the sign-in's to explain. */
export function fromStatus(
  call: EwsCallKind,
  status: number,
  { retryAfterMs, requestBytes }: { readonly retryAfterMs: number | undefined; readonly requestBytes: number },
): MigrationError {
  const facts = { ...call.facts, operation: call.operation, status };
  const options = { facts, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  const isLarge = call.operation === 'CreateItem' && requestBytes >= LEAST_LIMIT_BYTES;
  // IIS tells of a body over maxAllowedContentLength by 404 (its own 404.13); a wrong address would have shown before.
  if (status === 413 || (status === 404 && isLarge)) {
    return new MigrationError('MESSAGE_TOO_LARGE', 'The request is larger than the server takes.', { facts });
  }
  if (status === 429) return new MigrationError('THROTTLED', 'The server asks us to slow down.', options);
  if (status === 403) {
    return new MigrationError('EWS_OFF', 'The server does not let us use Exchange Web Services.', { facts });
  }
  if (status === 404 || status === 405) {
    return new MigrationError('EWS_OFF', 'There are no Exchange Web Services at this address.', { facts });
  }
  // 503 and 504 of an effect are unknown, whatever a client thinks (exchange.md §9.4).
  if (call.effect) {
    return new MigrationError(
      'CONNECTION_LOST',
      `It was answered ${status}, so nobody knows whether it happened.`,
      options,
    );
  }
  return new MigrationError('SERVER_BUSY', `The server answered ${status}.`, options);
}

/** The smallest limit for requests that was ever a default: nothing below it is refused for its size. */
const LEAST_LIMIT_BYTES = 4 * 1024 * 1024;

/** OpenSSL's and Node's words for a certificate that does not hold. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ERR_TLS_/;

/** The failure of a call that got no answer, or none that can be read. */
export function withoutAnswer(call: EwsCallKind, error: unknown): MigrationError {
  const facts = { ...call.facts, operation: call.operation };
  if (error instanceof NoAnswerError) {
    // What stopped the body on its way, e.g. LEASE_LOST: the server never had all of it.
    if (error.cause instanceof MigrationError) return error.cause;
    if (!error.sent && UNTRUSTED.test(error.code)) {
      return new MigrationError('TLS_UNTRUSTED', `The certificate of the server is not trusted: ${error.message}.`, {
        facts,
        cause: error,
      });
    }
    if (!error.sent) {
      return new MigrationError('HOST_UNREACHABLE', `No usable connection: ${error.code}.`, { facts, cause: error });
    }
  }
  return new MigrationError('CONNECTION_LOST', 'No answer came that can be read.', { facts, cause: error });
}
