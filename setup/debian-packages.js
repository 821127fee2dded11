/**
 * Programs that the test suites need and npm does not bring.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fetchCyrusImapd, findCyrus } from './cyrus.js';
import { say, seconds } from './report.js';

/** Debian's package, and where its program may be. */
const PROGRAMS = {
  'dovecot-imapd': ['usr/sbin/dovecot', 'usr/local/sbin/dovecot', 'opt/homebrew/sbin/dovecot'],
  isync: ['usr/bin/mbsync', 'usr/local/bin/mbsync', 'opt/homebrew/bin/mbsync'],
  nsd: ['usr/sbin/nsd', 'usr/local/sbin/nsd', 'opt/homebrew/sbin/nsd'],
  'cyrus-common': ['usr/lib/cyrus/bin/master'],
};
/** Not installed but unpacked: see cyrus.js. */
const UNPACKED = 'cyrus-imapd';

/**
 * Installs them as root on a Debian-like system; elsewhere names those missing, and goes on: most suites need none, and those
 * that do fail and say so.
 *
 * @param system  the root folder, for tests
 */
export function ensureDebianPackages(system = '/') {
  const missing = missingPackages(system);
  if (missing.length === 0) return;
  const isDebian = ['etc/debian_version', 'usr/bin/apt-get'].every((path) => existsSync(join(system, path)));
  if (process.getuid?.() !== 0 || !isDebian) {
    say(`missing for some suites: ${missing.join(', ')} (as root on Debian or Ubuntu, npm test installs them)`);
    return;
  }
  say(`system packages: apt-get install ${missing.join(' ')} …`);
  const start = performance.now();
  const failed = install(missing, system);
  const left = missingPackages(system);
  if (failed === null && left.length === 0) say(`system packages: installed in ${seconds(start)}`);
  else
    say(`system packages: apt-get ${failed ?? 'install'} failed; some suites will fail for want of ${left.join(', ')}`);
}

function missingPackages(system) {
  const missing = Object.keys(PROGRAMS).filter(
    (name) => !PROGRAMS[name].some((path) => existsSync(join(system, path))),
  );
  return missing.includes('cyrus-common') || findCyrus(system) === null ? [...missing, UNPACKED] : missing;
}

/** @returns the command of apt-get that failed, null where none did. */
function install(missing, system) {
  // Another apt-get may be at work, as Debian's own upgrades are.
  const patient = ['-q', '-o', 'DPkg::Lock::Timeout=120'];
  if (!run('apt-get', [...patient, 'update'])) return 'update';
  const packages = missing.filter((name) => name !== UNPACKED);
  // cyrus-common wants a program that sends mail; without a wish apt takes a daemon that would then listen on this machine.
  if (packages.includes('cyrus-common') && !existsSync(join(system, 'usr/sbin/sendmail'))) packages.push('msmtp-mta');
  // Never at the price of a server that somebody uses: the IMAP servers conflict with each other.
  const options = [...patient, 'install', '-y', '--no-install-recommends', '--no-remove'];
  if (packages.length > 0 && !run('apt-get', [...options, ...packages])) return 'install';
  if (missing.includes(UNPACKED) && !fetchCyrusImapd(run, versionOf('cyrus-common'))) return 'download';
  return null;
}

function versionOf(name) {
  const { stdout } = spawnSync('dpkg-query', ['-W', name], { encoding: 'utf8' });
  return stdout?.trim().split('\t')[1] ?? null;
}

function run(command, args, cwd) {
  const result = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 300_000,
  });
  if (result.status !== 0) say(`${command}: ${(result.stderr ?? '').trim().split('\n').at(-1)}`);
  return result.status === 0;
}
