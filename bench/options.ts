import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { MailShape } from './mail-shape.ts';
import { LINES, type LineId } from './result.ts';

export const USAGE = `Usage: npm run bench -- [options]

  --smoke            every line with a handful of messages: does it work? No figure of it means anything.
  --only LINES       some of ${LINES.join(',')}
  --runs N           runs of each line (3)
  --scale F          this part of the mail, e.g. 0.1
  --mailboxes N      mailboxes of the line overhead (1000)
  --write            puts the tables into docs/benchmarks.md
  --json FILE        results as JSON
  --profile FOLDER   CPU profiles of the workers, with a summary of each; slows them down a little

Any two servers, instead of the lines above; passwords in BENCH_SOURCE_PASSWORD and BENCH_TARGET_PASSWORD:
  --source URL --target URL --user NAME [--target-user NAME] [--ca FILE]
                     imaps://host[:port], imap://host[:port] (no encryption), imap+starttls://host[:port].
                     Copies what is in the mailbox; what is there already is left alone.
`;

/** How much of everything. */
export interface Sizes {
  readonly runs: number;
  readonly copy: MailShape;
  readonly latency: MailShape;
  readonly roundTripMs: number;
  readonly delta: readonly MailShape[];
  readonly memory: { readonly mailboxes: number; readonly shape: MailShape };
  readonly overheadMailboxes: number;
  readonly kill: { readonly shape: MailShape; readonly kills: number };
}

export interface BenchOptions {
  readonly help: boolean;
  readonly smoke: boolean;
  readonly only: readonly LineId[];
  readonly write: boolean;
  readonly json: string | null;
  readonly profile: string | null;
  readonly sizes: Sizes;
  readonly servers: ServersOption | null;
}

export interface ServersOption {
  readonly source: string;
  readonly target: string;
  readonly user: string;
  readonly targetUser: string;
  readonly caFile: string | null;
}

const MB = 1_000_000;

/** What design §8 asks for: its 264 MB are the mean of 53 KB in 5,000 messages. */
const FULL: Sizes = {
  runs: 3,
  copy: { messages: 5_000, bytes: 264 * MB },
  latency: { messages: 1_000, bytes: 53 * MB },
  roundTripMs: 40,
  delta: [
    { messages: 5_000, bytes: 10 * MB },
    { messages: 100_000, bytes: 200 * MB },
  ],
  memory: { mailboxes: 8, shape: { messages: 40, bytes: 200 * MB, large: [100 * MB, 50 * MB, 25 * MB, 10 * MB] } },
  overheadMailboxes: 1_000,
  kill: { shape: { messages: 5_000, bytes: 264 * MB }, kills: 3 },
};

const SMOKE: Sizes = {
  runs: 1,
  copy: { messages: 60, bytes: 1 * MB },
  latency: { messages: 20, bytes: 0.2 * MB },
  roundTripMs: 4,
  delta: [
    { messages: 30, bytes: 0.1 * MB },
    { messages: 60, bytes: 0.2 * MB },
  ],
  memory: { mailboxes: 2, shape: { messages: 12, bytes: 4 * MB, large: [2 * MB] } },
  overheadMailboxes: 12,
  kill: { shape: { messages: 200, bytes: 6 * MB }, kills: 1 },
};

/** @throws Error with what is wrong with the command line */
export function readOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      smoke: { type: 'boolean', default: false },
      only: { type: 'string', default: LINES.join(',') },
      runs: { type: 'string' },
      scale: { type: 'string' },
      mailboxes: { type: 'string' },
      write: { type: 'boolean', default: false },
      json: { type: 'string' },
      profile: { type: 'string' },
      source: { type: 'string' },
      target: { type: 'string' },
      user: { type: 'string' },
      'target-user': { type: 'string' },
      ca: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const base = scaleSizes(values.smoke ? SMOKE : FULL, scaleOf(values.scale));
  if (values.write && (values.smoke || values.scale !== undefined)) {
    throw new Error('--smoke and --scale measure nothing that may be written down');
  }
  const names = values.only.split(',');
  const unknown = names.filter((name) => !LINES.some((line) => line === name));
  if (unknown.length > 0) throw new Error(`--only: ${unknown.join(', ')} is no line; there are ${LINES.join(', ')}`);
  return {
    help: values.help,
    smoke: values.smoke,
    only: LINES.filter((line) => names.includes(line)),
    write: values.write,
    json: values.json ?? null,
    profile: values.profile === undefined ? null : resolve(values.profile),
    sizes: {
      ...base,
      runs: wholeNumber('--runs', values.runs) ?? base.runs,
      overheadMailboxes: wholeNumber('--mailboxes', values.mailboxes) ?? base.overheadMailboxes,
    },
    servers: serversOf(values),
  };
}

function scaleSizes(sizes: Sizes, scale: number): Sizes {
  const scaled = ({ messages, bytes, large }: MailShape): MailShape => ({
    messages: Math.max(10, Math.round(messages * scale)),
    bytes: Math.round(bytes * scale),
    ...(large !== undefined && { large: large.map((size) => Math.round(size * scale)) }),
  });
  return {
    ...sizes,
    copy: scaled(sizes.copy),
    latency: scaled(sizes.latency),
    delta: sizes.delta.map(scaled),
    memory: { ...sizes.memory, shape: scaled(sizes.memory.shape) },
    kill: { ...sizes.kill, shape: scaled(sizes.kill.shape) },
  };
}

function scaleOf(text: string | undefined): number {
  const scale = Number(text ?? 1);
  if (!(scale > 0 && scale <= 10)) throw new Error(`--scale: ${text} is no number between 0 and 10`);
  return scale;
}

function serversOf(values: {
  source?: string;
  target?: string;
  user?: string;
  'target-user'?: string;
  ca?: string;
}): ServersOption | null {
  const { source, target, user } = values;
  if (source === undefined && target === undefined && user === undefined) return null;
  if (source === undefined || target === undefined || user === undefined) {
    throw new Error('--source, --target and --user belong together');
  }
  return { source, target, user, targetUser: values['target-user'] ?? user, caFile: values.ca ?? null };
}

function wholeNumber(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new Error(`${name}: ${text} is no whole number above 0`);
  return Number(text);
}
