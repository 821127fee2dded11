import { accessSync, constants, readFileSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MigrationError } from '../domain/errors.ts';
import { dovecotConfig, logFile, usersFile } from './dovecot-config.ts';
import { type ImapEndpoint, withImap } from './imap-client.ts';
import {
  endDaemon,
  freePort,
  giveAway,
  killGroup,
  launchDaemon,
  makeRoot,
  unprivilegedAccount,
} from './mail-daemon.ts';

export interface DovecotOptions {
  users: readonly { name: string; password: string }[];
  /** PEM; with it STARTTLS and a TLS port are offered. Plain text stays possible. */
  tls?: { key: string; cert: string };
  /** Connections a user may have at once from one address; Dovecot's own default is 10. */
  maxConnections?: number;
  /** False (default) lets the operating system write when it likes: tests need speed, benchmarks ask for `true`. */
  fsync?: boolean;
  /** Lines at the end of the configuration, which win over what is said before them. */
  settings?: string;
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
  /** Starts again on the same ports with the same mail, after {@link kill} or by killing it; with other settings where they are given. */
  restart(options?: Pick<DovecotOptions, 'settings'>): Promise<void>;
}

/** Dovecot looks at its file of users once a second; the rest is room for a busy machine. */
const SIGN_IN_LIMIT_MS = 15_000;
const PLACES = ['/usr/sbin/dovecot', '/usr/local/sbin/dovecot', '/opt/homebrew/sbin/dovecot'];

/** What it needs under its root. */
const FOLDERS = ['run', 'state', 'mail', 'home'];
const OWNED = [...FOLDERS, 'users', 'dovecot.conf', 'cert.pem', 'key.pem'];

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
  const root = await makeRoot('dovecot-', account, FOLDERS);
  const [imap, imaps] = await Promise.all([freePort(), freePort()]);
  const ports = { imap, imaps: options.tls === undefined ? null : imaps };
  const config = { root, account, ports, maxConnections: options.maxConnections ?? 100, fsync: options.fsync ?? false };
  const configFile = join(root, 'dovecot.conf');
  await writeFile(configFile, dovecotConfig(config) + (options.settings ?? ''));
  if (options.tls !== undefined) {
    await writeFile(join(root, 'cert.pem'), options.tls.cert);
    await writeFile(join(root, 'key.pem'), options.tls.key);
  }
  await writeFile(usersFile(root), options.users.map((user) => userLine(user.name, user.password)).join(''));
  await giveAway(root, account, OWNED);

  const launch = () =>
    launchDaemon({
      name: 'Dovecot',
      command: [program, '-F', '-c', configFile],
      account,
      root,
      imapPort: ports.imap,
      logFile: logFile(root),
    });
  let child = await launch().catch(async (error: unknown) => {
    await rm(root, { recursive: true, force: true });
    throw error;
  });
  const killAtExit = () => {
    killGroup(child);
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
      await endDaemon(child, 'SIGTERM');
      await rm(root, { recursive: true, force: true });
    },
    kill: () => endDaemon(child, 'SIGKILL'),
    restart: async ({ settings } = {}) => {
      await endDaemon(child, 'SIGKILL');
      if (settings !== undefined) await writeFile(configFile, dovecotConfig(config) + settings);
      child = await launch();
    },
  };
}

async function recordUser(root: string, name: string, password: string): Promise<void> {
  const lines = readFileSync(usersFile(root), 'utf8').split('\n');
  // Dovecot takes the first line of a user, so the old one has to go.
  const others = lines.filter((line) => line !== '' && !line.startsWith(`${name}:`)).map((line) => `${line}\n`);
  await writeFile(usersFile(root), others.join('') + userLine(name, password));
}

/** Dovecot looks at the file of users once a second at most (measured against 2.3), so a new line is not read at once. */
async function untilItSignsIn(endpoint: ImapEndpoint): Promise<void> {
  const waitUntil = Date.now() + SIGN_IN_LIMIT_MS;
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

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
