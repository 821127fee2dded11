/**
 * One service to one data folder: two PostgreSQL servers on one folder would destroy it.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MigrationError } from '../domain/errors.ts';
import { findProcess, isAlive, type ProcessMark } from './process-marks.ts';

export interface DataLock {
  /** Tells a second start where this service is to be found. */
  announce(apiUrl: string): void;
  /** Twice is the same as once. */
  release(): void;
}

interface Holder extends ProcessMark {
  readonly apiUrl: string | null;
}

/**
 * Takes the folder for this process. A lock whose holder is dead is taken over.
 *
 * @throws ALREADY_RUNNING with the holder's pid and, once announced, the URL of its API.
 */
export function lockDataFolder(home: string): DataLock {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const file = join(home, 'service.lock');
  const self = findProcess(process.pid) ?? { pid: process.pid, startedAt: '' };
  for (let attempt = 0; !tryTake(file, { ...self, apiUrl: null }); attempt += 1) {
    const holder = readHolder(file);
    if (holder !== null && isAlive(holder)) throw alreadyRunning(home, holder);
    // Set aside under a name of our own first: of two that find the same stale lock only one can rename it.
    const stale = `${file}.stale-${process.pid}-${attempt}`;
    try {
      renameSync(file, stale);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    const moved = readHolder(stale);
    if (moved !== null && isAlive(moved)) {
      // Somebody took the lock over between our look and our rename: it is theirs.
      restore(stale, file);
      throw alreadyRunning(home, moved);
    }
    rmSync(stale, { force: true });
  }
  let held = true;
  return {
    announce(apiUrl) {
      if (held) writeHolder(file, { ...self, apiUrl });
    },
    release() {
      if (held) rmSync(file, { force: true });
      held = false;
    },
  };
}

/** Who serves a data folder, or null. */
export function findRunningService(home: string): { readonly pid: number; readonly apiUrl: string | null } | null {
  const holder = readHolder(join(home, 'service.lock'));
  return holder !== null && isAlive(holder) ? { pid: holder.pid, apiUrl: holder.apiUrl } : null;
}

function tryTake(file: string, holder: Holder): boolean {
  // A finished file that is linked into place: a second start never reads half a lock.
  const draft = `${file}.draft-${process.pid}`;
  writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function restore(moved: string, file: string): void {
  try {
    linkSync(moved, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  rmSync(moved, { force: true });
}

function writeHolder(file: string, holder: Holder): void {
  const draft = `${file}.draft-${process.pid}`;
  writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
  renameSync(draft, file);
}

function readHolder(file: string): Holder | null {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<Holder>;
    if (typeof value.pid !== 'number' || typeof value.startedAt !== 'string') return null;
    return { pid: value.pid, startedAt: value.startedAt, apiUrl: value.apiUrl ?? null };
  } catch {
    return null; // gone, or cut short: nobody holds it
  }
}

function alreadyRunning(home: string, holder: Holder): MigrationError {
  const where = holder.apiUrl === null ? 'It is still starting.' : `Its API is ${holder.apiUrl}.`;
  return new MigrationError('ALREADY_RUNNING', `Process ${holder.pid} already serves ${home}. ${where}`, {
    facts: { pid: holder.pid, apiUrl: holder.apiUrl, home },
  });
}
