import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { peakBytesOf, reapedCpuMs } from '../process-stats.ts';
import type { Sample } from './tool.ts';

/** The peak of a process is lost with it, so it is asked for this often while it runs. */
const SAMPLE_EVERY_MS = 20;

/**
 * Runs one command to its end and measures it. Nothing else that we started may end meanwhile: its CPU would be counted too.
 * @throws Error with the end of what it said, where it does not end with code 0
 */
export async function measureCommand(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Sample> {
  const cpuBefore = reapedCpuMs();
  const begun = performance.now();
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000);
    });
  }
  let peakBytes = 0;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakBytesOf(child.pid ?? 0));
  }, SAMPLE_EVERY_MS);
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    const wallMs = performance.now() - begun;
    if (code !== 0) throw new Error(`${command} ended with ${signal ?? `code ${code}`}:\n${said}`);
    return { wallMs, verifyMs: null, cpuMs: reapedCpuMs() - cpuBefore, peakBytes };
  } finally {
    clearInterval(timer);
  }
}
