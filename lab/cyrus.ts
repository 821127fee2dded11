import { rmSync } from 'node:fs';
import { chmod, copyFile, rm, writeFile } from 'node:fs/promises';
import { MigrationError } from '../domain/errors.ts';
import { findCyrus } from '../setup/cyrus.js';
import { CYRUS_FOLDERS, cyrusFiles, imapdConfig, masterConfig } from './cyrus-config.ts';
import { withImap } from './imap-client.ts';
import {
  endDaemon,
  freePort,
  giveAway,
  killGroup,
  launchDaemon,
  makeRoot,
  unprivilegedAccount,
} from './mail-daemon.ts';

export interface CyrusOptions {
  /** Each gets an INBOX; any password opens it. A name has no `@`, and with `.` as separator no dot. */
  users: readonly { name: string }[];
  /** True (default, as Cyrus 3 has it): folders lie beside INBOX. False: below it, `INBOX.Sent`. */
  altnamespace?: boolean;
  /** True (default, as Cyrus 3 has it): `/` separates names. False: `.` does. */
  unixhierarchysep?: boolean;
  /** Of all users together. */
  maxConnections?: number;
}

export interface Cyrus {
  readonly host: string;
  readonly port: number;
  /** Holds configuration, log and mail; on disk. */
  readonly root: string;
  /** Of the master; its process group holds all others. */
  readonly pid: number;
  /** Ends it in good order and removes the folder. Twice is the same as once. */
  stop(): Promise<void>;
  /** Ends every process of it at once, as a crash of the machine would; the mail stays for {@link restart}. */
  kill(): Promise<void>;
  /** Starts again on the same port with the same mail, after {@link kill}. */
  restart(): Promise<void>;
}

/**
 * Starts a private Cyrus 3.6 in a temporary folder, on a port of the system's choice, and waits for its greeting. It writes every
 * message through to the disk.
 * @throws CONFIG_INVALID where Cyrus is missing or will not start; its own words go to the system's log only
 */
export async function startCyrus(options: CyrusOptions): Promise<Cyrus> {
  const programs = findCyrus();
  if (programs === null) {
    throw new MigrationError('CONFIG_INVALID', 'Cyrus is missing: on Debian as root, npm test fetches it');
  }
  const account = unprivilegedAccount();
  const root = await makeRoot('cyrus-', account, CYRUS_FOLDERS);
  const { altnamespace = true, unixhierarchysep = true, maxConnections = 100 } = options;
  const config = { root, account, port: await freePort(), altnamespace, unixhierarchysep, maxConnections };
  const files = cyrusFiles(root);
  // A copy, as the project may lie where the account cannot go.
  await copyFile(programs.imapd, files.imapd);
  await chmod(files.imapd, 0o755);
  await writeFile(files.imapdConf, imapdConfig(config));
  await writeFile(files.cyrusConf, masterConfig(config, programs.recover));
  await giveAway(root, account, CYRUS_FOLDERS);

  const launch = () =>
    launchDaemon({
      name: 'Cyrus',
      // -D: stays in the foreground.
      command: [programs.master, '-D', '-C', files.imapdConf, '-M', files.cyrusConf, '-p', files.pid, '-L', files.log],
      account,
      root,
      imapPort: config.port,
      logFile: files.log,
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
  // The first sign-in of a user makes the INBOX (autocreate_quota).
  for (const { name } of options.users) {
    await withImap({ host: '127.0.0.1', port: config.port, user: name, pass: 'any' }, async () => undefined);
  }
  return {
    host: '127.0.0.1',
    port: config.port,
    root,
    get pid() {
      return child.pid ?? 0;
    },
    stop: async () => {
      process.off('exit', killAtExit);
      await endDaemon(child, 'SIGTERM');
      await rm(root, { recursive: true, force: true });
    },
    kill: () => endDaemon(child, 'SIGKILL'),
    restart: async () => {
      await endDaemon(child, 'SIGKILL');
      child = await launch();
    },
  };
}
