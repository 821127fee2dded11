import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MigrationError } from '../domain/errors.ts';
import { type DovecotConfig, dovecotConfig, logFile, usersFile } from './dovecot-config.ts';
import { type ImapEndpoint, withImap } from './imap-client.ts';

export interface DovecotOptions {
  users: readonly { name: string; password: string }[];
  /** PEM; with it STARTTLS and a TLS port are offered. Plain text stays possible. */
  tls?: { key: string; cert: string };
  /** Connections a user may have at once from one address; Dovecot's own default is 10. */
  maxConnections?: number;
  /** False (default) lets the operating system write when it likes: tests need speed, benchmarks ask for `true`. */
  fsync?: boolean;
}

export interface Dovecot {
  readonly host: string;
  readonly port: number;
  readonly tlsPort: number | null;
  /** Holds configuration, log and mail. */
  readonly root: string;
  /** Of the master; its process group holds all others. */
  readonly pid: number;
  /** A new account, or a new password for one that is there; valid at once. */
  addUser(name: string, password: string): Promise<void>;
  /** Ends it in good order and removes the folder. Twice is the same as once. */
  stop(): Promise<void>;
  /** Ends every process of it at once, as a crash of the machine would; the mail stays for {@link restart}. */
  kill(): Promise<void>;
  /** Starts again on the same ports with the same mail, after {@link kill}. */
  restart(): Promise<void>;
}

/** As it took on two busy cores: 0.3 s. */
const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 5_000;
const PLACES = ['/usr/sbin/dovecot', '/usr/local/sbin/dovecot', '/opt/homebrew/sbin/dovecot'];

/**
 * The shell becomes Dovecot; a companion reads our end of a pipe and ends Dovecot when that closes, so that it goes even when we
 * are killed by force. Descriptor 3, since a shell takes the standard input away from a command in the background.
 */
const RUN = 'exec 3<&0; { read -r _ <&3; kill -TERM $$; } & exec "$0" -F -c "$1" </dev/null 3<&-';

/** Path of the program, null where none is installed. */
export function findDovecot(): string | null {
  return PLACES.find((place) => isExecutable(place)) ?? null;
}

/**
 * Starts a private Dovecot in a temporary folder, on ports of the system's choice, and waits for its greeting.
 * @throws CONFIG_INVALID where Dovecot is missing or will not start; the message has the end of its log
 */
export async function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  const program = findDovecot();
  if (program === null) {
    throw new MigrationError('CONFIG_INVALID', 'Dovecot is not installed: install the package dovecot-imapd');
  }
  const account = unprivilegedAccount();
  const root = await makeRoot(account);
  const [imap, imaps] = await Promise.all([freePort(), freePort()]);
  const ports = { imap, imaps: options.tls === undefined ? null : imaps };
  const config = { root, account, ports, maxConnections: options.maxConnections ?? 100, fsync: options.fsync ?? false };
  const configFile = join(root, 'dovecot.conf');
  await writeFile(configFile, dovecotConfig(config));
  if (options.tls !== undefined) {
    await writeFile(join(root, 'cert.pem'), options.tls.cert);
    await writeFile(join(root, 'key.pem'), options.tls.key);
  }
  await writeFile(usersFile(root), options.users.map((user) => userLine(user.name, user.password)).join(''));
  await giveAway(root, account);

  let child = await launch(program, configFile, config).catch(async (error: unknown) => {
    await rm(root, { recursive: true, force: true });
    throw error;
  });
  const killAtExit = () => {
    killGroup(child, 'SIGKILL');
    rmSync(root, { recursive: true, force: true });
  };
  process.on('exit', killAtExit);
  return {
    host: '127.0.0.1',
    port: ports.imap,
    tlsPort: ports.imaps,
    root,
    get pid() {
      return child.pid ?? 0;
    },
    addUser: async (name, password) => {
      await recordUser(root, name, password);
      await untilItSignsIn({ host: '127.0.0.1', port: ports.imap, user: name, pass: password });
    },
    stop: async () => {
      process.off('exit', killAtExit);
      await end(child, 'SIGTERM');
      await rm(root, { recursive: true, force: true });
    },
    kill: () => end(child, 'SIGKILL'),
    restart: async () => {
      await end(child, 'SIGKILL');
      child = await launch(program, configFile, config);
    },
  };
}

