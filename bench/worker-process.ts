import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { guardProcess } from '../embedded/watchdog.ts';
import { bareEnv } from '../test/e2e/running-service.ts';

export interface WorkerProcess {
  readonly pid: number;
  /** Rejects when it ends without having been asked to. */
  readonly failed: Promise<never>;
  /** kill -9. @returns when it has gone */
  kill(): Promise<void>;
  /** Twice is once. */
  stop(): Promise<void>;
}

/** Loading the SDK, the workflow bundle and connecting took 2 s; the first start on a machine also makes the bundle. */
const START_LIMIT_MS = 60_000;
const READY = 'the worker is ready';

/**
 * A worker as a process of its own, ready for work.
 * @param program  workers/main.ts, or a stand-in that says the same when it is ready.
 * @param nodeOptions  before the program, such as `--cpu-prof`.
 */
export async function startWorkerProcess(
  program: string,
  env: Readonly<Record<string, string>>,
  logFile: string,
  nodeOptions: readonly string[] = [],
  args: readonly string[] = [],
): Promise<WorkerProcess> {
  const child = spawn(process.execPath, [...nodeOptions, join(import.meta.dirname, '..', program), ...args], {
    env: { ...bareEnv(), ...env, MAILFERRY_LOG_FORMAT: 'json', MAILFERRY_LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} cannot be started`);
  const release = guardProcess(pid);
  const log = createWriteStream(logFile, { flags: 'a' });
  const ready = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined); // whoever races it sees it
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.pipe(log, { end: false });
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4_000);
      if (said.includes(READY)) ready.resolve();
    });
  }
  let asked = false;
  const ended = once(child, 'close').then(() => {
    release();
    log.end();
    if (!asked) failed.reject(new Error(`the worker process ended by itself:\n${said}`));
  });
  const limit = setTimeout(() => ready.reject(new Error(`the worker does not start:\n${said}`)), START_LIMIT_MS);
  await Promise.race([ready.promise, failed.promise]).finally(() => clearTimeout(limit));
  const end = async (signal: NodeJS.Signals) => {
    asked = true;
    child.kill(signal);
    const force = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(force);
  };
  return { pid, failed: failed.promise, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}
