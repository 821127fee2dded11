import { createMigration, type Migration, plainEndpoint } from '../migration.ts';
import type { Product, ProductCpu } from '../product.ts';
import type { BenchContext, LineResult } from '../result.ts';
import { spreadOf } from '../spread.ts';
import { digits } from '../words.ts';

/** Design §8, in ms of CPU a mailbox. */
const LIMITS = { initial: 200, delta: 5 } as const;
/** The size that §8 speaks of. */
const WHOLE = 10_000;
const WARM_UP = 40;

interface Figures extends ProductCpu {
  readonly together: number;
  readonly events: number;
}

/**
 * What a mailbox costs beside its mail, in all processes: waves, children, activities, codec, ledger. The mail lies in the
 * worker's own memory, six small messages a mailbox, in one process with the rest.
 */
export async function measureOverhead(
  { runs, say }: BenchContext,
  product: Product,
  mailboxes: number,
): Promise<LineResult> {
  await product.restartWorker('bench/overhead-worker.ts');
  await bothPasses(product, Math.min(WARM_UP, mailboxes));
  const initial: Figures[] = [];
  const delta: Figures[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const both = await bothPasses(product, mailboxes);
    initial.push(both.initial);
    delta.push(both.delta);
    say(
      `  round ${run}: ${digits(both.initial.together)} ms where mail moves, ${digits(both.delta.together)} ms where not`,
    );
  }
  const count = mailboxes.toLocaleString('en');
  return {
    id: 'overhead',
    title: 'Overhead of a mailbox in a large migration',
    setting: `${count} mailboxes in one migration, one pass in which mail moves in each of them, then one in which nothing has changed; milliseconds of CPU a mailbox, median of the runs.`,
    header: ['', 'Temporal server', 'worker', 'PostgreSQL', 'together', 'events of the longest wave'],
    rows: [rowOf('mail moves', initial), rowOf('nothing has changed', delta)],
    goals: [
      goalOf('CPU of a mailbox in which mail moves', initial, LIMITS.initial),
      goalOf('CPU of a mailbox in which nothing has changed', delta, LIMITS.delta),
    ],
    notes: [
      'Mailboxes are in the memory of the worker, six small messages in three folders, so that copying costs next to nothing and is in the figures all the same. The migration above the waves is not: it gets a signal every 100 mailboxes.',
      mailboxes < WHOLE
        ? `Cost a mailbox at ${count} mailboxes, taken to hold for ${WHOLE.toLocaleString('en')}: not measured at that size.`
        : `Measured at ${count} mailboxes.`,
    ],
  };
}

async function bothPasses(product: Product, mailboxes: number): Promise<{ initial: Figures; delta: Figures }> {
  const nowhere = plainEndpoint({ host: '127.0.0.1', port: 1 });
  const moves = Array.from({ length: mailboxes }, (_, at) => {
    const user = `user${at}.${Math.random().toString(36).slice(2)}`;
    return { sourceUser: user, targetUser: user };
  });
  const migration = await createMigration(product, { source: nowhere, target: nowhere }, moves);
  return {
    initial: await onePass(product, migration, 'initial'),
    delta: await onePass(product, migration, 'delta'),
  };
}

async function onePass(product: Product, migration: Migration, kind: 'initial' | 'delta'): Promise<Figures> {
  const before = product.cpu();
  const { events } = await migration.runPass(kind);
  const after = product.cpu();
  const each = (part: keyof ProductCpu) => (after[part] - before[part]) / migration.mailboxIds.length;
  const [server, worker, database] = [each('server'), each('worker'), each('database')];
  return { server, worker, database, together: server + worker + database, events };
}

function rowOf(name: string, runs: readonly Figures[]): string[] {
  const median = (part: keyof Figures) => spreadOf(runs.map((run) => run[part])).median;
  const cpu = (['server', 'worker', 'database'] as const).map((part) => digits(median(part)));
  return [name, ...cpu, `**${digits(median('together'))}**`, median('events').toFixed(0)];
}

function goalOf(what: string, runs: readonly Figures[], limit: number) {
  return { what, spread: spreadOf(runs.map(({ together }) => together)), unit: 'ms' as const, limit };
}
