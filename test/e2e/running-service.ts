import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { findFreePort } from '../../embedded/ports.ts';
import { waitUntil } from '../../embedded/wait-until.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const MAIN = join(ROOT, 'cli', 'main.ts');
/** A first start makes a database cluster and the workflow bundle; it took 7 s on two busy cores. */
const START_LIMIT_MS = 90_000;

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `mailferry up` as a process of its own on a home folder, and the commands that one types beside it. */
export class RunningService {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #program: readonly string[];
  #child: ChildProcess;
  #printed = '';

  private constructor(home: string, env: NodeJS.ProcessEnv, program: readonly string[]) {
    this.home = home;
    this.env = env;
    this.#program = program;
    this.#child = this.#spawn();
  }

  /**
   * @param home  an empty folder.
   * @param program  what is run with `up`; bin/mailferry.js as installed, or cli/main.ts.
   * @returns when it says that it is ready.
   */
  static async start(home: string, more: NodeJS.ProcessEnv = {}, program = MAIN): Promise<RunningService> {
    const names = ['API', 'TEMPORAL', 'TEMPORAL_UI', 'PG'];
    const ports: Record<string, string> = {};
    for (const name of names) ports[`MAILFERRY_${name}_PORT`] = String(await findFreePort());
    const service = new RunningService(home, { ...bareEnv(), MAILFERRY_HOME: home, ...ports, ...more }, [
      program,
      'up',
    ]);
    await service.whenReady();
    return service;
  }

  get child(): ChildProcess {
    return this.#child;
  }

  /** Of both streams, since the last start. */
  get printed(): string {
    return this.#printed;
  }

  async whenReady(): Promise<void> {
    const done = () => this.#printed.includes('Mailferry is ready.') || hasEnded(this.#child);
    if (!(await waitUntil(done, START_LIMIT_MS)) || hasEnded(this.#child)) {
      throw new Error(`the service does not start:\n${this.#printed}`);
    }
  }

  /** Again, on the same home and ports, after it has ended. */
  async startAgain(): Promise<void> {
    this.#printed = '';
    this.#child = this.#spawn();
    await this.whenReady();
  }

  /** @returns exit code and signal, and how long it took. */
  async end(signal: NodeJS.Signals): Promise<{ code: number | null; by: string | null; ms: number }> {
    const begun = performance.now();
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    const [code, by] = (await ended) as [number | null, string | null];
    return { code, by, ms: performance.now() - begun };
  }

  /** Ends it if it runs; by force after 15 s. */
  async close(): Promise<void> {
    if (hasEnded(this.#child)) return;
    const force = setTimeout(() => this.#child.kill('SIGKILL'), 15_000);
    await this.end('SIGTERM');
    clearTimeout(force);
  }

  /** One command as a person types it. */
  run(...args: readonly string[]): Promise<CommandResult> {
    return new Promise((resolve) => {
      const options = { env: { ...this.env, NO_COLOR: '1' }, maxBuffer: 64 * 1024 * 1024 };
      execFile(process.execPath, [MAIN, ...args], options, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
      );
    });
  }

  /** As {@link run}; anything but exit code 0 is an error of the test. */
  async say(...args: readonly string[]): Promise<string> {
    const { code, out, err } = await this.run(...args);
    if (code !== 0) throw new Error(`mailferry ${args.join(' ')}: exit code ${code}\n${out}${err}`);
    return out;
  }

  /** As {@link say} with `--json`. */
  async ask<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.say(...args, '--json')) as T; // the API's schema vouches for the shape
  }

  #spawn(): ChildProcess {
    const child = spawn(process.execPath, [...this.#program], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk: Buffer) => {
      this.#printed += chunk.toString();
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    return child;
  }
}

/** Everything that was started from a folder or names it: each part of the service does in its command line. */
export function processesNaming(folder: string): string[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(folder) && !line.includes('ps -eo'));
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** What the developer's shell says of other services must not reach this one. */
export function bareEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^MAILFERRY_|^DATABASE_URL$|^TEMPORAL_(?!CLI_PATH)/.test(name)),
  );
}
