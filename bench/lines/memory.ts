import type { MailShape } from '../mail-shape.ts';
import { createMigration, plainEndpoint } from '../migration.ts';
import { cpuMsOfTrees, peakBytesOf } from '../process-stats.ts';
import type { Product } from '../product.ts';
import type { BenchContext, LineResult } from '../result.ts';
import type { Servers } from '../servers.ts';
import { spreadOf } from '../spread.ts';
import { megabytes, secondsCells, wordsOfSpread } from '../words.ts';

export const memoryUser = (at: number): string => `memory${at + 1}`;
/** Design §8, in MB. */
const MOST_MB = 400;

/** Peak memory of a worker that has just started, while several mailboxes with very large messages copy at once. */
export async function measureMemory(
  { runs, say }: BenchContext,
  servers: Servers,
  product: Product,
  { mailboxes, shape }: { mailboxes: number; shape: MailShape },
): Promise<LineResult> {
  const users = Array.from({ length: mailboxes }, (_, at) => memoryUser(at));
  let wireBytes = 0;
  for (const user of users) wireBytes += (await servers.addMail(user, shape)).wireBytes;
  const wallMs: number[] = [];
  const cpuMs: number[] = [];
  const peaks: number[] = [];
  await product.splitWorkers(); // strips the types once; a worker that does that itself keeps 25 MB of it
  for (let run = 1; run <= runs; run += 1) {
    const { pid } = await product.splitWorkers();
    const idle = peakBytesOf(pid);
    const routes = users.map((user) => servers.newRoute(user));
    const endpoints = { source: plainEndpoint(servers.source), target: plainEndpoint(servers.target) };
    const moves = routes.map(({ source, target }) => ({ sourceUser: source.user, targetUser: target.user }));
    const migration = await createMigration(product, endpoints, moves, mailboxes);
    wallMs.push((await migration.runPass('initial')).wallMs);
    cpuMs.push(cpuMsOfTrees([pid]));
    peaks.push(peakBytesOf(pid) / 1e6);
    say(`  round ${run}: peak ${peaks.at(-1)?.toFixed(0)} MB, ${megabytes(idle)} MB before the first message`);
    for (const route of routes) {
      const { source, target } = await servers.count(route);
      if (source !== target) throw new Error(`${target} messages at the target instead of ${source}`);
      servers.discard(route);
    }
  }
  await product.ensureWorker();
  const peak = spreadOf(peaks);
  const largest = Math.max(...(shape.large ?? [0]));
  return {
    id: 'memory',
    title: 'Memory of a worker with very large messages',
    setting: `${mailboxes} mailboxes at the same time, together ${megabytes(wireBytes)} MB, each with messages of up to ${megabytes(largest)} MB; a worker that has just started.`,
    header: ['', 'peak MB (VmHWM)', 'seconds', 'CPU s of the worker'],
    rows: [['worker', wordsOfSpread(peak), secondsCells(wallMs), (spreadOf(cpuMs).median / 1_000).toFixed(1)]],
    goals: [{ what: 'peak memory of the worker', spread: peak, unit: 'MB', limit: MOST_MB }],
    notes: [
      'Copying and verification. As in production, the worker that moves mail serves no other role; workflows run in another process.',
    ],
  };
}
