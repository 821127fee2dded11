import { type Spread, spreadOf } from './spread.ts';

/** Figures as the tables show them. */

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

export function wordsOfSpread({ min, median, max, runs }: Spread, unit = ''): string {
  if (runs === 1) return `${digits(median)}${unit}`;
  return `${digits(median)}${unit} (${digits(min)} to ${digits(max)})`;
}

export function secondsCells(wallMs: readonly number[]): string {
  return wordsOfSpread(spreadOf(wallMs.map((ms) => ms / 1_000)));
}

/** Three digits that count. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 || size === 0 ? 2 : 3);
}
