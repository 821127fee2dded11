import { setTimeout as delay } from 'node:timers/promises';
import { type Line, startLine } from '../latency-proxy.ts';
import type { MailShape } from '../mail-shape.ts';
import { compareDigests, digestMailbox } from '../mailbox-digest.ts';
import { createMigration, plainEndpoint } from '../migration.ts';
import type { Product } from '../product.ts';
import type { BenchContext, LineResult } from '../result.ts';
import type { Servers } from '../servers.ts';
import { spreadOf } from '../spread.ts';
import { megabytes, secondsCells, wordsOfSpread } from '../words.ts';

export const KILL_USER = 'kill';
/** Design §8, in per cent of the bytes that a run without a kill moves. */
const MOST_TWICE = 1;
const LOOK_EVERY_MS = 2;

interface Moved {
  /** To the target, and from the source. */
  readonly up: number;
  readonly down: number;
  readonly wallMs: number;
  readonly kills: number;
  readonly lost: number;
  readonly doubled: number;
}

/** One mailbox whose worker is ended by force in the middle of the copy, several times; each time another one goes on. */
export async function measureKills(
  context: BenchContext,
  servers: Servers,
  product: Product,
  { shape, kills }: { shape: MailShape; kills: number },
): Promise<LineResult> {
  await product.ensureWorker();
  const { messages } = await servers.addMail(KILL_USER, shape);
  const source = await startLine('127.0.0.1', servers.source.port, 0);
  const target = await startLine('127.0.0.1', servers.target.port, 0);
  const rounds: { clean: Moved; killed: Moved }[] = [];
  try {
    for (let run = 1; run <= context.runs; run += 1) {
      const clean = await moveOnce(servers, product, { source, target }, []);
      const points = Array.from({ length: kills }, (_, at) => (clean.up * (at + 1)) / (kills + 1));
      const killed = await moveOnce(servers, product, { source, target }, points);
      rounds.push({ clean, killed });
      context.say(`  round ${run}: ${killed.kills} kills, ${twice({ clean, killed }, 'up').toFixed(2)} % twice`);
    }
  } finally {
    source.close();
    target.close();
  }
  const of = (part: (round: (typeof rounds)[number]) => number) => spreadOf(rounds.map(part));
  const up = of((round) => twice(round, 'up'));
  const aKill = of((round) => twice(round, 'up') / Math.max(1, round.killed.kills));
  const lost = of(({ killed }) => killed.lost);
  const doubled = of(({ killed }) => killed.doubled);
  const killsSeen = rounds.map(({ killed }) => killed.kills).join(', ');
  return {
    id: 'kill',
    title: 'kill -9 in the middle of a copy',
    setting: `${messages.toLocaleString('en')} messages; the worker is killed by force ${kills} times while bytes go to the target, and another is started at once.`,
    header: [
      '',
      'kills a run',
      'MB to the target',
      'twice to the target, %',
      'twice from the source, %',
      'lost',
      'doubled',
      'seconds',
    ],
    rows: [
      [
        'Mailferry',
        killsSeen,
        megabytes(of(({ clean }) => clean.up).median),
        wordsOfSpread(up),
        wordsOfSpread(of((round) => twice(round, 'down'))),
        String(lost.max),
        String(doubled.max),
        secondsCells(rounds.map(({ killed }) => killed.wallMs)),
      ],
    ],
    goals: [
      { what: 'bytes moved twice to the target, a kill', spread: aKill, unit: '%', limit: MOST_TWICE },
      { what: 'messages lost', spread: lost, unit: '', limit: 0 },
      { what: 'messages doubled', spread: doubled, unit: '', limit: 0 },
    ],
    notes: [
      'Bytes are counted on the line, commands and all, with verification; what a run without a kill in the same round needed is taken off. Lost and doubled are counted by an independent reader that compares digests. A killed worker is noticed by its heartbeat, which runs out after 10 s: that is most of the time.',
    ],
  };
}

function twice({ clean, killed }: { clean: Moved; killed: Moved }, way: 'up' | 'down'): number {
  return ((killed[way] - clean[way]) / clean[way]) * 100;
}

/** @param points  bytes to the target at which the worker is killed */
async function moveOnce(
  servers: Servers,
  product: Product,
  lines: { source: Line; target: Line },
  points: readonly number[],
): Promise<Moved> {
  const route = servers.newRoute(KILL_USER, { source: lines.source.port, target: lines.target.port });
  const endpoints = { source: plainEndpoint(route.source), target: plainEndpoint(route.target) };
  const moves = [{ sourceUser: route.source.user, targetUser: route.target.user }];
  const migration = await createMigration(product, endpoints, moves);
  const before = { up: lines.target.bytes().up, down: lines.source.bytes().down };
  let over = false;
  const pass = migration.runPass('initial').finally(() => {
    over = true;
  });
  pass.catch(() => undefined); // it is awaited below
  let kills = 0;
  for (const point of points) {
    while (!over && lines.target.bytes().up - before.up < point) await delay(LOOK_EVERY_MS);
    if (over) break;
    await product.worker().kill();
    kills += 1;
    await product.restartWorker();
  }
  const { wallMs } = await pass;
  const moved = { up: lines.target.bytes().up - before.up, down: lines.source.bytes().down - before.down };
  const ends = servers.direct(route);
  const found = compareDigests(await digestMailbox(ends.source), await digestMailbox(ends.target));
  servers.discard(route);
  if (kills < points.length) throw new Error(`the copy was over after ${kills} of ${points.length} kills`);
  return { ...moved, wallMs, kills, ...found };
}
