import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface DelayedLine {
  readonly port: number;
  close(): void;
}

/** latency-proxy.ts as a process of its own. @param latencyMs  one way; a round trip takes twice as long */
export async function startDelayedLine(port: number, latencyMs: number): Promise<DelayedLine> {
  const program = join(import.meta.dirname, 'latency-proxy.ts');
  const args = [program, '--to', `127.0.0.1:${port}`, '--latency', String(latencyMs)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [first] = (await once(child.stdout, 'data')) as [Buffer];
  const { port: own } = JSON.parse(first.toString()) as { port: number }; // its own line, above
  return { port: own, close: () => child.stdin.end() };
}
