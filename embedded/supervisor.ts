/**
 * Keeps one program running for as long as the service lives.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MigrationError } from '../domain/errors.ts';
import { reapLeftover, recordProcess, signalGroup } from './process-marks.ts';
import { type Identity, startLine } from './run-as.ts';
import { waitUntil } from './wait-until.ts';
import { guardProcess } from './watchdog.ts';

export interface ComponentOptions {
  /** For messages: `PostgreSQL`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Null or absent: our own. */
  readonly identity?: Identity | null;
  /** Paths that the program must reach, for {@link startLine}. */
  readonly needed?: readonly string[];
  /** Whether the running program answers; asked every 50 ms. A rejection counts as no. */
  readonly ready: () => Promise<boolean>;
  /** Output is appended; above 10 MiB the old file is put aside as `.1` at the next start. */
  readonly logFile: string;
  readonly pidFile: string;
  readonly stopSignal?: NodeJS.Signals;
  /** Until SIGKILL follows the stop signal. */
  readonly stopTimeoutMs?: number;
  /** How long one start may take until {@link ready} says yes. */
  readonly readyTimeoutMs?: number;
  readonly restart?: Partial<RestartPolicy>;
  /** Called for each start after the first, with what had happened. */
  readonly onRestart?: (event: { readonly name: string; readonly why: string }) => void;
  /** Called once when the program cannot be kept running: COMPONENT_UNMENDABLE. Not called for the first start, which rejects. */
  readonly onFatal?: (error: MigrationError) => void;
}

export interface RestartPolicy {
  /** So many failed starts within {@link windowMs} are the end of trying. */
  readonly failedStarts: number;
  readonly windowMs: number;
  /** First pause after a failed start; it doubles up to five seconds. */
  readonly backoffMs: number;
}

export interface Component {
  readonly name: string;
  /** Null while it is not running. */
  pid(): number | null;
  /** How often it was started again. */
  restarts(): number;
  /** Resolves when it answers (again). @throws COMPONENT_UNMENDABLE */
  whenReady(): Promise<void>;
  /** Ends it, by force after the time-out. Twice is the same as once. */
  stop(): Promise<void>;
}

const DEFAULT_RESTART: RestartPolicy = { failedStarts: 5, windowMs: 60_000, backoffMs: 100 };
/** A program that dies this soon after it answered did not start well, so a crash loop is seen as one. */
const SOUND_START_MS = 2_000;
const LOG_LIMIT_BYTES = 10 * 1024 * 1024;

/**
 * Starts a program, ends what an earlier run left of it, and starts it again whenever it dies.
 *
 * @returns once it answers for the first time.
 * @throws COMPONENT_UNMENDABLE after too many failed starts, naming the log file and its last line.
 */
export async function startComponent(options: ComponentOptions): Promise<Component> {
  mkdirSync(dirname(options.pidFile), { recursive: true, mode: 0o700 });
  mkdirSync(dirname(options.logFile), { recursive: true, mode: 0o700 });
  await reapLeftover(options.pidFile, options.stopSignal ?? 'SIGTERM');
  const component = new SupervisedProgram(options);
  await component.whenReady();
  component.tellFatal = true;
  return component;
}

class SupervisedProgram implements Component {
  readonly name: string;
  tellFatal = false;
  readonly #options: ComponentOptions;
  readonly #policy: RestartPolicy;
  readonly #ended: Promise<void>;
  readonly #stopping = new AbortController();
  #child: ChildProcess | null = null;
  #starts = 0;
  #answers = Promise.withResolvers<void>();

  constructor(options: ComponentOptions) {
    this.name = options.name;
    this.#options = options;
    this.#policy = { ...DEFAULT_RESTART, ...options.restart };
    this.#answers.promise.catch(() => undefined); // each waiter gets it; nobody need wait
    this.#ended = this.#keepRunning();
  }

  pid(): number | null {
    return this.#child?.pid ?? null;
  }

