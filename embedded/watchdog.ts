/**
 * No orphan whatever dies. A tiny shell holds the reading end of a pipe whose other end is only ours. When we end, however we
 * end, the pipe closes, and the shell ends the process groups that it was told to guard. If the shell is killed, we start
 * another. What remains is both being killed in the same instant; on Linux the kernel's parent-death signal covers that
 * (`run-as.ts`), and the pid files at the next start (`process-marks.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process';

// dash, busybox and macOS' sh run this; `sleep` with a fraction is known to all three.
const SCRIPT = `
trap '' HUP INT TERM QUIT PIPE
guarded=' '
while read -r verb entry; do
  case $verb in
    guard) guarded="$guarded$entry " ;;
    release) guarded="\${guarded%% $entry *} \${guarded#* $entry }" ;;
  esac
done
[ "$guarded" = ' ' ] && exit 0
for entry in $guarded; do kill -s "\${entry#*:}" -- "-\${entry%%:*}" 2>/dev/null; done
tries=0
while [ $tries -lt 30 ]; do
  left=0
  for entry in $guarded; do kill -s 0 -- "-\${entry%%:*}" 2>/dev/null && left=1; done
  [ $left = 0 ] && exit 0
  tries=$((tries + 1))
  sleep 0.1
done
for entry in $guarded; do kill -s KILL -- "-\${entry%%:*}" 2>/dev/null; done
`;

const guarded = new Set<string>();
let shell: ChildProcess | null = null;

/**
 * Ends a process group with `signal`, three seconds later with SIGKILL, should we die. Twice is the same as once.
 *
 * @param pid  leader of its own process group (spawned with `detached`).
 * @returns takes it back; call it when the process has ended.
 */
export function guardProcess(pid: number, signal: NodeJS.Signals = 'SIGTERM'): () => void {
  const entry = `${pid}:${signal.slice(3)}`;
  if (!guarded.has(entry)) {
    guarded.add(entry);
    if (shell === null) startShell();
    else tell(`guard ${entry}`);
  }
  return () => {
    if (!guarded.delete(entry)) return;
    tell(`release ${entry}`);
    if (guarded.size === 0) endShell();
  };
}

/** Of the guarding shell, for tests; null where nothing is guarded. */
export function watchdogPid(): number | null {
  return shell?.pid ?? null;
}

function startShell(): void {
  const started = spawn('/bin/sh', ['-c', SCRIPT], {
    cwd: '/',
    detached: true, // out of the terminal's process group: Ctrl-C must not end it before us
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell = started;
  started.unref();
  (started.stdin as { unref?: () => void } | null)?.unref?.();
  started.stdin?.on('error', () => undefined); // EPIPE when it was killed; `exit` follows and brings another
  const restart = () => {
    if (shell !== started) return;
    shell = null;
    if (guarded.size > 0) startShell();
  };
  started.once('exit', restart);
  started.once('error', () => {
    shell = null; // no /bin/sh: the parent-death signal and the pid files remain
  });
  for (const entry of guarded) tell(`guard ${entry}`);
}

function tell(line: string): void {
  shell?.stdin?.write(`${line}\n`);
}

function endShell(): void {
  const ending = shell;
  shell = null;
  ending?.stdin?.end();
}
