import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { guardProcess } from '../../embedded/watchdog.ts';

export interface WorkerProcess {
  readonly starts: number;
  readonly kills: number;
  /** kill -9; another one is started at once. */
  kill(): void;
  stop(): Promise<void>;
}

/** The worker as a process of its own, started again whenever it ends. */
export function startWorkerProcess(env: Readonly<Record<string, string>>, logFile: string): WorkerProcess {
  const log = createWriteStream(logFile, { flags: 'a' });
  const program = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));
  let stopping = false;
  let starts = 0;
  let kills = 0;
  let child = launch();

  function launch() {
    starts += 1;
    const started = spawn(process.execPath, [program], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // Ctrl-C is for the demo, which then stops its parts in order
    });
    const release = started.pid === undefined ? () => undefined : guardProcess(started.pid);
    started.stdout.pipe(log, { end: false });
    started.stderr.pipe(log, { end: false });
    started.once('exit', () => {
      release();
      if (!stopping) child = launch();
    });
    return started;
  }

  return {
    get starts() {
      return starts;
    },
    get kills() {
      return kills;
    },
    kill() {
      if (child.kill('SIGKILL')) kills += 1;
    },
    async stop() {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 8_000);
      await ended;
      clearTimeout(timer);
      log.end();
    },
  };
}
