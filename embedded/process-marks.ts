/**
 * Telling one process from another that got its number later: a pid together with the moment the process began.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { waitUntil } from './wait-until.ts';

export interface ProcessMark {
  readonly pid: number;
  /** What the system says of its start; opaque, compared as it is. */
  readonly startedAt: string;
}

/** @returns null where no such process lives; a zombie counts as gone. */
export function findProcess(pid: number): ProcessMark | null {
  if (process.platform !== 'linux') return findByPs(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command in brackets may hold blanks and brackets; after the last one come state (field 3) … start time (22).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : { pid, startedAt: fields[19] ?? '' };
  } catch {
    return null; // ENOENT, or ESRCH when it ends under our eyes
  }
}

export function isAlive(mark: ProcessMark): boolean {
  return findProcess(mark.pid)?.startedAt === mark.startedAt;
}

/** Sends a signal to the process group that a process leads, else to it alone. Quiet where it is gone already. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Remembers a process for the next start of the service, which {@link reapLeftover} cleans up by. */
export async function recordProcess(file: string, pid: number): Promise<void> {
  const mark = findProcess(pid);
  if (mark !== null) await writeFile(file, JSON.stringify(mark), { mode: 0o600 });
}

/**
 * Ends the process that an earlier run left behind, and forgets it. A process that merely has the same number is left alone.
 *
 * @returns whether there was one.
 */
export async function reapLeftover(file: string, stopSignal: NodeJS.Signals): Promise<boolean> {
  const mark = await readMark(file);
  const leftOver = mark !== null && isAlive(mark);
  if (leftOver) {
    signalGroup(mark.pid, stopSignal);
    if (!(await waitUntil(() => !isAlive(mark), 3_000))) {
      signalGroup(mark.pid, 'SIGKILL');
      await waitUntil(() => !isAlive(mark), 3_000);
    }
  }
  await rm(file, { force: true });
  return leftOver;
}

async function readMark(file: string): Promise<ProcessMark | null> {
  try {
    const value = JSON.parse(await readFile(file, 'utf8')) as Partial<ProcessMark>;
    if (typeof value.pid !== 'number' || typeof value.startedAt !== 'string') return null;
    return { pid: value.pid, startedAt: value.startedAt };
  } catch {
    return null; // no file, or one cut short by a power cut: nothing can be told from it
  }
}

function findByPs(pid: number): ProcessMark | null {
  try {
    const [state, ...started] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/);
    return state === undefined || state.startsWith('Z') ? null : { pid, startedAt: started.join(' ') };
  } catch {
    return null; // ps exits with 1 where there is none
  }
}
