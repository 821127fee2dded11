/**
 * Programs that the test suites need and npm does not bring.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { say, seconds } from './report.js';

/** Debian's package, and where its program may be. */
const PROGRAMS = {
  'dovecot-imapd': ['/usr/sbin/dovecot', '/usr/local/sbin/dovecot', '/opt/homebrew/sbin/dovecot'],
  nsd: ['/usr/sbin/nsd', '/usr/local/sbin/nsd', '/opt/homebrew/sbin/nsd'],
};

/**
 * Installs them as root on a Debian-like system; elsewhere names those missing, and goes on: most suites need none, and those
 * that do fail and say so.
 */
export function ensureDebianPackages() {
  const missing = missingPackages();
  if (missing.length === 0) return;
  const mayInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get');
  if (!mayInstall) {
    say(`missing for some suites: ${missing.join(', ')} (as root on Debian or Ubuntu, npm test installs them)`);
    return;
  }
  say(`system packages: apt-get install ${missing.join(' ')} …`);
  const start = performance.now();
  const failed = [['update'], ['install', '-y', '--no-install-recommends', ...missing]].find((args) => !aptGet(args));
  const left = missingPackages();
  if (failed === undefined && left.length === 0) say(`system packages: installed in ${seconds(start)}`);
  else
    say(`system packages: apt-get ${failed?.[0] ?? 'install'} failed; some suites will fail for want of ${left.join(', ')}`);
}

function missingPackages() {
  return Object.keys(PROGRAMS).filter((name) => !PROGRAMS[name].some((path) => existsSync(path)));
}

function aptGet(args) {
  const result = spawnSync('apt-get', ['-q', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 300_000,
  });
  if (result.status !== 0) say(`apt-get: ${(result.stderr ?? '').trim().split('\n').at(-1)}`);
  return result.status === 0;
}
