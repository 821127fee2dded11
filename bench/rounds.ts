import { execFileSync } from 'node:child_process';
import type { BenchContext } from './result.ts';
import type { Servers } from './servers.ts';
import type { Route, Sample, Tool } from './tools/tool.ts';

export type Samples = ReadonlyMap<string, readonly Sample[]>;

/** One after the other, round by round (A B C A B C …), so that a slow minute of the machine meets them all. */
export async function inRounds(
  { runs, say }: BenchContext,
  contenders: readonly { name: string; run: () => Promise<Sample> }[],
): Promise<Samples> {
  const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 1; round <= runs; round += 1) {
    for (const { name, run } of contenders) {
      const sample = await run();
      samples.get(name)?.push(sample);
      say(`  round ${round}, ${name}: ${(sample.wallMs / 1_000).toFixed(2)} s`);
    }
  }
  return samples;
}

/** Runs a tool on a route of its own; a copy that is not complete is no time but an error. */
export async function copyOnce(tool: Tool, servers: Servers, route: Route): Promise<Sample> {
  const run = await tool.prepare(route);
  flushDisks();
  const sample = await run();
  await requireComplete(tool, servers, route);
  return sample;
}

export async function requireComplete(tool: Tool, servers: Servers, route: Route): Promise<void> {
  const { source, target } = await servers.count(route);
  if (source !== target) throw new Error(`${tool.name} left ${target} messages at the target instead of ${source}`);
}

/** What one run has left to be written must not be the next one's burden. */
function flushDisks(): void {
  execFileSync('sync');
}
