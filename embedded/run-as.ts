/**
 * How a component is started: as whom, and with the kernel's promise to end it when we end.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

export interface StartLine {
  readonly command: string;
  readonly args: readonly string[];
  /** To be given to `spawn` where no helper program changes the identity. */
  readonly identity: Partial<Identity>;
}

/**
 * The command line that starts a program as `identity` (null: as ourselves), ended with `deathSignal` if we die.
 *
 * PostgreSQL refuses to run as root, and the unprivileged user that stands in for root cannot enter a folder such as /root
 * (0700), where a clone may well lie. So, and only where a folder on the way to `needed` is closed to others, it keeps
 * the one capability of walking through. `no_setuid_fixup` is needed beside it: access(2), by which PostgreSQL
 * looks for its own binary, drops the capabilities of a process whose real user is not root (capabilities(7)); measured
 * with PostgreSQL 18.4 and util-linux 2.38.
 */
export function startLine(
  command: string,
  args: readonly string[],
  identity: Identity | null,
  deathSignal: NodeJS.Signals,
  needed: readonly string[] = [],
): StartLine {
  const setpriv = findSetpriv();
  if (setpriv === null) return { command, args, identity: identity ?? {} };
  const options = ['--pdeathsig', deathSignal.slice(3)];
  if (identity !== null) {
    options.push('--reuid', String(identity.uid), '--regid', String(identity.gid), '--clear-groups');
    if (needed.some(isClosedToOthers)) {
      options.push('--inh-caps', '+dac_override', '--ambient-caps', '+dac_override');
      options.push('--securebits', '+no_setuid_fixup');
    }
  }
  return { command: setpriv, args: [...options, '--', command, ...args], identity: {} };
}

/** The user under whom root starts PostgreSQL: one that every system has, so that none need be made. */
export function findUnprivilegedUser(): Identity | null {
  const lines = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8').split('\n') : [];
  for (const name of ['postgres', 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
    if (uid > 0 && gid > 0) return { uid, gid };
  }
  return null;
}

/** Whether a folder on the way to `path` may be entered only by its owner or group. */
export function isClosedToOthers(path: string): boolean {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    if (existsSync(folder) && (statSync(folder).mode & 0o001) === 0) return true;
    if (folder === dirname(folder)) return false;
  }
}

/** util-linux' setpriv with `--pdeathsig` (2.33 or later; busybox has another program of that name). */
export function findSetpriv(): string | null {
  if (process.platform !== 'linux') return null;
  return ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path) && !isBusybox(path)) ?? null;
}

function isBusybox(path: string): boolean {
  return statSync(path).ino === (existsSync('/bin/busybox') ? statSync('/bin/busybox').ino : -1);
}
