import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { guardProcess } from '../../embedded/watchdog.ts';

export interface WorkerProcess {
  /** Rejects when the process ends again and again by itself. */
  readonly failed: Promise<never>;
  /** kill -9; another one is started at once. @returns false where there was none to kill. */
  kill(): boolean;
  stop(): Promise<void>;
}

/** So many ends in a row within {@link SOUND_START_MS} of a start, and it will not come up. */
const FAILED_STARTS = 5;
const SOUND_START_MS = 5_000;

/** The worker as a process of its own, started again whenever it ends. */
export function startWorkerProcess(env: Readonly<Record<string, string>>, logFile: string): WorkerProcess {
  const log = createWriteStream(logFile, { flags: 'a' });
  const program = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined); // whoever races it sees it
  let stopping = false;
  let killed = false;
  let failedStarts = 0;
  let child = launch();

  function launch() {
    const startedAt = performance.now();
    killed = false;
    const started = spawn(process.execPath, [program], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // Ctrl-C is for the demo, which then stops its parts in order
    });
    const release = started.pid === undefined ? () => undefined : guardProcess(started.pid);
    started.stdout.pipe(log, { end: false });
    started.stderr.pipe(log, { end: false });
    started.once('exit', (code, signal) => {
      release();
      if (stopping) return;
      failedStarts = killed || performance.now() - startedAt > SOUND_START_MS ? 0 : failedStarts + 1;
      if (failedStarts < FAILED_STARTS) child = launch();
      else failed.reject(new Error(`The worker process ended ${failedStarts} times at its start (${signal ?? code}).`));
    });
    return started;
  }

  return {
    failed: failed.promise,
    kill() {
      killed = child.kill('SIGKILL') || killed;
      return killed;
    },
    async stop() {
      stopping = true;
      if (child.exitCode === null && child.signalCode === null) {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), 4_000); // all has to be gone within 10 s of Ctrl-C
        await ended;
        clearTimeout(timer);
      }
      log.end();
    },
  };
}
