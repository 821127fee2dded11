import { type ErrorCode, type ErrorFacts, MigrationError } from '../../domain/errors.ts';
import { type CallKind, isUntrusted, type NotDone } from './outcome.ts';

/**
 * What Exchange's own words mean for a mailbox that is copied, whatever the status that they come with: each says that the call did not
 * happen. Names from Microsoft's page on Graph errors and the schema of EWS' ResponseCodeType, which Outlook's part of Graph passes on.
 */
const WORDS: Readonly<Record<string, ErrorCode>> = {
  ApplicationThrottled: 'THROTTLED',
  TooManyRequests: 'THROTTLED',
  ErrorTooManyObjectsOpened: 'THROTTLED',
  ErrorAccessDenied: 'CONSENT_REVOKED',
  AccessDenied: 'CONSENT_REVOKED',
  Authorization_RequestDenied: 'CONSENT_REVOKED',
  InvalidAuthenticationToken: 'CONSENT_REVOKED',
  MailboxNotEnabledForRESTAPI: 'MAILBOX_MISSING',
  MailboxNotSupportedForRESTAPI: 'MAILBOX_MISSING',
  ErrorNonExistentMailbox: 'MAILBOX_MISSING',
  ErrorInvalidUser: 'MAILBOX_MISSING',
  ResourceNotFound: 'MAILBOX_MISSING',
  Request_ResourceNotFound: 'MAILBOX_MISSING',
  ErrorQuotaExceeded: 'QUOTA_EXCEEDED',
  ErrorMessageSizeExceeded: 'MESSAGE_TOO_LARGE',
  ErrorVirusDetected: 'MALWARE_REFUSED',
  ErrorVirusMessageDeleted: 'MALWARE_REFUSED',
  RequestEntityTooLarge: 'MESSAGE_TOO_LARGE',
  ErrorFolderNotFound: 'FOLDER_VANISHED',
  ErrorParentFolderNotFound: 'FOLDER_VANISHED',
  ErrorMailboxStoreUnavailable: 'SERVER_BUSY',
  ErrorMailboxMoveInProgress: 'SERVER_BUSY',
};

/**
 * What is wrong with the one thing that a call is about, where neither word nor status says it; `staged`: a message of ours that is not in
 * its folder yet.
 */
export type Blame = 'message' | 'folder' | 'staged' | 'mailbox';

const REFUSED = {
  message: 'MESSAGE_REFUSED',
  folder: 'FOLDER_REFUSED',
  staged: 'MESSAGE_REFUSED',
  mailbox: 'MAILBOX_MISSING',
} as const;
/** Where an id is none (`ErrorInvalidIdMalformed`) or nothing has it. A staged message that has gone is made again. */
const GONE = {
  message: 'FOLDER_VANISHED',
  folder: 'FOLDER_VANISHED',
  staged: 'SERVER_BUSY',
  mailbox: 'MAILBOX_MISSING',
} as const;
/** How Graph names a part of an address that it does not have: `importMime` outside of beta, or before a cloud has it (exchange.md §1.5). */
const NO_SUCH_CALL = /Resource not found for the segment/;

/**
 * The one place where a call on a mailbox that was not done becomes an error of the catalogue.
 * @param blame  what a refusal without a meaning of its own is about
 */
export function mailError(call: CallKind, outcome: NotDone, blame: Blame, facts: ErrorFacts = {}): MigrationError {
  const { status, code, retryAfterMs, cause } = outcome;
  const options = {
    facts: { ...facts, call: call.name, ...(status !== null && { status }), ...(code !== null && { errorCode: code }) },
    cause,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
  const words = status === null ? 'got no answer' : `was answered ${status}${code === null ? '' : ` ${code}`}`;
  return new MigrationError(codeFor(call, outcome, blame), `${call.name} ${words}`, options);
}

function codeFor(call: CallKind, { did, status, code, cause }: NotDone, blame: Blame): ErrorCode {
  if (status === null) {
    if (isUntrusted(cause)) return 'TLS_UNTRUSTED';
    return did === 'unknown' || !call.effect ? 'CONNECTION_LOST' : 'HOST_UNREACHABLE';
  }
  const meant = code !== null && Object.hasOwn(WORDS, code) ? WORDS[code] : undefined;
  // A word counts with a refusal only: 5xx of an effect is unknown, whatever stands in its body, but for a full mailbox.
  if (meant !== undefined && (did !== 'unknown' || meant === 'QUOTA_EXCEEDED')) return meant;
  if (did === 'unknown') return 'CONNECTION_LOST';
  if (status === 429) return 'THROTTLED';
  if (status >= 500) return 'SERVER_BUSY';
  if (status === 401 || status === 403) return 'CONSENT_REVOKED';
  if (cause instanceof Error && NO_SUCH_CALL.test(cause.message)) return 'ROUTE_UNAVAILABLE';
  if (status === 413) return 'MESSAGE_TOO_LARGE';
  if (status === 404 || code === 'ErrorInvalidIdMalformed') return GONE[blame];
  if (!call.effect) return 'PROTOCOL_VIOLATION';
  return REFUSED[blame];
}
