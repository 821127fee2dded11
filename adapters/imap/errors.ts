import { type ErrorCode, type ErrorFacts, MigrationError } from '../../domain/errors.ts';

/** What was being done, since the same answer means different things: `NO` to APPEND blames the message, to CREATE the folder. */
export type ImapOperation = 'connect' | 'list' | 'status' | 'select' | 'fetch' | 'create' | 'append' | 'store';

export interface ImapContext {
  readonly operation: ImapOperation;
  readonly facts: ErrorFacts;
  /** Milliseconds that the server asked us to wait, where imapflow was told so (it waits itself and says nothing). */
  readonly throttledMs: number | null;
  readonly by: SignedInBy;
}

/** `unwanted-…`: the server offers no way to send one; `password-or-token`: it would take a token as well. */
export type SignedInBy = 'password' | 'password-or-token' | 'unwanted-password' | 'token' | 'unwanted-token';

/**
 * The one place where a failure of imapflow 2.10.2 becomes ours. It throws errors with a `code` (transport, TLS, parser), with
 * `responseStatus` and `responseText` (a tagged NO or BAD), with `authenticationFailed` or `tlsFailed`; `false` and
 * `undefined` are turned into errors by the caller.
 */
export function toMigrationError(error: unknown, context: ImapContext): MigrationError {
  if (error instanceof MigrationError) return error;
  const failure = readFailure(error);
  const [code, why, retryAfterMs] = classify(failure, context);
  const said = failure.text === '' ? '' : ` The server said: ${failure.text.slice(0, 200)}`;
  return new MigrationError(code, `${why}${said}`, {
    facts: { ...context.facts, operation: context.operation, ...(failure.code !== '' && { cause: failure.code }) },
    cause: withoutCommand(error),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

interface Failure {
  readonly code: string;
  readonly message: string;
  /** NO or BAD where the server answered the command itself. */
  readonly status: string;
  /** Response code of the tagged answer, e.g. OVERQUOTA (RFC 5530). */
  readonly responseCode: string;
  readonly text: string;
  readonly authenticationFailed: boolean;
  readonly tlsFailed: boolean;
}

type Verdict = readonly [code: ErrorCode, why: string, retryAfterMs?: number];

function classify(failure: Failure, context: ImapContext): Verdict {
  const throttled = context.throttledMs ?? backoffOf(failure.text);
  if (throttled !== null) return ['THROTTLED', 'The server asks us to slow down.', throttled];
  if (failure.responseCode === 'THROTTLED') return ['THROTTLED', 'The server asks us to slow down.'];
  const unusable = withoutMailbox(failure.text, context);
  if (unusable !== null) return unusable;
  if (context.operation === 'connect') return classifyConnect(failure, context.by);
  if (failure.code === 'NotFound') return ['FOLDER_VANISHED', 'The folder is not there any more.'];
  // imapflow refuses by itself what is over an announced APPENDLIMIT (RFC 7889); nothing was sent.
  if (failure.responseCode === 'APPENDLIMIT')
    return ['MESSAGE_TOO_LARGE', 'The message is over the limit of the target.'];
  if (failure.status === 'NO' || failure.status === 'BAD') return classifyRefusal(failure, context.operation);
  if (
    /^(ParserError|Invalid|Missing|Unexpected|TooMany|LineTooLarge|LiteralTooLarge|ResponseTooLarge|MAX_IMAP|ResponseProc)/.test(
      failure.code,
    )
  ) {
    // Ours are refused by imapflow's compiler before a byte is sent.
    if (context.operation === 'append' && !/^Invalid(Token|String|Text|Sequence)/.test(failure.code)) {
      return ['CONNECTION_LOST', `The answer could not be read, so nobody knows: ${failure.message}.`];
    }
    return ['PROTOCOL_VIOLATION', `The answer broke the protocol: ${failure.message}.`];
  }
  return ['CONNECTION_LOST', 'The connection was lost.'];
}

/**
 * Exchange: password or token was right, and IMAP opens nothing (T55); said at sign-in or to the first command. Null where the text
 * says something else.
 */
function withoutMailbox(text: string, { facts, by }: ImapContext): Verdict | null {
  if (IMAP_OFF_TEXT.test(text)) return ['IMAP_OFF', 'IMAP is turned off for this account.'];
  if (!/authenticated but not connected/i.test(text)) return null;
  if (by === 'token') {
    return [
      'IMAP_NOT_CONNECTED',
      'The token is good and opens no mailbox: the application may not use it, it has no licence, or IMAP is off for it.',
    ];
  }
  return [
    'MAILBOX_MISSING',
    facts['sharedMailbox'] === true
      ? 'The account signed in; the shared mailbox behind its name is not there, is misspelt, or is not open to this account.'
      : 'The account signed in and has no mailbox that IMAP can open: no mailbox, no licence, or IMAP is off.',
  ];
}

function classifyConnect(failure: Failure, by: SignedInBy): Verdict {
  const { code, text, message, responseCode } = failure;
  if (failure.tlsFailed && !isCertificateFault(code) && !isOldTls(code)) {
    return ['STARTTLS_MISSING', 'The server offers no STARTTLS that works; nothing was sent in clear.'];
  }
  if (isCertificateFault(code)) return ['TLS_UNTRUSTED', `The certificate of the server is not trusted: ${message}.`];
  if (isOldTls(code)) {
    return ['TLS_TOO_OLD', 'The server speaks no TLS that is new enough: TLS 1.2 is the oldest that we take.'];
  }
  if (/^(ERR_SSL|EPROTO|ClosedAfterConnectTLS)/.test(code)) {
    return ['TLS_UNTRUSTED', `The server does not speak TLS on this port as we do: ${message}.`];
  }
  const busy = BUSY_CODES.has(responseCode) || BUSY_TEXT.test(text);
  if (busy) return ['SERVER_BUSY', 'The server does not take sign-ins just now.'];
  if (by === 'unwanted-token' && /authentication mechanism/i.test(message)) {
    return ['AUTH_FAILED', 'The server offers no XOAUTH2: take `auth: xoauth2` out of the plan and name passwords.'];
  }
  if (failure.authenticationFailed && by === 'unwanted-password') {
    return ['BASIC_AUTH_OFF', 'The server offers no sign-in by password.'];
  }
  if (failure.authenticationFailed && by === 'token') {
    return ['IMAP_APP_UNKNOWN', 'The server refuses the access token of the application.'];
  }
  if (failure.authenticationFailed && by === 'password-or-token') {
    return [
      'AUTH_FAILED',
      'The server refuses user name or password; Exchange Online refuses all of them and wants `auth: xoauth2`.',
    ];
  }
  if (failure.authenticationFailed) return ['AUTH_FAILED', 'The server refuses user name or password.'];
  return ['HOST_UNREACHABLE', `No usable connection: ${message}.`];
}

function classifyRefusal({ responseCode, text, status }: Failure, operation: ImapOperation): Verdict {
  if (responseCode === 'OVERQUOTA' || /quota|mailbox (is )?full|out of (disk )?space/i.test(text)) {
    return ['QUOTA_EXCEEDED', 'The mailbox is full.'];
  }
  if (operation === 'append' && MALWARE_TEXT.test(text)) {
    return ['MALWARE_REFUSED', 'The target takes this message for malware.'];
  }
  // Dovecot's word for a message that it cannot read: trying again does not help, and its neighbours can be had.
  if (operation === 'fetch' && responseCode === 'SERVERBUG') {
    return ['PROTOCOL_VIOLATION', 'The server failed at this.'];
  }
  // "Message not found" is said of a hole among the UIDs (T44), and the folder is still there.
  if (operation === 'fetch' && NO_MESSAGE_TEXT.test(text)) {
    return ['PROTOCOL_VIOLATION', 'The server knows no such message.'];
  }
  if (BUSY_CODES.has(responseCode) || BUSY_TEXT.test(text)) return ['SERVER_BUSY', 'The server is busy.'];
  if (operation === 'append' && (responseCode === 'TOOBIG' || TOO_LARGE_TEXT.test(text))) {
    return ['MESSAGE_TOO_LARGE', 'The message is too large for the target.'];
  }
  if (operation === 'create') return ['FOLDER_REFUSED', 'The target refuses to make this folder.'];
  if (responseCode === 'TRYCREATE' || responseCode === 'NONEXISTENT' || NO_FOLDER_TEXT.test(text)) {
    return ['FOLDER_VANISHED', 'The folder is not there any more.'];
  }
  if (responseCode === 'NOPERM') return ['FOLDER_REFUSED', 'The account may not use this folder.'];
  if (operation === 'append') return ['MESSAGE_REFUSED', 'The target refuses this message.'];
  if (operation === 'select' || operation === 'status') return ['FOLDER_REFUSED', 'The folder cannot be opened.'];
  return ['PROTOCOL_VIOLATION', `The server answers ${status} to a plain ${operation}.`];
}

/** RFC 5530 §3: come back later. LIMIT is Dovecot's and Cyrus's word for too many connections. */
const BUSY_CODES: ReadonlySet<string> = new Set(['UNAVAILABLE', 'INUSE', 'SERVERBUG', 'LIMIT']);
const BUSY_TEXT =
  /temporar(y|ily)|try (again )?later|try again|unavailable|too many (simultaneous )?connections|maximum number of connections/i;
const IMAP_OFF_TEXT = /imap4? (access |protocol )?(is )?(disabled|turned off|not enabled|not allowed)/i;
const MALWARE_TEXT = /\b(virus(es)?|malware|infected|trojan)\b/i;
const TOO_LARGE_TEXT = /too (large|big)|(exceeds|over|above).{0,40}(size|limit)|maximum.{0,30}(message )?size/i;
const NO_MESSAGE_TEXT = /\b(messages?|uids?)\b/i;
const NO_FOLDER_TEXT = /(doesn't|does not|not) exist|no such (mailbox|folder)|unknown (mailbox|folder)|not found/i;

/** Exchange Online: `BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds` (T53). */
function backoffOf(text: string): number | null {
  const found = /Backoff Time[:=\s]+(\d+)/i.exec(text);
  return found === null ? null : Number(found[1]);
}

/** OpenSSL, for a server with TLS 1.0 or 1.1 only; which of them depends on who gives up first (Node 24, OpenSSL 3.5). */
function isOldTls(code: string): boolean {
  return /UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION/.test(code);
}

function isCertificateFault(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|HOSTNAME_MISMATCH/.test(code);
}

function readFailure(error: unknown): Failure {
  const source = Object(error) as Record<string, unknown>; // every field is checked before use
  const text = (name: string) => (typeof source[name] === 'string' ? source[name] : '');
  return {
    code: text('code') || codeOf(source['_err']) || codeOf(source['cause']),
    message: text('message'),
    status: text('responseStatus'),
    responseCode: text('serverResponseCode').toUpperCase(),
    // `response`: of NAMESPACE after a sign-in that was OK, which imapflow takes for one that failed (T55).
    text: text('responseText') || text('reason') || text('response'),
    authenticationFailed: source['authenticationFailed'] === true,
    tlsFailed: source['tlsFailed'] === true,
  };
}

function codeOf(error: unknown): string {
  const code = (Object(error) as Record<string, unknown>)['code'];
  return typeof code === 'string' ? code : '';
}

/** imapflow hangs the command line on its errors; it must not reach a log. */
function withoutCommand(error: unknown): unknown {
  if (error instanceof Error) {
    Reflect.deleteProperty(error, 'executedCommand');
    Reflect.deleteProperty(error, 'response');
  }
  return error;
}