async function launch(program: string, configFile: string, config: DovecotConfig): Promise<ChildProcess> {
  const { uid, gid } = config.account;
  const asAccount = process.getuid?.() === 0 ? { uid, gid } : {};
  const child = spawn('/bin/sh', ['-c', RUN, program, configFile], {
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
    cwd: config.root,
    ...asAccount,
  });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const waitUntil = Date.now() + START_LIMIT_MS;
  while (!(await greets(config.ports.imap))) {
    if (child.exitCode === null && Date.now() < waitUntil) {
      await delay(20);
      continue;
    }
    await end(child, 'SIGKILL');
    throw new MigrationError(
      'CONFIG_INVALID',
      `Dovecot does not start: ${complaint}${lastLines(logFile(config.root))}`,
    );
  }
  return child;
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    if (signal === 'SIGTERM') child.kill(signal);
    else killGroup(child, signal);
    await Promise.race([exited, delay(STOP_LIMIT_MS, undefined, { ref: false })]);
  }
  killGroup(child, 'SIGKILL');
  child.stdin?.destroy();
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // ESRCH: nobody of the group is left, which is what was wanted.
  }
}

/** Dovecot never opens mail as root, so root lends it an account that every system has. */
function unprivilegedAccount(): DovecotConfig['account'] {
  const { uid, gid, username } = userInfo();
  if (uid !== 0) return { uid, gid, name: username, group: output('id', ['-gn']) };
  const name = 'nobody';
  const group = output('id', ['-gn', name]);
  return { name, group, uid: Number(output('id', ['-u', name])), gid: Number(output('id', ['-g', name])) };
}

function output(command: string, args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' }).trim();
}

/** A folder that the account can reach: as root, TMPDIR may lie below a folder that is closed to others. */
async function makeRoot(account: DovecotConfig['account']): Promise<string> {
  const foreign = process.getuid?.() === 0 && account.uid !== 0;
  const parents = [tmpdir(), '/tmp', '/var/tmp', '/dev/shm'].filter((place) => !foreign || isOpenToAll(place));
  const parent = parents[0];
  if (parent === undefined) {
    throw new MigrationError('CONFIG_INVALID', `No temporary folder can be entered by ${account.name}: set TMPDIR`);
  }
  const root = mkdtempSync(join(parent, 'dovecot-'));
  for (const name of ['run', 'state', 'mail', 'home']) await mkdir(join(root, name));
  return root;
}

function isOpenToAll(folder: string): boolean {
  try {
    for (let at = folder; ; at = dirname(at)) {
      if ((statSync(at).mode & 0o001) === 0) return false;
      if (at === dirname(at)) return true;
    }
  } catch {
    return false;
  }
}

async function giveAway(root: string, { uid, gid }: DovecotConfig['account']): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const names = ['run', 'state', 'mail', 'home', 'users', 'dovecot.conf', 'cert.pem', 'key.pem'].map((name) =>
    join(root, name),
  );
  for (const path of [root, ...names]) if (exists(path)) await chown(path, uid, gid);
}

async function recordUser(root: string, name: string, password: string): Promise<void> {
  const lines = readFileSync(usersFile(root), 'utf8').split('\n');
  // Dovecot takes the first line of a user, so the old one has to go.
  const others = lines.filter((line) => line !== '' && !line.startsWith(`${name}:`)).map((line) => `${line}\n`);
  await writeFile(usersFile(root), others.join('') + userLine(name, password));
}

/** Dovecot looks at the file of users once a second at most (measured against 2.3), so a new line is not read at once. */
async function untilItSignsIn(endpoint: ImapEndpoint): Promise<void> {
  const waitUntil = Date.now() + START_LIMIT_MS;
  for (;;) {
    try {
      return await withImap(endpoint, async () => undefined);
    } catch (error) {
      if (Date.now() > waitUntil) throw error;
      await delay(100);
    }
  }
}

/** Base64, since a colon ends the field. */
function userLine(name: string, password: string): string {
  return `${name}:{PLAIN.b64}${Buffer.from(password).toString('base64')}\n`;
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (data) => done(data.toString().startsWith('* OK')));
    socket.once('error', () => done(false));
    socket.once('close', () => done(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function lastLines(path: string): string {
  return exists(path) ? readFileSync(path, 'utf8').split('\n').slice(-6).join('\n') : '';
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
