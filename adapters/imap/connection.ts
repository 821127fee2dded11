import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { ImapFlow, type ImapFlowOptions } from 'imapflow';
import { type ErrorFacts, MigrationError } from '../../domain/errors.ts';
import type { ImapEndpoint } from '../../domain/plan.ts';
import type { ServerFacts } from '../../domain/ports/mail.ts';
import { type ImapOperation, type SignedInBy, toMigrationError } from './errors.ts';
import type { NameSpace } from './names.ts';
import { fenceWrites, type WriteFence } from './write-fence.ts';

export interface ImapTimeouts {
  /** TCP and TLS. */
  readonly connectMs: number;
  readonly greetingMs: number;
  /** Without a byte while an answer is awaited: the longest that a server was seen to think over one large APPEND. */
  readonly silenceMs: number;
}

export const DEFAULT_TIMEOUTS: ImapTimeouts = { connectMs: 30_000, greetingMs: 30_000, silenceMs: 300_000 };

/** A password, or an access token for XOAUTH2. */
export type Credentials = { readonly user: string } & ({ readonly password: string } | { readonly token: string });

/** One signed-in connection through imapflow 2.10.2, whose failures all come out as MigrationError. */
export class ImapConnection {
  readonly client: ImapFlow;
  readonly facts: ServerFacts;
  readonly names: NameSpace;
  /** The selected folder may be changed: see {@link openForWriting} in folders.ts. */
  selectedForWriting = false;
  /** Answers that were BAD: Exchange ends a connection at the tenth (exchange.md §5.3). */
  badAnswers = 0;
  #fence: WriteFence | null = null;
  readonly #ear: Ear;
  readonly #by: SignedInBy;
  readonly #signal: AbortSignal;
  readonly #onAbort: () => void;
  readonly #keepAlive: NodeJS.Timeout;
  /** Calls under way. */
  #busy = 0;

  constructor(client: ImapFlow, ear: Ear, signal: AbortSignal, silenceMs: number, by: SignedInBy) {
    this.client = client;
    this.#by = by;
    this.#ear = ear;
    this.#signal = signal;
    this.#onAbort = () => {
      this.#fence?.reset();
      client.close();
    };
    signal.addEventListener('abort', this.#onAbort, { once: true });
    // While the other side is at a large message nothing is asked here, which imapflow takes for dead after `silenceMs`, and servers
    // from half an hour on (RFC 3501 §5.4, T48).
    this.#keepAlive = setInterval(() => {
      if (this.#busy === 0 && client.usable) client.noop().catch(() => undefined); // the next call tells
    }, silenceMs / 3).unref();
    const { prefix = '', delimiter } = client.namespace ?? {};
    this.names = { prefix, separator: delimiter === undefined || delimiter === '' ? null : delimiter };
    this.facts = {
      // APPENDLIMIT has its number apart (RFC 7889).
      capabilities: [...client.capabilities].map(([name, value]) =>
        typeof value === 'number' ? `${name}=${value}` : name,
      ),
      tls: client.secureConnection,
      name: [client.serverInfo?.name, client.serverInfo?.version].filter((part) => typeof part === 'string').join(' '),
    };
  }

  /** From here on nothing is written once `mayWrite` has said no; the connection ends then, and calls throw LEASE_LOST. */
  fence(mayWrite: () => boolean): void {
    this.#fence = fenceWrites(this.client, mayWrite);
  }

  /** Told of bytes that were read and will be thrown away soon, where they are many at once. */
  onBulk: (bytes: number) => void = () => {};

  /** Aborts what is done on this connection. */
  get signal(): AbortSignal {
    return this.#signal;
  }

  /**
   * Runs one call of imapflow. `false` and `undefined` are failures whose cause it has only logged.
   * @throws MigrationError, LEASE_LOST where the {@link fence} fell, or the signal's reason when aborted
   */
  async run<T>(
    operation: ImapOperation,
    facts: ErrorFacts,
    call: (client: ImapFlow) => Promise<T | false | undefined>,
  ): Promise<T> {
    this.#signal.throwIfAborted();
    this.#ear.forget();
    this.#busy += 1;
    try {
      const result = await call(this.client);
      // What was changed has happened, whatever else could not be read.
      if (this.#ear.dropped && !CHANGING.has(operation)) {
        throw new MigrationError('PROTOCOL_VIOLATION', 'A response could not be read and was dropped.', { facts });
      }
      if (result === false || result === undefined) throw this.#ear.lastError ?? new Error('imapflow gave no answer');
      return result;
    } catch (error) {
      if (Object(error).responseStatus === 'BAD') this.badAnswers += 1;
      throw this.#failure(error, operation, facts);
    } finally {
      this.#busy -= 1;
    }
  }

  /**
   * One FETCH whose rows come one by one and hold the server back meanwhile. The connection is busy until the last one, so
   * the consumer sends nothing else on it.
   * @throws as {@link run}
   */
  async *stream<T>(
    facts: ErrorFacts,
    call: (client: ImapFlow) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    this.#signal.throwIfAborted();
    this.#ear.forget();
    const rows = call(this.client)[Symbol.asyncIterator]();
    let open = true;
    this.#busy += 1;
    try {
      for (;;) {
        const row = await rows.next().catch((error: unknown) => {
          throw this.#failure(error, 'fetch', facts);
        });
        open = row.done !== true;
        if (row.done === true) break;
        yield row.value;
      }
    } finally {
      if (open) await rows.return?.().catch(() => undefined);
      this.#busy -= 1;
    }
    if (this.#ear.dropped) {
      throw new MigrationError('PROTOCOL_VIOLATION', 'A response could not be read and was dropped.', { facts });
    }
  }

  /** @throws the signal's reason when aborted */
  #failure(error: unknown, operation: ImapOperation, facts: ErrorFacts): MigrationError {
    this.#signal.throwIfAborted();
    if (this.#fence?.tripped === true) {
      return new MigrationError('LEASE_LOST', 'The lease ended before the command did; it was not finished.', {
        facts,
      });
    }
    return toMigrationError(error, { operation, facts, throttledMs: this.#ear.throttledMs, by: this.#by });
  }

  /** Twice is safe; never throws. */
  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    clearInterval(this.#keepAlive);
    if (!this.client.usable) return this.client.close();
    // A server that does not answer LOGOUT must not hold us up.
    const patience = setTimeout(() => this.client.close(), 2_000);
    await this.client.logout().catch(() => undefined);
    clearTimeout(patience);
    this.client.close();
  }
}

