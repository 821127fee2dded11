import type { MailShape } from '../mail-shape.ts';
import type { Product } from '../product.ts';
import type { BenchContext, Goal, LineResult } from '../result.ts';
import { inRounds, requireComplete, type Samples } from '../rounds.ts';
import { type Servers, startServers } from '../servers.ts';
import { ratiosOf, spreadOf } from '../spread.ts';
import { findPeers } from '../tools/all.ts';
import { mailferry } from '../tools/mailferry.ts';
import type { Sample, Tool } from '../tools/tool.ts';
import { secondsCells } from '../words.ts';

/** Sizes of mailboxes, in messages, smallest first; users are named `delta1`, `delta2`, … */
const deltaUser = (at: number): string => `delta${at + 1}`;
/** Design §8. */
const MOST_OF_IMAPSYNC = 0.05;
const MOST_OF_THE_SMALLER = 2;

/** A pass over a mailbox in which nothing has changed since the first one, for a small and a large mailbox. */
export async function measureDelta(
  context: BenchContext,
  product: Product,
  shapes: readonly MailShape[],
): Promise<LineResult> {
  // Without fsync the first pass of 100,000 messages takes minutes instead of an hour, and the passes after it write nothing.
  const users = shapes.map((_, at) => deltaUser(at));
  const servers = await startServers(context.folder, users, false);
  try {
    return await measureOn(context, servers, product, shapes);
  } finally {
    await servers.stop();
  }
}

async function measureOn(
  context: BenchContext,
  servers: Servers,
  product: Product,
  shapes: readonly MailShape[],
): Promise<LineResult> {
  await product.ensureWorker();
  const tools = [mailferry(product), ...findPeers(context.say)];
  const contenders: Contender[] = [];
  for (const [at, shape] of shapes.entries()) {
    await servers.addMail(deltaUser(at), shape);
    for (const tool of tools) {
      context.say(`  first pass of ${shape.messages} messages by ${tool.name}`);
      contenders.push(await copied(tool, servers, deltaUser(at), nameOf(tool.name, shape)));
    }
  }
  const samples = await inRounds(context, contenders);
  for (const { check } of contenders) await check();
  return {
    id: 'delta',
    title: 'Nothing has changed',
    setting: `A pass over a mailbox that was copied before and in which nothing has changed: small messages, nine folders. The first pass is not in the figures, so it went to a server without fsync.`,
    header: ['', 'seconds (min to max)', 'CPU ms'],
    rows: [...samples].map(([name, runs]) => [
      name,
      secondsCells(runs.map(({ wallMs }) => wallMs)),
      spreadOf(runs.map(({ cpuMs }) => cpuMs)).median.toFixed(0),
    ]),
    goals: goalsOf(samples, shapes),
    notes: tools.some(({ name }) => name === 'imapsync')
      ? []
      : [
          'imapsync was not here; where its empty delta was measured on such a mailbox of 5,000 messages it took 3.0 s, of which a twentieth is 0.15 s.',
        ],
  };
}

interface Contender {
  readonly name: string;
  readonly run: () => Promise<Sample>;
  /** A pass that had nothing to do has added nothing. */
  readonly check: () => Promise<void>;
}

/** The first pass, and what repeats it. */
async function copied(tool: Tool, servers: Servers, user: string, name: string): Promise<Contender> {
  const route = servers.newRoute(user);
  const run = await tool.prepare(route);
  const check = () => requireComplete(tool, servers, route);
  await run();
  await check();
  return { name, run, check };
}

function goalsOf(samples: Samples, shapes: readonly MailShape[]): Goal[] {
  const wall = (tool: string, shape: MailShape | undefined) =>
    (shape === undefined ? [] : (samples.get(nameOf(tool, shape)) ?? [])).map(({ wallMs }) => wallMs);
  const [small] = shapes;
  const large = shapes.at(-1);
  const goals: Goal[] = [];
  for (const peer of ['mbsync', 'doveadm', 'imapsync']) {
    for (const shape of shapes) {
      if (wall(peer, shape).length === 0) continue;
      const spread = spreadOf(ratiosOf(wall('Mailferry', shape), wall(peer, shape)));
      const limit = peer === 'imapsync' ? MOST_OF_IMAPSYNC : null;
      goals.push({
        what: `delta ÷ ${peer}, ${shape.messages.toLocaleString('en')} messages`,
        spread,
        unit: '×',
        limit,
      });
    }
  }
  const growth = spreadOf(ratiosOf(wall('Mailferry', large), wall('Mailferry', small)));
  const what = `${large?.messages.toLocaleString('en')} messages ÷ ${small?.messages.toLocaleString('en')}`;
  return [...goals, { what, spread: growth, unit: '×', limit: MOST_OF_THE_SMALLER }];
}

function nameOf(tool: string, { messages }: MailShape): string {
  return `${tool}, ${messages.toLocaleString('en')} messages`;
}
