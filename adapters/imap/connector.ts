import { type ByteBudget, createByteBudget } from '../../domain/byte-budget.ts';
import { type ErrorCode, MigrationError } from '../../domain/errors.ts';
import { accountName, type SignIns } from '../../domain/ports/connections.ts';
import type { MailAccount, MailConnector } from '../../domain/ports/mail.ts';
import type { Secrets } from '../../domain/ports/services.ts';
import type { TokenPool } from '../graph/token-pool.ts';
import { EXCHANGE_SCOPE } from '../graph/token-source.ts';
import { enableTracking } from './changes.ts';
import {
  type Credentials,
  connectImap,
  DEFAULT_TIMEOUTS,
  type ImapConnection,
  type ImapTimeouts,
} from './connection.ts';
import { ImapSource } from './source.ts';
import { ImapTarget } from './target.ts';

export interface ImapConnectorOptions {
  readonly timeouts?: ImapTimeouts;
  /** Remembers what was refused; without it, each session tries anew. */
  readonly signIns?: SignIns;
  /** Tokens of applications, for endpoints with `auth: xoauth2`. */
  readonly tokens?: TokenPool;
  /** Of the process, for large messages that are read again; by default one for this connector. */
  readonly budget?: ByteBudget;
  /** Told of bytes that were read and will be thrown away soon, where they are many at once. */
  readonly onBulk?: (bytes: number) => void;
}

/**
 * Mail over IMAP for both sides. The secret is looked up at each connect and not kept. A password that a server has refused is not
 * sent to it again before it is another one or a person asks for it, so that no account is locked by us (T60).
 */
export function createImapConnector(secrets: Secrets, options: ImapConnectorOptions = {}): MailConnector {
  const budget = options.budget ?? createByteBudget();
  return {
    async openSource(account, signal) {
      const connection = await signIn(secrets, options, account, signal);
      try {
        return new ImapSource(connection, await enableTracking(connection));
      } catch (error) {
        await connection.close();
        throw error;
      }
    },
    async openTarget(account, signal, { mayWrite = () => true } = {}) {
      const open = async () => {
        const connection = await signIn(secrets, options, account, signal);
        connection.fence(mayWrite);
        return connection;
      };
      return new ImapTarget(await open(), budget, open);
    },
  };
}

/** A connection that is signed in. @throws as MailConnector.openSource */
export async function signIn(
  secrets: Secrets,
  options: ImapConnectorOptions,
  account: MailAccount,
  signal: AbortSignal,
): Promise<ImapConnection> {
  const connect = async (credentials: Credentials) => {
    return await connectImap(account.endpoint, credentials, signal, options.timeouts ?? DEFAULT_TIMEOUTS);
  };
  const byToken = account.endpoint.auth === 'xoauth2';
  const connection = await (byToken
    ? byAccessToken(options, account, connect)
    : byPassword(secrets, options, account, connect));
  if (options.onBulk) connection.onBulk = options.onBulk;
  return connection;
}

type Connect = (credentials: Credentials) => Promise<ImapConnection>;

async function byPassword(
  secrets: Secrets,
  { signIns }: ImapConnectorOptions,
  { endpoint, user, secret }: MailAccount,
  connect: Connect,
): Promise<ImapConnection> {
  const password = await secrets.resolve(secret);
  const account = accountName(endpoint, user);
  if (await signIns?.isRefused(account, password)) {
    throw new MigrationError('AUTH_FAILED', 'The server has refused this password before; it is not tried again.', {
      facts: { host: endpoint.host, port: endpoint.port },
    });
  }
  try {
    return await connect({ user, password });
  } catch (error) {
    if (isOf(error, 'AUTH_FAILED')) await signIns?.recordRefused(account, password);
    throw error;
  }
}

/**
 * XOAUTH2 with a token of the application (exchange.md §5.1), a fresh one where the old one has ended (T57). A refusal says nothing
 * of a password and locks nobody out, so it is not remembered.
 */
async function byAccessToken(
  { tokens }: ImapConnectorOptions,
  { endpoint: { host, port }, user, application }: MailAccount,
  connect: Connect,
): Promise<ImapConnection> {
  if (!tokens || !application) throw new MigrationError('PLAN_INVALID', 'a sign-in by XOAUTH2 needs an application');
  const source = tokens(application, EXCHANGE_SCOPE);
  const token = await source.get();
  try {
    return await connect({ user, token });
  } catch (error) {
    if (!isOf(error, 'IMAP_APP_UNKNOWN')) throw error;
    if (source.renew(token)) return await connect({ user, token: await source.get() });
    if (mayHave(token, IMAP_ROLE)) throw error;
    throw new MigrationError('IMAP_APP_UNKNOWN', `The token of the application lacks the permission ${IMAP_ROLE}.`, {
      facts: { host, port },
      cause: error,
    });
  }
}

const IMAP_ROLE = 'IMAP.AccessAsApp';

/** Read, not trusted: what a token of Entra says of itself (RFC 7519 §4). True where it says nothing. */
function mayHave(token: string, role: string): boolean {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const { roles } = Object(claims) as { readonly roles?: unknown };
    return !Array.isArray(roles) || roles.includes(role);
  } catch {
    return true;
  }
}

function isOf(error: unknown, code: ErrorCode): boolean {
  return error instanceof MigrationError && error.code === code;
}