/**
 * @throws HOST_UNREACHABLE, TLS_UNTRUSTED, STARTTLS_MISSING, AUTH_FAILED, BASIC_AUTH_OFF, IMAP_OFF, IMAP_APP_UNKNOWN,
 *         IMAP_NOT_CONNECTED, SERVER_BUSY, MAILBOX_MISSING, THROTTLED; the signal's reason when aborted
 */
export async function connectImap(
  endpoint: ImapEndpoint,
  credentials: Credentials,
  signal: AbortSignal,
  timeouts: ImapTimeouts = DEFAULT_TIMEOUTS,
): Promise<ImapConnection> {
  signal.throwIfAborted();
  const ear = new Ear();
  const client = new ImapFlow({ ...(await optionsOf(endpoint, timeouts)), ...authOf(credentials), logger: ear });
  // imapflow waits out a back-off itself, up to five minutes and unseen, and repeats a throttled FETCH on its own: ours is to
  // tell and to let Temporal wait. The wait is not in the typings; ending it at once makes the command fail.
  Object.defineProperty(client, 'throttleWait', { value: async () => true });
  client.on('error', () => undefined); // without a listener an 'error' ends the process; each call reports its own failure
  const abort = () => client.close();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await client.connect();
  } catch (error) {
    client.close();
    signal.throwIfAborted();
    // Only that there is a shared mailbox in the name (`user\\shared`, T62), not the name.
    const shared = credentials.user.includes('\\') ? { sharedMailbox: true } : {};
    const facts = { host: endpoint.host, port: endpoint.port, ...shared };
    const failure = client.byeReason === undefined ? error : Object.assign(Object(error), { reason: client.byeReason });
    const by = signedInBy(credentials, client);
    throw toMigrationError(failure, { operation: 'connect', facts, throttledMs: ear.throttledMs, by });
  } finally {
    signal.removeEventListener('abort', abort);
  }
  // One side waits while the other is at work on a large message or a slow line, longer than an answer may take. imapflow would give
  // the waiting one up for its silence; as in a download of its own, it now asks NOOP and gives up only who does not answer that.
  Reflect.set(client, '_openDownloads', 1);
  // From here on imapflow takes names as they are on the wire, so that one which is no proper modified UTF-7 still works (T10).
  client.enabled.add('UTF8=ACCEPT');
  return new ImapConnection(client, ear, signal, timeouts.silenceMs, 'token' in credentials ? 'token' : 'password');
}

