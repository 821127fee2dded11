import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { chown, mkdir } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MigrationError } from '../domain/errors.ts';

/** Who a daemon runs as; one account for all of it, which needs no rights of root. */
export interface DaemonAccount {
  readonly name: string;
  readonly group: string;
  readonly uid: number;
  readonly gid: number;
}

export interface DaemonLaunch {
  /** For people, in an error. */
  readonly name: string;
  /** Program and arguments; it has to stay in the foreground and to end cleanly at SIGTERM. */
  readonly command: readonly string[];
  readonly account: DaemonAccount;
  /** Its working folder. */
  readonly root: string;
  readonly imapPort: number;
  readonly logFile: string;
}

/** As it took on two busy cores: Dovecot 0.3 s, Cyrus 0.5 s. */
const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 5_000;

/**
 * The shell becomes the daemon; a companion reads our end of a pipe and ends it when that closes, so that it goes even when we
 * are killed by force. Descriptor 3, since a shell takes the standard input away from a command in the background.
 */
const RUN = 'exec 3<&0; { read -r _ <&3; kill -TERM $$; } & exec "$@" </dev/null 3<&-';

/**
 * Starts a mail server in a process group of its own and waits for its IMAP greeting.
 * @throws CONFIG_INVALID where it does not start; the message has the end of its log
 */
export async function launchDaemon(launch: DaemonLaunch): Promise<ChildProcess> {
  const { uid, gid } = launch.account;
  const asAccount = process.getuid?.() === 0 ? { uid, gid } : {};
  const child = spawn('/bin/sh', ['-c', RUN, 'sh', ...launch.command], {
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
    cwd: launch.root,
    ...asAccount,
  });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const waitUntil = Date.now() + START_LIMIT_MS;
  while (!(await greets(launch.imapPort))) {
    if (child.exitCode === null && Date.now() < waitUntil) {
      await delay(20);
      continue;
    }
    await endDaemon(child, 'SIGKILL');
    const code = child.exitCode === null ? '' : ` (exit code ${child.exitCode})`;
    throw new MigrationError(
      'CONFIG_INVALID',
      `${launch.name} does not start${code}: ${complaint}${lastLines(launch.logFile)}`,
    );
  }
  return child;
}

/** SIGTERM lets it end in good order; whoever of its group is left after five seconds is killed. Twice is the same as once. */
export async function endDaemon(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    if (signal === 'SIGTERM') child.kill(signal);
    else killGroup(child);
    await Promise.race([exited, delay(STOP_LIMIT_MS, undefined, { ref: false })]);
  }
  killGroup(child);
  child.stdin?.destroy();
}

/** Ends every process of the daemon at once. */
export function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // ESRCH: nobody of the group is left, which is what was wanted.
  }
}

/** Mail servers never open mail as root, so root lends them an account that every system has. */
export function unprivilegedAccount(): DaemonAccount {
  const { uid, gid, username } = userInfo();
  if (uid !== 0) return { uid, gid, name: username, group: output('id', ['-gn']) };
  const name = 'nobody';
  const group = output('id', ['-gn', name]);
  return { name, group, uid: Number(output('id', ['-u', name])), gid: Number(output('id', ['-g', name])) };
}

/** A folder on disk that the account can reach: as root, TMPDIR may lie below a folder that is closed to others. */
export async function makeRoot(prefix: string, account: DaemonAccount, folders: readonly string[]): Promise<string> {
  const foreign = process.getuid?.() === 0 && account.uid !== 0;
  const parents = [tmpdir(), '/tmp', '/var/tmp', '/dev/shm'].filter((place) => !foreign || isOpenToAll(place));
  const parent = parents[0];
  if (parent === undefined) {
    throw new MigrationError('CONFIG_INVALID', `No temporary folder can be entered by ${account.name}: set TMPDIR`);
  }
  const root = mkdtempSync(join(parent, prefix));
  for (const name of folders) await mkdir(join(root, name), { recursive: true });
  return root;
}

/** As root, makes the account the owner of the root and of what it holds under these names, where they are there. */
export async function giveAway(root: string, { uid, gid }: DaemonAccount, names: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const paths = names.map((name) => join(root, name)).filter(exists);
  for (const path of [root, ...paths]) await chown(path, uid, gid);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
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

function output(command: string, args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' }).trim();
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

function lastLines(path: string): string {
  return exists(path) ? readFileSync(path, 'utf8').split('\n').slice(-6).join('\n') : '';
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
