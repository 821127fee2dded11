import { createMigration, plainEndpoint } from '../migration.ts';
import { activityTimesOf } from '../pass-times.ts';
import { peakBytesOf, resetPeak } from '../process-stats.ts';
import type { Product } from '../product.ts';
import type { Tool } from './tool.ts';

/**
 * The whole product, from the start of a wave to its end: Temporal, payload codec, ledger, copy and verification. CPU is that of
 * the worker, Temporal's server and PostgreSQL together.
 */
export function mailferry(product: Product): Tool {
  return {
    name: 'Mailferry',
    async prepare({ source, target }) {
      const endpoints = { source: plainEndpoint(source), target: plainEndpoint(target) };
      const migration = await createMigration(product, endpoints, [
        { sourceUser: source.user, targetUser: target.user },
      ]);
      let passes = 0;
      return async () => {
        passes += 1;
        const { pid } = product.worker();
        resetPeak(pid);
        const before = product.cpu();
        const { wallMs, pass } = await migration.runPass(passes === 1 ? 'initial' : 'delta');
        const after = product.cpu();
        const times = await activityTimesOf(product.client, migration.id, pass, migration.mailboxIds[0] ?? '').catch(
          () => ({}) as Readonly<Record<string, number>>, // nothing was new, so no workflow was started
        );
        const worker = after.worker - before.worker;
        return {
          wallMs,
          verifyMs: times['verifyMailbox'] ?? 0,
          cpuMs: worker + after.server - before.server + after.database - before.database,
          peakBytes: peakBytesOf(pid),
          parts: { copyMs: times['copyMailbox'] ?? 0, workerCpuMs: worker },
        };
      };
    },
  };
}
