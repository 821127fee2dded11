import { readFileSync, writeFileSync } from 'node:fs';
import type { Goal, LineResult } from './result.ts';
import { wordsOfSpread } from './words.ts';

/** One line of the benchmarks as Markdown. */
export function renderLine(line: LineResult, circumstances: string): string {
  const parts = [`### ${line.title}`, line.setting, table(line.header, line.rows)];
  if (line.goals.length > 0) parts.push(table(['', 'measured', 'to reach', ''], line.goals.map(goalRow)));
  parts.push(...line.notes, `*${circumstances}*`);
  return parts.join('\n\n');
}

/** Times vary with the machine, so their median counts; of memory and of mishaps the worst. */
export function isReached({ spread, limit, unit }: Goal): boolean | null {
  if (limit === null) return null;
  return (unit === '×' || unit === 'ms' ? spread.median : spread.max) <= limit;
}

/**
 * Puts texts between their markers, `<!-- bench:copy -->` and `<!-- /bench:copy -->`, and leaves all else as it is.
 * @throws Error where the document lacks a marker
 */
export function fillDocument(document: string, texts: Readonly<Record<string, string>>): string {
  let filled = document;
  for (const [id, text] of Object.entries(texts)) {
    const [from, to] = [`<!-- bench:${id} -->`, `<!-- /bench:${id} -->`];
    const start = filled.indexOf(from);
    const end = filled.indexOf(to);
    if (start < 0 || end < start) throw new Error(`the document has no place for ${id}: ${from} … ${to}`);
    filled = `${filled.slice(0, start + from.length)}\n${text}\n${filled.slice(end)}`;
  }
  return filled;
}

export function writeDocument(file: string, texts: Readonly<Record<string, string>>): void {
  writeFileSync(file, fillDocument(readFileSync(file, 'utf8'), texts));
}

function goalRow(goal: Goal): string[] {
  const reached = isReached(goal);
  const unit = goal.unit === '' ? '' : ` ${goal.unit}`;
  const measured = goal.unit === '' ? String(goal.spread.max) : wordsOfSpread(goal.spread, unit);
  return [
    goal.what,
    measured,
    goal.limit === null ? '–' : `≤ ${goal.limit}${unit}`,
    reached === null ? '' : reached ? 'reached' : '**not reached**',
  ];
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}
