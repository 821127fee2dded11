import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { MigrationSettings } from '../domain/migration-settings.ts';
import type { DnsPath } from '../domain/plan.ts';
import { dns, story } from './activities.ts';
import { pauseSignal, resumeSignal, retrySignal } from './mailbox-pass.ts';
import { SIGNALS } from './names.ts';
import { type PassHost, PassRunner } from './pass-runner.ts';
import { type PassState, passOf } from './state.ts';

export interface SupportState {
  readonly migrationId: string;
  readonly settings: MigrationSettings;
  readonly dnsPath: DnsPath | null;
  paused: boolean;
  openIssues: number;
  pass: PassState | null;
  passesEnded: number;
  /** RFC 3339: since when no straggler was found; null before the first sweep. */
  quietSince: string | null;
  sweeps: number;
  stragglers: number;
}

export interface SupportReport {
  readonly sweeps: number;
  readonly stragglers: number;
  readonly quietSince: string | null;
  /** One sentence for the status page of the migration. */
  readonly note: string;
}

export const openIssuesSignal = defineSignal<[number]>(SIGNALS.openIssues);
export const supportReportSignal = defineSignal<[SupportReport]>(SIGNALS.supportReport);

/**
 * D1: sweeps the old server for stragglers until it has been quiet long enough, watches the records that mail needs, and
 * stays until every reported issue is settled.
 */
export async function support(state: SupportState): Promise<SupportReport> {
  const host = new SupportHost(state);
  const passes = new PassRunner(host);
  setHandler(pauseSignal, async () => {
    state.paused = true;
    await passes.tellWaves('pause');
  });
  setHandler(resumeSignal, async () => {
    state.paused = false;
    await passes.tellWaves('resume');
  });
  setHandler(retrySignal, async () => {
    host.retryAsked = true;
    if (!state.pass) return;
    await story.signalMailboxes.executeWithOptions({ summary: 'retry what is held' }, [
      { migrationId: state.migrationId, pass: passOf(state.pass), mailboxIds: null, signal: 'retry' },
    ]);
  });
  setHandler(openIssuesSignal, (count) => {
    state.openIssues = count;
  });

  const { quietMs, stragglerEveryMs } = state.settings.policy;
  for (;;) {
    await host.until(() => !state.paused);
    const begun = new Date().toISOString();
    const { moved } = await passes.run('straggler');
    state.sweeps += 1;
    state.stragglers += moved;
    if (moved > 0 || state.quietSince === null) state.quietSince = begun;
    await watchRecords(state);
    const quietForMs = Date.now() - Date.parse(state.quietSince);
    // A sweep that found something may take longer than the quiet time of a test: only an empty one shows that it is quiet.
    if (moved === 0 && quietForMs >= quietMs && state.openIssues === 0) break;
    await host.publish();
    await host.until(
      () => false,
      Math.min(stragglerEveryMs, Math.max(quietMs - quietForMs, 1_000)),
      'until the next sweep',
    );
  }
  await story.recordEvidence.executeWithOptions({ summary: 'store the end of support' }, [
    { migrationId: state.migrationId, step: 'D1', body: { ...reportOf(state) } },
  ]);
  return reportOf(state);
}

/** A regression is shown and stored, it never undoes a cutover. */
async function watchRecords(state: SupportState): Promise<void> {
  if (!state.settings.hasDns) return;
  await dns.watchRecords.executeWithOptions({ summary: 'watch MX, SPF and Autodiscover' }, [
    { migrationId: state.migrationId, path: state.dnsPath ?? 'direct' },
  ]);
}

function reportOf(state: SupportState): SupportReport {
  const { sweeps, stragglers, quietSince, openIssues } = state;
  const number = (many: number, noun: string) => `${many} ${noun}${many === 1 ? '' : 's'}`;
  const quiet = quietSince === null ? '' : `; quiet since ${quietSince}`;
  const issues = openIssues > 0 ? `; ${number(openIssues, 'issue')} open` : '';
  return {
    sweeps,
    stragglers,
    quietSince,
    note:
      sweeps === 0
        ? 'the first sweep of the old server is under way'
        : `${number(sweeps, 'sweep')} found ${number(stragglers, 'straggler')}${quiet}${issues}`,
  };
}

class SupportHost implements PassHost {
  readonly state: SupportState;
  readonly root = CancellationScope.current();
  openWaves = 0;
  retryAsked = false;

  constructor(state: SupportState) {
    this.state = state;
  }

  get settings(): MigrationSettings {
    return this.state.settings;
  }

  get isPaused(): boolean {
    return this.state.paused;
  }

  async until(met: () => boolean, timeoutMs?: number, summary = 'wait'): Promise<boolean> {
    const or = () => met() || this.mayContinue();
    const inTime =
      timeoutMs === undefined ? await condition(or).then(() => true) : await condition(or, timeoutMs, { summary });
    if (!met()) await this.atRest(met);
    return inTime;
  }

  async atRest(unless: () => boolean = () => false): Promise<void> {
    if (!this.mayContinue()) return;
    await condition(allHandlersFinished);
    if (!unless()) await continueAsNew<typeof support>(this.state);
  }

  private mayContinue(): boolean {
    return this.openWaves === 0 && workflowInfo().continueAsNewSuggested;
  }

  async waitForRetry(note: string): Promise<void> {
    this.retryAsked = false;
    setCurrentDetails(`**Waiting for the provider:** ${note}`);
    await this.until(() => this.retryAsked);
  }

  async publish(): Promise<void> {
    const report = reportOf(this.state);
    setCurrentDetails(`**Support**: ${report.note}`);
    const parent = workflowInfo().parent;
    if (parent) await getExternalWorkflowHandle(parent.workflowId).signal(supportReportSignal, report);
  }
}
