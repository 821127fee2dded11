/** CPU and memory of other processes, from proc(5): Linux only. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** The kernel counts in hundredths of a second for every program (USER_HZ). */
const TICK_MS = 10;

interface Stat {
  readonly parent: number;
  /** Its own time, and that of descendants which have ended and were waited for. */
  readonly cpuMs: number;
  readonly reapedMs: number;
}

/** User and system time so far of these processes and all that they started, in ms. */
export function cpuMsOfTrees(roots: readonly number[]): number {
  const stats = allStats();
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of stats) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const seen = new Set<number>();
  const waiting = [...roots];
  let sum = 0;
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    if (seen.has(pid)) continue;
    seen.add(pid);
    sum += stats.get(pid)?.cpuMs ?? 0;
    waiting.push(...(children.get(pid) ?? []));
  }
  return sum;
}

/** CPU of our own children that have ended, so far: the difference around one child is that child's. */
export function reapedCpuMs(): number {
  return findStat('self')?.reapedMs ?? 0;
}

/** The most memory that a process has held at a time (VmHWM), in bytes; 0 when it has gone. */
export function peakBytesOf(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return kilobytes === undefined ? 0 : Number(kilobytes) * 1_024;
}

/** Lets {@link peakBytesOf} begin anew from what the process holds now; some kernels in containers refuse it. */
export function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Then the peak is that since the process began, which is never too small.
  }
}

function allStats(): Map<number, Stat> {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? findStat(name) : null;
    if (stat !== null) stats.set(Number(name), stat);
  }
  return stats;
}

/** Fields 4 and 14 to 17. The name in brackets may hold blanks, so they are counted from behind it. */
function findStat(pid: string): Stat | null {
  const text = read(`/proc/${pid}/stat`);
  if (text === null) return null;
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, reapedUser = 0, reapedSystem = 0] = fields.slice(11, 15);
  const reapedMs = (reapedUser + reapedSystem) * TICK_MS;
  return { parent: fields[1] ?? 0, cpuMs: (user + system) * TICK_MS + reapedMs, reapedMs };
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null; // it has just ended
  }
}