  restarts(): number {
    return Math.max(0, this.#starts - 1);
  }

  whenReady(): Promise<void> {
    return this.#answers.promise;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const child = this.#child;
    if (child?.pid !== undefined) await this.#end(child, child.pid);
    await this.#ended;
  }

  async #keepRunning(): Promise<void> {
    let failedAt: number[] = [];
    while (!this.#stopping.signal.aborted) {
      const { why, sound } = await this.#runOnce();
      if (this.#stopping.signal.aborted) break;
      const now = performance.now();
      failedAt = failedAt.filter((at) => now - at < this.#policy.windowMs);
      if (!sound) failedAt.push(now);
      if (failedAt.length >= this.#policy.failedStarts) return this.#giveUp(why);
      this.#options.onRestart?.({ name: this.name, why });
      const pauseMs = failedAt.length === 0 ? 0 : Math.min(5_000, this.#policy.backoffMs * 2 ** (failedAt.length - 1));
      await delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
    this.#answers.reject(new MigrationError('COMPONENT_UNMENDABLE', `${this.name} was stopped before it answered`));
  }

  /** @returns when the program has ended: why, and whether it had been up for a while. */
  async #runOnce(): Promise<{ why: string; sound: boolean }> {
    const log = openLog(this.#options.logFile);
    const signal = this.#options.stopSignal ?? 'SIGTERM';
    const line = startLine(
      this.#options.command,
      this.#options.args,
      this.#options.identity ?? null,
      // A killed parent asks nobody to wait: SIGKILL is what PostgreSQL and Temporal survive by their logs.
      'SIGKILL',
      this.#options.needed,
    );
    const child = spawn(line.command, [...line.args], {
      ...line.identity,
      cwd: '/',
      detached: true,
      env: this.#options.env ?? process.env,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#starts += 1;
    const exited = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, by) => resolve(by === null ? `it exited with code ${code}` : `it was killed by ${by}`));
    });
    if (child.pid === undefined) return { why: await exited, sound: false };
    this.#child = child;
    const release = guardProcess(child.pid, signal);
    await recordProcess(this.#options.pidFile, child.pid);

    let gone = false;
    void exited.then(() => {
      gone = true;
    });
    const readyTimeoutMs = this.#options.readyTimeoutMs ?? 30_000;
    let answered = false;
    const settled = await waitUntil(async () => {
      const yes = await this.#options.ready().catch(() => false);
      answered = yes && !gone; // whoever answered after it had gone was somebody else
      return answered || gone || this.#stopping.signal.aborted;
    }, readyTimeoutMs);
    const answeredAt = performance.now();
    if (answered) this.#answers.resolve();
    else if (!gone) await this.#end(child, child.pid);
    const why = await exited;

    release();
    this.#child = null;
    rmSync(this.#options.pidFile, { force: true });
    if (answered) {
      this.#answers = Promise.withResolvers();
      this.#answers.promise.catch(() => undefined);
    }
    return {
      why: settled ? why : `it did not answer within ${readyTimeoutMs / 1000} s`,
      sound: answered && performance.now() - answeredAt > SOUND_START_MS,
    };
  }

  async #end(child: ChildProcess, pid: number): Promise<void> {
    const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
    if (hasEnded()) return;
    signalGroup(pid, this.#options.stopSignal ?? 'SIGTERM');
    if (await waitUntil(hasEnded, this.#options.stopTimeoutMs ?? 4_000)) return;
    signalGroup(pid, 'SIGKILL');
    await waitUntil(hasEnded, 2_000);
  }

  #giveUp(why: string): void {
    const lastLine = lastLineOf(this.#options.logFile);
    const error = new MigrationError(
      'COMPONENT_UNMENDABLE',
      `${this.name} failed ${this.#policy.failedStarts} times to start: ${why}. Its log is ${this.#options.logFile}` +
        (lastLine === '' ? '' : `, which ends with: ${lastLine}`),
      { facts: { component: this.name, logFile: this.#options.logFile } },
    );
    this.#answers.reject(error);
    if (this.tellFatal) this.#options.onFatal?.(error);
  }
}

function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}

function lastLineOf(file: string): string {
  try {
    return (readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '').slice(0, 300);
  } catch {
    return `(${basename(file)} cannot be read)`;
  }
}
