import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tally } from '../../domain/mail.ts';
import { STEP_IDS, type StepId, type StepState } from '../../domain/steps.ts';

/** `report.json` of the demo; docs/demo.md tells each field. */
export interface DemoReport {
  readonly seed: string;
  readonly migrationId: string;
  readonly seconds: number;
  readonly source: string;
  /** Counts of the service's own report. */
  readonly total: Tally;
  readonly mailboxes: readonly (Tally & {
    readonly address: string;
    readonly verified: boolean;
    readonly oracle: OracleCounts;
  })[];
  /** Counted by an independent reader of both servers, who shares no code with the copier. */
  readonly oracle: OracleCounts;
  readonly sentDuringMove: {
    readonly sent: number;
    readonly byOldMx: number;
    readonly byNewMx: number;
    readonly exactlyOnce: number;
    readonly missing: number;
    readonly more: number;
  };
  readonly workerKills: number;
  readonly steps: Readonly<Record<StepId, StepState>>;
  /** Nothing lost, nothing doubled, every step done or not needed. */
  readonly ok: boolean;
}

export interface OracleCounts {
  readonly lost: number;
  readonly doubled: number;
  readonly misfiled: number;
}

export function isOk(report: Omit<DemoReport, 'ok'>): boolean {
  const { oracle, total, sentDuringMove } = report;
  const counts = [
    oracle.lost,
    oracle.doubled,
    oracle.misfiled,
    total.lost,
    total.doubled,
    sentDuringMove.missing,
    sentDuringMove.more,
  ];
  const steps = STEP_IDS.every((id) => ['done', 'not-needed'].includes(report.steps[id].status));
  return steps && counts.every((count) => count === 0);
}

/** @returns the two files' paths. */
export async function writeReports(
  folder: string,
  report: DemoReport,
  serviceHtml: string,
): Promise<{ json: string; html: string }> {
  const json = join(folder, 'report.json');
  const html = join(folder, 'report.html');
  await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(html, serviceHtml);
  return { json, html };
}
