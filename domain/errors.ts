import type { PlanFault } from './plan.ts';

/**
 * The one catalogue of what can go wrong. It feeds Temporal's retries, the API's problem bodies, the CLI's exit code, the
 * portal's banner and docs/errors.md, so each code is written once and has a remedy that names the reader's next step.
 */

export type Reaction =
  | 'retry' // a passing fault: the same call may work in a moment
  | 'wait' //  we were told to slow down: again after `retryAfterMs`
  | 'skip' //  this message cannot be moved: record it, go on, report it
  | 'pause' // a person has to act first: hold the mailbox and say what is needed
  | 'stop'; // wrong input, or our own bug: fail loudly

/** How far the damage reaches: a bad message never stops a folder, a bad folder never a mailbox. */
export type Scope = 'message' | 'folder' | 'mailbox' | 'migration' | 'request' | 'service';

export interface ErrorKind {
  readonly reaction: Reaction;
  readonly scope: Scope;
  /** Status of the problem body when the API answers with this error (RFC 9457). */
  readonly httpStatus: number;
  /** The reader's next step, a full sentence. */
  readonly remedy: string;
}

export const ERRORS = {
  // --- mail servers ---------------------------------------------------------------------------------------------
  HOST_UNREACHABLE: {
    reaction: 'retry',
    scope: 'mailbox',
    httpStatus: 502,
    remedy: 'Check host name, port and firewall; we try again by ourselves.',
  },
  CONNECTION_LOST: {
    reaction: 'retry',
    scope: 'mailbox',
    httpStatus: 502,
    remedy: 'Nothing; we connect again and look before we resend.',
  },
  TLS_UNTRUSTED: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 502,
    remedy: 'Mend the server certificate, or name its authority in the plan as `ca`, then resume.',
  },
  TLS_TOO_OLD: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 502,
    remedy: 'Turn on TLS 1.2 or later at the server; TLS 1.0 and 1.1 are not spoken any more.',
  },
  STARTTLS_MISSING: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 502,
    remedy:
      'Turn on STARTTLS at the server or use `security: tls`; a plain-text connection needs `allowInsecure: true`.',
  },
  AUTH_FAILED: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 409,
    remedy: 'Correct the user name or the secret that the mailbox list refers to, then retry the mailbox.',
  },
  SERVER_BUSY: {
    reaction: 'retry',
    scope: 'mailbox',
    httpStatus: 503,
    remedy: 'Nothing; the server is temporarily unavailable and we try again.',
  },
  DELETIONS_HELD: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 409,
    remedy:
      'Look at the source. If its owner deleted them, run `mailferry mailbox allow-deletions <mailbox> --count N` with the number that the message names; `--count 0` keeps the copies.',
  },
  DAILY_LIMIT: {
    reaction: 'wait',
    scope: 'mailbox',
    httpStatus: 429,
    remedy:
      'Nothing; the source gives away only so much a day, and the copy goes on by itself when there is room again.',
  },
  THROTTLED: {
    reaction: 'wait',
    scope: 'mailbox',
    httpStatus: 429,
    remedy: 'Nothing; we slow down and go on after the time that the server asked for.',
  },
  QUOTA_EXCEEDED: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 507,
    remedy: 'Give the target mailbox more room, then retry the mailbox.',
  },
  MAILBOX_MISSING: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 409,
    remedy: 'Create the mailbox at the target or give it its licence, then retry the mailbox.',
  },
  CONSENT_REVOKED: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 409,
    remedy: 'Grant access again, then retry the mailbox.',
  },
  BASIC_AUTH_OFF: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 409,
    remedy:
      'The server takes no passwords over IMAP: set `auth: xoauth2` at `target.imap` with an application under `target.transfer`, as docs/exchange.md describes, then retry the mailbox.',
  },
  IMAP_OFF: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 409,
    remedy: 'Turn IMAP on with `Set-CASMailbox <mailbox> -ImapEnabled $true`, then retry the mailbox.',
  },
  IMAP_APP_UNKNOWN: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 409,
    remedy:
      'Give the application `IMAP.AccessAsApp` with the consent of an administrator, and make it known to Exchange with `New-ServicePrincipal -AppId <application> -ObjectId <object id of the enterprise application>`, not of the app registration; then retry the mailbox.',
  },
  IMAP_NOT_CONNECTED: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 409,
    remedy:
      'Let the application in with `Add-MailboxPermission <mailbox> -User <application> -AccessRights FullAccess`; check that the mailbox has its licence and that `Get-CASMailbox <mailbox>` says ImapEnabled; then retry the mailbox.',
  },
  IMPERSONATION_DENIED: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 409,
    remedy:
      'Let the service account act for the mailbox with `New-ManagementRoleAssignment -Role ApplicationImpersonation -User <service account>`, then retry the mailbox.',
  },
  EWS_OFF: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 409,
    remedy:
      'Take `ews` out of `target.routes`, or turn it on: `Set-CASMailbox <mailbox> -EwsEnabled $true`, and in Exchange Online, until it ends there for good, `Set-OrganizationConfig -EwsEnabled $true -EwsAllowedAppIDs <application>`; then retry the mailbox.',
  },
  APP_UNKNOWN: {
    reaction: 'pause',
    scope: 'migration',
    httpStatus: 409,
    remedy:
      "Compare `tenantId` and `clientId` in the plan with the application's page in Entra, let an administrator of the tenant consent to it (`mailferry tenant script` prints the link), then resume.",
  },
  APP_SECRET_WRONG: {
    reaction: 'pause',
    scope: 'migration',
    httpStatus: 409,
    remedy:
      "Put the secret's value, not its id, where the plan's reference points, or add the certificate to the application (Entra: App registrations, Certificates & secrets), then resume.",
  },
  APP_SECRET_EXPIRED: {
    reaction: 'pause',
    scope: 'migration',
    httpStatus: 409,
    remedy:
      "Make a new secret or certificate for the application (Entra: App registrations, Certificates & secrets), put it where the plan's reference points, then resume.",
  },
  SIGN_IN_BLOCKED: {
    reaction: 'pause',
    scope: 'migration',
    httpStatus: 409,
    remedy:
      'Let an administrator exclude the application, or the address of this service, from the policy (Entra: Protection, Conditional Access; Sign-in logs name the policy), then resume. The policy need not be turned off.',
  },
  CLOCK_WRONG: {
    reaction: 'pause',
    scope: 'service',
    httpStatus: 503,
    remedy: 'Set the clock of the machine, or let it follow a time server; then resume.',
  },
  ROUTE_UNAVAILABLE: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 409,
    remedy:
      'Take the route out of `target.routes`, or give the plan what the message says is missing, then retry the mailbox.',
  },
  ROUTE_LOST: {
    reaction: 'retry',
    scope: 'mailbox',
    httpStatus: 502,
    remedy: 'Nothing; all routes are looked at again, and mail goes by another one where there is one.',
  },
  NO_ROUTE: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 409,
    remedy:
      'Mend what the message names for one of the routes, then retry the mailbox; `mailferry mailbox show` has what the probe found of each.',
  },
  PROTOCOL_VIOLATION: {
    reaction: 'retry',
    scope: 'folder',
    httpStatus: 502,
    remedy: 'Report the server and its version if it stays; the answer broke the protocol.',
  },
  // --- folders and messages -------------------------------------------------------------------------------------
  FOLDER_REFUSED: {
    reaction: 'skip',
    scope: 'folder',
    httpStatus: 422,
    remedy: 'Map the folder to another name with `mailferry mailbox map`, then retry the mailbox.',
  },
  FOLDER_VANISHED: {
    reaction: 'skip',
    scope: 'folder',
    httpStatus: 409,
    remedy: 'Nothing; the folder was renamed or deleted during the pass and the next pass reads it anew.',
  },
  MESSAGE_TOO_LARGE: {
    reaction: 'skip',
    scope: 'message',
    httpStatus: 422,
    remedy:
      'Raise the size limit at the target, in Exchange with `Set-Mailbox <account that signs in> -MaxReceiveSize 150MB -MaxSendSize 150MB`, then retry the mailbox.',
  },
  MESSAGE_REFUSED: {
    reaction: 'skip',
    scope: 'message',
    httpStatus: 422,
    remedy: 'Look at the reason in the mailbox report; hand the message over by file or accept the loss.',
  },
  MALWARE_REFUSED: {
    reaction: 'skip',
    scope: 'message',
    httpStatus: 422,
    remedy: 'The target found malware in it; look at the original at the source, then accept that it stays behind.',
  },
  MESSAGE_DAMAGED: {
    reaction: 'skip',
    scope: 'message',
    httpStatus: 422,
    remedy: 'The source could not deliver the whole message; repair it at the source, then retry the mailbox.',
  },
  // --- the copy and its check -----------------------------------------------------------------------------------
  LEASE_LOST: {
    reaction: 'retry',
    scope: 'mailbox',
    httpStatus: 409,
    remedy: 'Nothing; another worker has taken the mailbox over.',
  },
  NO_FOLDERS: {
    reaction: 'retry',
    scope: 'mailbox',
    httpStatus: 502,
    remedy: 'If it stays, check the account at the source: it shows no folder that can be read, not even INBOX.',
  },
  COUNT_MISMATCH: {
    reaction: 'retry',
    scope: 'folder',
    httpStatus: 500,
    remedy: 'Open the mailbox report: it names the folder and the messages without a terminal state.',
  },
  VERIFY_FAILED: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 500,
    remedy: 'Open the mailbox report: it names each message and what to do about it; then retry the mailbox.',
  },
  MESSAGE_LOST: {
    reaction: 'pause',
    scope: 'message',
    httpStatus: 500,
    remedy:
      'Ask the owner whether it was deleted or moved at the target, and look in its archive and in Recoverable Items, which not every route shows; retrying the mailbox looks for it and brings it again.',
  },
  MESSAGE_DOUBLED: {
    reaction: 'pause',
    scope: 'message',
    httpStatus: 500,
    remedy: 'Remove the surplus copy by its UID at the target, then retry the mailbox; we delete nothing there.',
  },
  MESSAGE_MISFILED: {
    reaction: 'pause',
    scope: 'message',
    httpStatus: 500,
    remedy: 'Move it back to the folder where it belongs, then retry the mailbox.',
  },
  MESSAGE_CHANGED: {
    reaction: 'pause',
    scope: 'message',
    httpStatus: 500,
    remedy: 'Compare it with the original; replace the copy at the target by it, then retry the mailbox.',
  },
  MOVED_BY_POLICY: {
    reaction: 'skip',
    scope: 'message',
    httpStatus: 500,
    remedy:
      'Nothing that holds the mailbox, and it is not brought again: a retention policy of the tenant, or its owner, put it there. Look at the policy and whether retention was held (`Get-Mailbox`: RetentionPolicy, RetentionHoldEnabled). Mail in the archive stays; from Recoverable Items it is gone after 14 days as a rule: take it back by "Recover deleted items" or `Restore-RecoverableItems` first.',
  },
  DATE_MOVED: {
    reaction: 'skip',
    scope: 'message',
    httpStatus: 500,
    remedy: 'Nothing that holds the mailbox; the message sorts by another date in programs that go by its arrival.',
  },
  FLAGS_LOST: {
    reaction: 'skip',
    scope: 'message',
    httpStatus: 500,
    remedy: 'Nothing that holds the mailbox; set the flags again unless their owner has taken them away.',
  },
  // --- provisioning, DNS, mail flow -----------------------------------------------------------------------------
  PROVISIONING_CONFLICT: {
    reaction: 'pause',
    scope: 'migration',
    httpStatus: 409,
    remedy: 'The target has an object that does not fit; change the mailbox list or the object, then resume.',
  },
  SEATS_EXHAUSTED: {
    reaction: 'pause',
    scope: 'migration',
    httpStatus: 409,
    remedy: 'Buy or free a licence with a mailbox at the target, then resume.',
  },
  MAILBOX_NOT_READY: {
    reaction: 'wait',
    scope: 'migration',
    httpStatus: 409,
    remedy: 'Nothing; a new mailbox appears some minutes after its licence and we look again.',
  },
  TARGET_ADMIN_REFUSED: {
    reaction: 'pause',
    scope: 'migration',
    httpStatus: 502,
    remedy: 'Check the rights and the credentials of the administration access, then resume.',
  },
  TARGET_ADMIN_UNREACHABLE: {
    reaction: 'retry',
    scope: 'migration',
    httpStatus: 502,
    remedy: 'Nothing; the administration interface did not answer and we try again.',
  },
  OUTCOME_UNKNOWN: {
    reaction: 'retry',
    scope: 'migration',
    httpStatus: 502,
    remedy: 'Nothing; the call may have worked, so we look before we repeat it.',
  },
  REDIRECTION_CONFLICT: {
    reaction: 'pause',
    scope: 'migration',
    httpStatus: 409,
    remedy:
      'Remove or disable what the message names, or set `target.redirectTo.existing: replace` so that it is put aside and put back at cutover; then resume.',
  },
  REDIRECTION_LOOP: {
    reaction: 'pause',
    scope: 'migration',
    httpStatus: 409,
    remedy:
      'Make the old server deliver mail for the domain to its own mailboxes instead of sending it to the MX, or correct `target.redirectTo`; then resume. Redirection was not switched on.',
  },
  REDIRECTION_REFUSED: {
    reaction: 'pause',
    scope: 'migration',
    httpStatus: 409,
    remedy:
      'Make the old server take mail for the recipients that the message counts, also from the addresses of the tenant; then resume.',
  },
  DNS_NOT_YET: {
    reaction: 'wait',
    scope: 'migration',
    httpStatus: 409,
    remedy: 'Publish the records that the step names; we keep asking the authoritative servers.',
  },
  DNS_UNREACHABLE: {
    reaction: 'retry',
    scope: 'migration',
    httpStatus: 502,
    remedy: 'Check the delegation of the domain; none of its name servers answers.',
  },
  PROBE_NOT_ARRIVED: {
    reaction: 'wait',
    scope: 'migration',
    httpStatus: 409,
    remedy: 'Check redirection and the mail log of the target; the probe message has not arrived yet.',
  },
  PROBE_ASTRAY: {
    reaction: 'pause',
    scope: 'migration',
    httpStatus: 409,
    remedy: 'Mail takes the wrong way; check redirection and the mail filter, then resume.',
  },
  // --- plan, requests, people -----------------------------------------------------------------------------------
  PLAN_INVALID: {
    reaction: 'stop',
    scope: 'request',
    httpStatus: 422,
    remedy: 'Correct the lines named in `errors`, then send the plan again.',
  },
  SECRET_MISSING: {
    reaction: 'pause',
    scope: 'mailbox',
    httpStatus: 409,
    remedy: 'Put the secret where the reference points (file or environment variable of the worker), then retry.',
  },
  REQUEST_INVALID: {
    reaction: 'stop',
    scope: 'request',
    httpStatus: 400,
    remedy: 'Correct the fields named in `errors`.',
  },
  UNAUTHENTICATED: {
    reaction: 'stop',
    scope: 'request',
    httpStatus: 401,
    remedy: 'Send `Authorization: Bearer` with the operator token, or use the link from the mail.',
  },
  FORBIDDEN: {
    reaction: 'stop',
    scope: 'request',
    httpStatus: 403,
    remedy: 'Ask for a link or a token that covers this.',
  },
  NOT_FOUND: {
    reaction: 'stop',
    scope: 'request',
    httpStatus: 404,
    remedy: 'Check the id; `mailferry migration list` shows what there is.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    reaction: 'stop',
    scope: 'request',
    httpStatus: 422,
    remedy: 'Use a new Idempotency-Key for a different request.',
  },
  CONFLICT: {
    reaction: 'stop',
    scope: 'request',
    httpStatus: 409,
    remedy: 'Read the current state, then decide again.',
  },
  NOT_NOW: {
    reaction: 'stop',
    scope: 'request',
    httpStatus: 409,
    remedy: 'The migration is not at a point where this can be done; the message says why.',
  },
  GATE_NOT_OPEN: {
    reaction: 'stop',
    scope: 'request',
    httpStatus: 409,
    remedy: 'Open the newest link; this gate is decided, superseded or not open yet.',
  },
  EVIDENCE_CHANGED: {
    reaction: 'stop',
    scope: 'request',
    httpStatus: 409,
    remedy: 'What you were shown has changed; read the gate again and decide on the new evidence.',
  },
  CODE_WRONG: {
    reaction: 'stop',
    scope: 'request',
    httpStatus: 403,
    remedy: 'Type the newest code from the second message; after five wrong codes ask for a new one.',
  },
  CODE_EXPIRED: { reaction: 'stop', scope: 'request', httpStatus: 410, remedy: 'Ask for a new code.' },
  RATE_LIMITED: { reaction: 'stop', scope: 'request', httpStatus: 429, remedy: 'Wait as long as Retry-After says.' },
  // --- the service itself ---------------------------------------------------------------------------------------
  CONFIG_INVALID: {
    reaction: 'stop',
    scope: 'service',
    httpStatus: 500,
    remedy: 'Correct the environment variables that the message names.',
  },
  PORT_IN_USE: {
    reaction: 'stop',
    scope: 'service',
    httpStatus: 500,
    remedy: 'Stop the other program or choose another port with the variable that the message names.',
  },
  ALREADY_RUNNING: {
    reaction: 'stop',
    scope: 'service',
    httpStatus: 409,
    remedy: 'Use the running service, or stop it first; one data folder serves one service.',
  },
  TEMPORAL_UNAVAILABLE: {
    reaction: 'retry',
    scope: 'service',
    httpStatus: 503,
    remedy: 'Nothing on the embedded default, it is started again; else check TEMPORAL_ADDRESS and the server.',
  },
  DATABASE_UNAVAILABLE: {
    reaction: 'retry',
    scope: 'service',
    httpStatus: 503,
    remedy: 'Nothing on the embedded default, it is started again; else check DATABASE_URL and the server.',
  },
  COMPONENT_UNMENDABLE: {
    reaction: 'stop',
    scope: 'service',
    httpStatus: 500,
    remedy: 'Read the log file that the message names; the component fails each time it is started.',
  },
  TEMPORAL_BINARY_MISSING: {
    reaction: 'stop',
    scope: 'service',
    httpStatus: 500,
    remedy: 'Install the `temporal` command, set TEMPORAL_CLI_PATH, or point TEMPORAL_ADDRESS at a server.',
  },
  INTERNAL: {
    reaction: 'stop',
    scope: 'service',
    httpStatus: 500,
    remedy: 'This is our bug: report the request id with the log lines that carry it.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value);
}

/** What an error points at: folder, uid, bytes, host. Never a body, a subject or a secret. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | null>>;

export interface MigrationErrorOptions {
  facts?: ErrorFacts;
  /** Milliseconds until the same call may be made again, where somebody told us. */
  retryAfterMs?: number;
  /** PLAN_INVALID only: everything that is wrong, with its place. */
  faults?: readonly PlanFault[];
  cause?: unknown;
}

/** The only error that adapters and activities throw on purpose. Reaction, scope and remedy follow from its code. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;
  readonly retryAfterMs: number | undefined;
  readonly faults: readonly PlanFault[];

  constructor(code: ErrorCode, message: string, options: MigrationErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.facts = options.facts ?? {};
    this.retryAfterMs = options.retryAfterMs;
    this.faults = options.faults ?? [];
  }

  get kind(): ErrorKind {
    return ERRORS[this.code];
  }
}
