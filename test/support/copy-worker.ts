import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ImapTimeouts } from '../../adapters/imap/connection.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import type { Pass } from '../../domain/passes.ts';

export interface WorkerSetup {
  readonly databaseUrl: string;
  /** Null: those of the product. */
  readonly timeouts: ImapTimeouts | null;
}

export interface WorkerJob {
  readonly id: number;
  readonly kind: 'copy' | 'verify';
  readonly migrationId: string;
  readonly mailboxId: string;
  readonly pass: Pass;
  /** As Temporal counts them, from 1. */
  readonly attempt: number;
}

/** How an activity ended. */
export interface WorkerAnswer {
  readonly moved: number;
  /** Null where it succeeded; `KILLED` where the process went before it could say. */
  readonly code: ErrorCode | 'BUG' | 'KILLED' | null;
  readonly message: string;
}

const MAIN = join(import.meta.dirname, 'copy-worker-main.ts');
const COMPILE_CACHE = join(import.meta.dirname, '..', '..', '.cache', 'compiled');

/** A process that copies mailboxes as a worker does, and that a test may stop, wake and kill. */
export class CopyWorker {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #waiting = new Map<number, (answer: WorkerAnswer) => void>();
  readonly #ready: Promise<void>;
  #lastId = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    const ready = Promise.withResolvers<void>();
    this.#ready = ready.promise;
    this.#exited = once(child, 'exit').then(() => {
      for (const answer of this.#waiting.values()) answer({ moved: 0, code: 'KILLED', message: '' });
      ready.resolve();
    });
    child.on('message', (said: 'ready' | (WorkerAnswer & { readonly id: number })) => {
      if (said === 'ready') return ready.resolve();
      this.#waiting.get(said.id)?.(said);
      this.#waiting.delete(said.id);
    });
  }

  /** Starts it; it is not waited for, so that the next one may load while this one works. */
  static start(setup: WorkerSetup): CopyWorker {
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const;
    // Half of what a start costs.
    const env = { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE };
    return new CopyWorker(fork(MAIN, [JSON.stringify(setup)], { execArgv: [], env, stdio: [...stdio] }));
  }

  async run(job: Omit<WorkerJob, 'id' | 'attempt'> & { readonly attempt?: number }): Promise<WorkerAnswer> {
    await this.#ready;
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Promise<WorkerAnswer>((resolve) => this.#waiting.set(id, resolve));
    if (!this.#child.connected) return { moved: 0, code: 'KILLED', message: '' };
    this.#child.send({ attempt: 1, ...job, id });
    return await answer;
  }

  /** At once. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name);
  }

  /** Ends it by force and waits until it is gone. Twice is the same as once. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
