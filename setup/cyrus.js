/**
 * Cyrus beside Dovecot. Debian's packages of the two IMAP servers conflict, but only the small one with Cyrus's `imapd` does, not
 * cyrus-common with its libraries and its master. So `imapd` is unpacked into the project's cache, and never installed.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));
const BIN = 'usr/lib/cyrus/bin';
const UNPACKED = join(PROJECT, '.cache', 'cyrus');

/** @returns the paths of Cyrus's programs, null where one is missing. `system` is the root folder, for tests. */
export function findCyrus(system = '/') {
  const master = join(system, BIN, 'master');
  const recover = join(system, BIN, 'ctl_cyrusdb');
  const imapd = [join(system, BIN, 'imapd'), join(UNPACKED, BIN, 'imapd')].find((path) => existsSync(path));
  return imapd !== undefined && existsSync(master) && existsSync(recover) ? { master, imapd, recover } : null;
}

/**
 * Unpacks `imapd` of the same version as cyrus-common, whose libraries it loads.
 *
 * @param run  runs a program in a folder and tells whether it went well
 */
export function fetchCyrusImapd(run, version) {
  const draft = `${UNPACKED}.new-${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    const wanted = version === null ? 'cyrus-imapd' : `cyrus-imapd=${version}`;
    if (!run('apt-get', ['-q', 'download', wanted], draft)) return false;
    const archive = readdirSync(draft).find((name) => name.endsWith('.deb'));
    if (archive === undefined || !run('dpkg', ['-x', archive, 'unpacked'], draft)) return false;
    rmSync(UNPACKED, { recursive: true, force: true });
    renameSync(join(draft, 'unpacked'), UNPACKED);
    return true;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