async function optionsOf(endpoint: ImapEndpoint, timeouts: ImapTimeouts): Promise<ImapFlowOptions> {
  const { host, port, security, allowInsecure, caFile } = endpoint;
  if (security === 'none' && !allowInsecure) {
    throw new MigrationError('STARTTLS_MISSING', 'A plain-text connection was not allowed in so many words.', {
      facts: { host, port },
    });
  }
  return {
    host,
    port,
    secure: security === 'tls',
    // Without `true` imapflow signs in over plain text when STARTTLS is not offered or fails (facts §0.6, both versions 1 and 2).
    ...(security !== 'tls' && { doSTARTTLS: security === 'starttls' }),
    ...(caFile !== null && { tls: { ca: [...rootCertificates, await readAuthority(caFile)] } }),
    connectionTimeout: timeouts.connectMs,
    greetingTimeout: timeouts.greetingMs,
    socketTimeout: timeouts.silenceMs,
    disableAutoIdle: true,
    disableCompression: true,
    // Stays with IMAP4rev1 and modified UTF-7, which every server has.
    disableIMAP4rev2: true,
    disableAutoEnable: true,
    // Its literal8 would let NUL through to servers that then store something else.
    disableBinary: true,
    maxLockHoldTime: false,
    clientInfo: { name: 'Mailferry' },
  };
}

async function readAuthority(caFile: string): Promise<string> {
  try {
    return await readFile(caFile, 'utf8');
  } catch (cause) {
    throw new MigrationError('TLS_UNTRUSTED', `The certificate file ${caFile} cannot be read.`, { cause });
  }
}

function authOf(credentials: Credentials): ImapFlowOptions {
  const { user } = credentials;
  return 'token' in credentials
    ? { auth: { user, accessToken: credentials.token } }
    : { auth: { user, pass: credentials.password } };
}

function signedInBy(credentials: Credentials, client: ImapFlow): SignedInBy {
  if ('token' in credentials) return takesToken(client) ? 'token' : 'unwanted-token';
  if (!takesPassword(client)) return 'unwanted-password';
  return takesToken(client) ? 'password-or-token' : 'password';
}

/** Exchange Online does not: it takes tokens only (exchange.md §5.1, T58). */
function takesPassword({ capabilities }: ImapFlow): boolean {
  if (capabilities.has('AUTH=PLAIN') || capabilities.has('AUTH=LOGIN')) return true;
  return !capabilities.has('LOGINDISABLED') && !capabilities.has('AUTH=XOAUTH2');
}

function takesToken({ capabilities }: ImapFlow): boolean {
  return ['AUTH=XOAUTH2', 'AUTH=XOAUTH', 'AUTH=OAUTHBEARER'].some((mechanism) => capabilities.has(mechanism));
}

const CHANGING: ReadonlySet<ImapOperation> = new Set(['append', 'store', 'create']);

/** Lines whose loss would be a lost message or folder. */
const ANSWER = /^\* (\d+ FETCH|VANISHED|LIST|STATUS|E?SEARCH)\b/i;

/** imapflow's log is where it puts what it swallows. Nothing of it is written anywhere. */
class Ear {
  throttledMs: number | null = null;
  lastError: unknown = null;
  /** A response that it could not make sense of, and so left out. */
  dropped = false;

  forget(): void {
    this.throttledMs = null;
    this.lastError = null;
    this.dropped = false;
  }

  debug(): void {}
  info(): void {}
  trace(): void {}

  warn(entry: unknown): void {
    const { msg, throttleDelay, err, payloadBytes } = Object(entry) as Record<string, unknown>; // checked below, one by one
    if (typeof throttleDelay === 'number') this.throttledMs = throttleDelay;
    if (msg === 'Failed to process untagged response') this.dropped = true;
    // A line that its parser gave up on; what is no answer of ours may be junk that does no harm.
    if (typeof payloadBytes === 'number' && typeof msg === 'string' && ANSWER.test(msg)) this.dropped = true;
    if (err instanceof Error) this.lastError = err;
  }

  error(entry: unknown): void {
    this.warn(entry);
  }
}
