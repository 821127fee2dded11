/** Measures Mailferry beside other tools: docs/benchmarks.md tells what, {@link ./options.ts} how it is asked for. Linux only. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureServers } from './lines/any-servers.ts';
import { measureCopy } from './lines/copy.ts';
import { measureDelta } from './lines/delta.ts';
import { KILL_USER, measureKills } from './lines/kill.ts';
import { measureMemory, memoryUser } from './lines/memory.ts';
import { measureOverhead } from './lines/overhead.ts';
import { describeGaps, describeMachine } from './machine.ts';
import { type BenchOptions, readOptions, type Sizes, USAGE } from './options.ts';
import { type Product, SECRETS, startProduct } from './product.ts';
import { describeProfiles } from './profile.ts';
import { renderLine, writeDocument } from './render.ts';
import type { BenchContext, LineId, LineResult } from './result.ts';
import { type Servers, startServers } from './servers.ts';

const DOCUMENT = join(import.meta.dirname, '..', 'docs', 'benchmarks.md');
const COPY_USER = 'copy';
const LATENCY_USER = 'latency';

type Measure = (context: BenchContext, servers: Servers, product: Product, sizes: Sizes) => Promise<LineResult>;

/** Ratios to peers are those of design §8; a peer that it sets no limit for is measured for the sake of the picture. */
const MEASURES: Readonly<Record<LineId, Measure>> = {
  copy: (context, servers, product, { copy }) =>
    measureCopy(context, servers, product, {
      id: 'copy',
      user: COPY_USER,
      shape: copy,
      roundTripMs: 0,
      limits: { mbsync: { copy: 0.8, verified: 1.2 }, imapsync: { copy: 0.3 } },
    }),
  latency: (context, servers, product, { latency, roundTripMs }) =>
    measureCopy(context, servers, product, {
      id: 'latency',
      user: LATENCY_USER,
      shape: latency,
      roundTripMs,
      limits: { mbsync: { copy: 0.5 }, imapsync: { copy: 0.05 } },
    }),
  delta: (context, _servers, product, { delta }) => measureDelta(context, product, delta),
  memory: (context, servers, product, { memory }) => measureMemory(context, servers, product, memory),
  overhead: (context, _servers, product, { overheadMailboxes }) => measureOverhead(context, product, overheadMailboxes),
  kill: (context, servers, product, { kill }) => measureKills(context, servers, product, kill),
};

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return void process.stdout.write(USAGE);
  if (process.platform !== 'linux') throw new Error('CPU and memory are read from /proc: this runs on Linux only');
  const circumstances = [describeMachine(new Date()), describeGaps()].filter((text) => text !== '').join(' ');
  const say = (text: string) => void process.stderr.write(`${text}\n`);
  say(circumstances);
  const folder = mkdtempSync(join(tmpdir(), 'mailferry-bench-'));
  if (options.profile !== null) mkdirSync(options.profile, { recursive: true });
  const context = { folder, runs: options.sizes.runs, say };
  try {
    const results =
      options.servers === null ? await measureLines(context, options) : [await measureTwo(context, options)];
    const texts = Object.fromEntries(results.map((result) => [result.id, renderLine(result, circumstances)]));
    process.stdout.write(`${Object.values(texts).join('\n\n')}\n`);
    if (options.profile !== null) process.stdout.write(`\n${describeProfiles(options.profile)}\n`);
    if (options.json !== null) writeFileSync(options.json, `${JSON.stringify({ circumstances, results }, null, 2)}\n`);
    if (options.write && options.servers === null) writeDocument(DOCUMENT, texts);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One after the other; the same database, Temporal and mail servers serve them all. */
async function measureLines(context: BenchContext, { only, sizes, profile }: BenchOptions): Promise<LineResult[]> {
  const results: LineResult[] = [];
  const servers = await startServers(context.folder, usersOf(sizes));
  try {
    const product = await startProduct(context.folder, servers.passwords, profile);
    try {
      for (const id of only) {
        context.say(`${id}:`);
        results.push(await MEASURES[id](context, servers, product, sizes));
      }
    } finally {
      await product.stop();
    }
  } finally {
    await servers.stop();
  }
  return results;
}

async function measureTwo(context: BenchContext, { servers, profile }: BenchOptions): Promise<LineResult> {
  const source = process.env[SECRETS.source];
  const target = process.env[SECRETS.target];
  if (servers === null || !source || !target) throw new Error(`set ${SECRETS.source} and ${SECRETS.target}`);
  const product = await startProduct(context.folder, { source, target }, profile);
  try {
    await product.restartWorker();
    return await measureServers(context, product, servers);
  } finally {
    await product.stop();
  }
}

function usersOf({ memory }: Sizes): string[] {
  return [COPY_USER, LATENCY_USER, KILL_USER, ...Array.from({ length: memory.mailboxes }, (_, at) => memoryUser(at))];
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
