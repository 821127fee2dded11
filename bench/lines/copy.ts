import { startDelayedLine } from '../delayed-line.ts';
import type { MailShape } from '../mail-shape.ts';
import type { Product } from '../product.ts';
import type { BenchContext, Goal, LineResult } from '../result.ts';
import { copyOnce, inRounds, type Samples } from '../rounds.ts';
import type { Servers } from '../servers.ts';
import { ratiosOf, spreadOf } from '../spread.ts';
import { findPeers } from '../tools/all.ts';
import { mailferry } from '../tools/mailferry.ts';
import type { Tool } from '../tools/tool.ts';
import { megabytes, secondsCells, wordsOfSpread } from '../words.ts';

export interface CopyLine {
  readonly id: 'copy' | 'latency';
  readonly user: string;
  readonly shape: MailShape;
  /** There and back; 0 is a line of the machine itself. */
  readonly roundTripMs: number;
  /** Ours divided by theirs, without and with verification. */
  readonly limits: Readonly<Record<string, { copy: number; verified?: number }>>;
}

/** One mailbox, everything in it, by each tool into a target of its own. */
export async function measureCopy(
  context: BenchContext,
  servers: Servers,
  product: Product,
  line: CopyLine,
): Promise<LineResult> {
  await product.ensureWorker();
  const { messages, wireBytes } = await servers.addMail(line.user, line.shape);
  const near = line.roundTripMs === 0 ? null : await delayBoth(servers, line.roundTripMs / 2);
  const tools = [mailferry(product), ...findPeers(context.say)];
  try {
    const once = async (tool: Tool) => {
      const route = servers.newRoute(line.user, near?.ports);
      const sample = await copyOnce(tool, servers, route);
      servers.discard(route);
      return sample;
    };
    const samples = await inRounds(
      context,
      tools.map((tool) => ({ name: tool.name, run: () => once(tool) })),
    );
    const delay = line.roundTripMs === 0 ? 'no delay' : `${line.roundTripMs} ms round trip on both sides`;
    return {
      id: line.id,
      title:
        line.roundTripMs === 0 ? 'One mailbox, Dovecot to Dovecot' : `The same at ${line.roundTripMs} ms round trip`,
      setting: `${messages.toLocaleString('en')} messages, ${megabytes(wireBytes)} MB, nine folders, ${delay}; the target is new for each run, on disk, with fsync as Dovecot does it by default.`,
      header: ['', 'seconds (min to max)', 'CPU s', 'peak MB', 'messages/s'],
      rows: rowsOf(samples, messages),
      goals: goalsOf(samples, line.limits),
      notes: notesOf(samples, tools),
    };
  } finally {
    near?.close();
  }
}

async function delayBoth(servers: Servers, oneWayMs: number) {
  const source = await startDelayedLine(servers.source.port, oneWayMs);
  const target = await startDelayedLine(servers.target.port, oneWayMs);
  return {
    ports: { source: source.port, target: target.port },
    close: () => {
      source.close();
      target.close();
    },
  };
}

function rowsOf(samples: Samples, messages: number): string[][] {
  return [...samples].flatMap(([name, runs]) => {
    const cpu = (spreadOf(runs.map(({ cpuMs }) => cpuMs)).median / 1_000).toFixed(1);
    const peak = megabytes(Math.max(...runs.map(({ peakBytes }) => peakBytes)));
    const row = (label: string, wallMs: readonly number[], more: readonly string[]) => [
      label,
      secondsCells(wallMs),
      ...more,
      Math.round((messages / spreadOf(wallMs).median) * 1_000).toString(),
    ];
    const whole = runs.map(({ wallMs }) => wallMs);
    if (runs.every(({ verifyMs }) => verifyMs === null)) return [row(name, whole, [cpu, peak])];
    return [
      row(`${name}, copy`, runs.map(copyOnly), ['', '']),
      row(`${name}, copy and verification`, whole, [cpu, peak]),
    ];
  });
}

function goalsOf(samples: Samples, limits: CopyLine['limits']): Goal[] {
  const [ours = [], ...others] = [...samples.values()];
  const names = [...samples.keys()].slice(1);
  return others.flatMap((runs, at) => {
    const name = names[at] ?? '';
    const theirs = runs.map(({ wallMs }) => wallMs);
    const goal = (what: string, values: readonly number[], limit: number | undefined): Goal => {
      return { what, spread: spreadOf(ratiosOf(values, theirs)), unit: '×', limit: limit ?? null };
    };
    const whole = ours.map(({ wallMs }) => wallMs);
    return [
      goal(`copy ÷ ${name}`, ours.map(copyOnly), limits[name]?.copy),
      goal(`copy and verification ÷ ${name}`, whole, limits[name]?.verified),
    ];
  });
}

function copyOnly({ wallMs, verifyMs }: { wallMs: number; verifyMs: number | null }): number {
  return wallMs - (verifyMs ?? 0);
}

function notesOf(samples: Samples, tools: readonly Tool[]): string[] {
  const ours = samples.get('Mailferry') ?? [];
  const activity = wordsOfSpread(spreadOf(ours.map(({ parts }) => (parts?.['copyMs'] ?? 0) / 1_000)), ' s');
  const worker = wordsOfSpread(spreadOf(ours.map(({ parts }) => (parts?.['workerCpuMs'] ?? 0) / 1_000)), ' s');
  const notes = [
    `Mailferry's copy is the pass less its verification as the history has it; the activity alone took ${activity}. Of its CPU the worker took ${worker}, the rest Temporal's server and PostgreSQL. Peak memory is that of the worker.`,
  ];
  if (tools.some(({ name }) => name === 'doveadm')) {
    notes.push(
      'doveadm reads over IMAP and writes the files of the target itself: no IMAP, and no delay, on that side.',
    );
  }
  return notes;
}
