/**
 * Runs a program as if it were this process: same terminal, same signals, same exit code. It ends when this process ends,
 * however that comes about.
 */
import { spawn } from 'node:child_process';
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
  // npm killed by force cannot tell us: we then have another parent.
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.env['npm_lifecycle_event'] !== undefined && process.ppid !== parent) child.kill('SIGTERM');
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
