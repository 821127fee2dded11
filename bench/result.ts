import type { Spread } from './spread.ts';

export const LINES = ['copy', 'latency', 'delta', 'memory', 'overhead', 'kill'] as const;
export type LineId = (typeof LINES)[number];

/** What one line of the table has to say; `render.ts` writes it down. */
export interface LineResult {
  readonly id: LineId | 'servers';
  readonly title: string;
  /** What was done, a sentence or two. */
  readonly setting: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly goals: readonly Goal[];
  /** What was not measured, and what has to be known to read the figures. */
  readonly notes: readonly string[];
}

/** A figure that `design.md` §8 set a limit to. */
export interface Goal {
  readonly what: string;
  readonly spread: Spread;
  readonly unit: '×' | 'MB' | 'ms' | '%' | '';
  /** At most this; null where there is nothing to reach. */
  readonly limit: number | null;
}

/** What every line needs. */
export interface BenchContext {
  /** Temporary, for this line alone. */
  readonly folder: string;
  readonly runs: number;
  /** One line of progress. */
  say(text: string): void;
}
