import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { MigrationError } from '../../domain/errors.ts';
import type { Database } from './schema.ts';

export type Db = Kysely<Database>;

export interface DatabaseOptions {
  /** Connections of this process; PostgreSQL's own default allows 100 over all processes. */
  readonly maxConnections?: number;
  /** A statement that takes longer is given up and retried by the caller. */
  readonly statementTimeoutMs?: number;
  /** Sees every statement that was run; for looking at plans. */
  readonly onStatement?: (text: string, parameters: readonly unknown[]) => void;
}

/**
 * Opens a pool on a PostgreSQL URL. Nothing is connected before the first statement, and a server that dies and comes back
 * is connected again by itself; until then every call fails with DATABASE_UNAVAILABLE. Close with `db.destroy()`.
 */
export function openDatabase(url: string, options: DatabaseOptions = {}): Db {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.maxConnections ?? 10,
    // A window of the census of 500 messages takes milliseconds; a migration of the schema, seconds.
    statement_timeout: options.statementTimeoutMs ?? 30_000,
    // A transaction whose process hangs must not hold a lease or the audit lock for ever.
    idle_in_transaction_session_timeout: 60_000,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    application_name: 'mailferry',
    types: { getTypeParser },
  });
  // An idle connection whose server goes away raises `error` on the pool; without a listener that ends the process.
  pool.on('error', () => {});
  const { onStatement } = options;
  return new Kysely<Database>({
    dialect: new PostgresDialect({ pool: translatePool(pool) }),
    ...(onStatement && { log: ({ query }) => onStatement(query.sql, query.parameters) }),
  });
}

// bigint arrives as text by default (pg-types). Ours are UIDs, sizes and row numbers, all below 2^53. Times cross our ports as
// RFC 3339 text.
function getTypeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  if (oid === pg.types.builtins.INT8) return Number;
  if (oid === pg.types.builtins.TIMESTAMPTZ) return (text) => new Date(text).toISOString();
  return pg.types.getTypeParser(oid, format === 'binary' ? 'text' : format);
}

/** The one place where the driver's failures become ours: every statement of every store passes here. */
function translatePool(pool: pg.Pool) {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await translated(() => pool.connect());
      return translatedClient(client);
    },
  };
}

const WRAPPERS = new WeakMap<pg.PoolClient, ReturnType<typeof wrapClient>>();

function translatedClient(client: pg.PoolClient): ReturnType<typeof wrapClient> {
  const known = WRAPPERS.get(client);
  if (known !== undefined) return known;
  // A client that is checked out reports a dying server on itself, not on the pool; its next query fails anyway.
  client.on('error', () => {});
  const wrapper = wrapClient(client);
  WRAPPERS.set(client, wrapper);
  return wrapper;
}

function wrapClient(client: pg.PoolClient) {
  let broken = false;
  async function query(text: string, values: unknown[]) {
    try {
      return await translated(() => client.query(text, values));
    } catch (error) {
      broken ||= error instanceof MigrationError;
      throw error;
    }
  }
  return {
    // A server that ends a session says so before it closes the socket: given back to the pool in between, the connection
    // would fail its next user too.
    release: (destroy?: boolean) => client.release(destroy === true || broken),
    // Kysely types one method twice: for text and for cursors, which nobody here uses.
    query: query as never,
  };
}

async function translated<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isUnavailable(error)
      ? new MigrationError('DATABASE_UNAVAILABLE', 'The database did not answer.', { cause: error })
      : error;
  }
}

// https://www.postgresql.org/docs/18/errcodes-appendix.html: class 08 connection, 57P0x shutting down or starting up, 53xxx out of
// resources, 57014 our own statement timeout, 40001 and 40P01 asked for a repeat, 25P03 idle in transaction, 25006 read-only
// standby after a failover.
const PASSING_STATES = /^(08...|53...|57P0[1-5]|57014|57P05|40001|40P01|25P03|25006)$/;
const SYSTEM_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT', // a unix socket that is not there
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
// pg 8.23 reports these without any code.
const UNCODED =
  /Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|connection error|Client was closed/i;

function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code !== '') return PASSING_STATES.test(code) || SYSTEM_ERRORS.has(code);
  if (error instanceof AggregateError) return error.errors.some(isUnavailable); // localhost tried on IPv4 and IPv6
  return UNCODED.test(error.message);
}
