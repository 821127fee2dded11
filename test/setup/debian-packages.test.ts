import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BareClone, newBareClone } from './bare-clone.ts';

let clone: BareClone;
beforeEach(() => {
  clone = newBareClone();
});
afterEach(() => clone.remove());

const ALL = [
  'usr/sbin/dovecot',
  'usr/bin/mbsync',
  'usr/sbin/nsd',
  'usr/lib/cyrus/bin/master',
  'usr/lib/cyrus/bin/ctl_cyrusdb',
];
const IMAPD = '.cache/cyrus/usr/lib/cyrus/bin/imapd';

describe('on Debian as root', () => {
  beforeEach(() => {
    clone.write('system/etc/debian_version', '12.11\n');
    clone.write('system/usr/bin/apt-get', '');
    clone.fake('dpkg-query', "printf 'cyrus-common\\t3.6.1-4\\n'");
    clone.fake('dpkg', '/bin/mkdir -p "$3/usr/lib/cyrus/bin" && : > "$3/usr/lib/cyrus/bin/imapd"');
  });

  it('installs what is missing, and unpacks the imapd of Cyrus, whose package conflicts with Dovecot', () => {
    aptGetThatWorks();
    expect(ensure()).toMatch(
      /apt-get install dovecot-imapd isync nsd cyrus-common cyrus-imapd …\n.*installed in [\d.]+ s\n$/,
    );
    expect(clone.calls().map((call) => call.replace(/^(dpkg -x) .*/, '$1'))).toEqual([
      'apt-get -q -o DPkg::Lock::Timeout=120 update',
      'apt-get -q -o DPkg::Lock::Timeout=120 install -y --no-install-recommends --no-remove dovecot-imapd isync nsd cyrus-common msmtp-mta',
      'dpkg-query -W cyrus-common',
      'apt-get -q download cyrus-imapd=3.6.1-4',
      'dpkg -x',
    ]);
    expect(existsSync(join(clone.folder, IMAPD))).toBe(true);
  });

  it('says nothing and calls nobody the second time', () => {
    aptGetThatWorks();
    ensure();
    clone.calls();
    expect({ said: ensure(), calls: clone.calls() }).toEqual({ said: '', calls: [] });
  });

  it('keeps the program that sends mail where there is one', () => {
    aptGetThatWorks();
    clone.write('system/usr/sbin/sendmail', '');
    ensure();
    expect(clone.calls().join()).not.toContain('msmtp');
  });

  it.each([
    ['update', 'dovecot-imapd, isync, nsd, cyrus-common, cyrus-imapd'],
    ['install', 'dovecot-imapd, isync, nsd, cyrus-common, cyrus-imapd'],
    ['download', 'cyrus-imapd'],
  ])('goes on when apt-get %s fails, and names what is left', (command, left) => {
    aptGetThatWorks(`case "$*" in *' ${command}'*) echo 'E: no network' >&2; exit 100;; esac`);
    const said = ensure();
    expect(said).toContain('apt-get: E: no network');
    expect(said).toContain(`apt-get ${command} failed; some suites will fail for want of ${left}\n`);
    expect(existsSync(join(clone.folder, '.cache/cyrus'))).toBe(false);
  });
});

it('names what is missing on other systems', () => {
  expect(ensure()).toContain(
    'missing for some suites: dovecot-imapd, isync, nsd, cyrus-common, cyrus-imapd (as root on Debian',
  );
  for (const path of [...ALL, 'usr/lib/cyrus/bin/imapd']) clone.write(`system/${path}`, '');
  expect(ensure()).toBe('');
});

/** Its `install` brings the programs, its `download` a file; before, it does what the test wants. */
function aptGetThatWorks(before = ''): void {
  const install = ALL.map((path) => {
    const full = join(clone.folder, 'system', path);
    return `/bin/mkdir -p '${join(full, '..')}'; : > '${full}'`;
  });
  clone.fake(
    'apt-get',
    `${before}\ncase "$*" in\n  *' install '*) ${install.join('; ')};;\n  *' download '*) : > cyrus-imapd_3.6.1-4_amd64.deb;;\nesac`,
  );
}

/** What set-up says of the packages, as root whoever runs the test. */
function ensure(): string {
  const module = JSON.stringify(join(clone.folder, 'setup/debian-packages.js'));
  const program = `
    process.getuid = () => 0;
    const { ensureDebianPackages } = await import(${module});
    process.stderr.write = (text) => process.stdout.write(text);
    ensureDebianPackages(${JSON.stringify(join(clone.folder, 'system'))});`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { PATH: join(clone.folder, 'fake-bin') },
  });
}
