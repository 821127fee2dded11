import { execFileSync } from 'node:child_process';

/** Ids of the processes of a daemon's group; its master and our companion carry the daemon's root folder in their arguments. */
export function processesOf(root: string): string[] {
  const listed = execFileSync('ps', ['-eo', 'pid=,pgid=,args='], { encoding: 'utf8' }).split('\n');
  const rows = listed.map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)).filter((match) => match !== null);
  const groups = new Set(rows.filter(([, , , args]) => args?.includes(root)).map(([, , group]) => group));
  return rows.filter(([, , group]) => groups.has(group)).map(([, pid]) => pid ?? '');
}

/**
 * Runs a piece of a program that prints a folder's name and then kills itself by force.
 * @returns what it printed
 */
export function runUntilKilled(program: string): string {
  try {
    return execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch (error) {
    return String((error as { stdout: string }).stdout).trim(); // execFileSync throws for a killed child and hands over its output
  }
}
