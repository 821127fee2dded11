/**
 * Runs a program as if it were this process: same terminal, same signals, same exit code. It ends when this process ends,
 * however that comes about.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const BIN = join(dirname(HERE), 'node_modules', '.bin');
const LIFELINE = pathToFileURL(join(HERE, 'lifeline.js')).href;
/** Of the child's four standard streams the last: a pipe that closes when we end. */
const LIFELINE_FD = 3;

/**
 * @param node  the Node to run it with
 * @param args  the script and its arguments
 * @returns the exit code; 128 and more for a signal, as shells have it.
 */
export function runProgram(node, args, { cwd, env }) {
  const child = spawn(node, ['--import', LIFELINE, ...args], {
    cwd,
    env: {
      ...env,
      PATH: `${BIN}${delimiter}${env['PATH'] ?? ''}`,
      MAILFERRY_LIFELINE_FD: String(LIFELINE_FD),
    },
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  });
  // From a terminal Ctrl-C reaches the whole group, the child too; passing it on would be a second one.
  const fromTerminal = process.stdin.isTTY === true;
  const passOn = (signal) => {
    if (signal === 'SIGINT' && fromTerminal) return;
    child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, passOn);
  // npm killed by force cannot tell us, but then we, or the shell that it put between us, have another parent.
  const ancestors = ancestorsUpToNpm();
  const watch = setInterval(() => {
    if (ancestorsUpToNpm() !== ancestors) child.kill('SIGTERM');
  }, 1_000);
  watch.unref();
  return new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(`${node} cannot be run: ${error.message}`);
      resolve(126);
    });
    child.once('exit', (code, signal) => {
      clearInterval(watch);
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, passOn);
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}

/** Our parents as far as npm, as a text to compare; empty where npm did not start us, as then a parent may end. */
function ancestorsUpToNpm() {
  if (process.env['npm_lifecycle_event'] === undefined) return '';
  const shell = process.platform === 'linux' ? readStat(process.ppid) : null;
  return shell?.name.endsWith('sh') ? `${process.ppid} ${shell.parent}` : String(process.ppid);
}

function readStat(pid) {
  try {
    const [, name, parent] = /\((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return { name, parent };
  } catch {
    return null; // it has just ended
  }
}
