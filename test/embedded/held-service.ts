import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface HeldService {
  readonly child: ChildProcess;
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly pids: { readonly postgres: number; readonly temporal: number; readonly watchdog: number };
}

/** @returns what the process printed: the service, or the error that it ended with. */
export async function holdService(
  home: string,
  env: NodeJS.ProcessEnv = {},
): Promise<HeldService | { child: ChildProcess; code: string; message: string }> {
  const script = join(import.meta.dirname, 'hold-service.ts');
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, MAILFERRY_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('no pipe');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, ...(JSON.parse(line) as Omit<HeldService, 'child'>) };
}

export async function holdSoundService(home: string): Promise<HeldService> {
  const held = await holdService(home);
  if ('code' in held) throw new Error(held.message);
  return held;
}

/** Everything that runs below a folder or was started from it: its path is in their command lines. */
export async function processesNaming(folder: string): Promise<string[]> {
  const { execFileSync } = await import('node:child_process');
  const lines = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(folder) && !line.includes('ps -eo'));
}
