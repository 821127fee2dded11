import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { MigrationSettings } from '../domain/migration-settings.ts';
import type { MigrationView } from '../domain/migration-view.ts';
import type { DecisionSignal } from '../domain/ports/store.ts';
import { renderStatusPage } from '../domain/status-page.ts';
import { GATE_STEP, GATES, type Party, type Phase, STEPS, type StepId } from '../domain/steps.ts';
import { local, story } from './activities.ts';
import { errorCodeOf, explain } from './failures.ts';
import type { migration } from './migration.ts';
import { SIGNALS, STATE_QUERY } from './names.ts';
import type { PassHost } from './pass-runner.ts';
import type { Patches } from './patches.ts';
import * as attributes from './search-attributes.ts';
import type { MigrationState } from './state.ts';

export const decisionSignal = defineSignal<[DecisionSignal]>(SIGNALS.decision);
export const stateQuery = defineQuery<MigrationState>(STATE_QUERY);

/**
 * The server suggests it after 4,096. A run that waits for held mailboxes cannot continue as new, so it begins its passes with
 * most of its 5,000 events unspent: 20 waves of 500 mailboxes cost 2,000 of them (test/workflow/history.test.ts).
 */
const CONTINUE_AFTER_EVENTS = 2_000;

/** Thrown to leave a step because the story goes on elsewhere: the main loop starts from the first step that is not done. */
export class StoryTurned extends Error {
  override readonly name = 'StoryTurned';
}

/** What a step came to: a sentence for people, and the evidence it stored. */
export interface StepResult {
  readonly note: string;
  readonly evidenceId?: string | null;
}

export interface SupportDesk {
  pause(): Promise<void>;
  resume(): Promise<void>;
  retry(): Promise<void>;
  issues(): Promise<void>;
}

/**
 * The place where a migration is conducted from: it runs steps one after the other, keeps their states, shows them, and lets
 * operators interrupt. One desk a workflow run; all it must remember is in `state`.
 */
export class Desk implements PassHost {
  readonly state: MigrationState;
  private current: { id: StepId; scope: CancellationScope } | null = null;
  /** The workflow's own scope: waves live in it, so that a step may start over while mail goes on moving. */
  readonly root = CancellationScope.current();
  private turned = false;
  private retryAsked = false;
  /** Waves that are open; while there are any, the run cannot be continued as new. */
  openWaves = 0;
  /** Evidence of the open gate may have changed. */
  gateDirty = false;
  /** How commands reach the support workflow while it runs. */
  supportDesk: SupportDesk | null = null;
  readonly patches: Patches;
  private published = '';
  private newest: MigrationView | null = null;
  private nextWrite: Promise<void> | null = null;
  private lastWrite: Promise<void> = Promise.resolve();
  private ended: MigrationView['status'] | null = null;

  constructor(state: MigrationState, patches: Patches) {
    this.state = state;
    this.patches = patches;
    setHandler(stateQuery, () => this.state);
    setHandler(decisionSignal, (decision) => {
      if (this.state.seenDecisions.includes(decision.decisionId)) return; // delivered again
      this.state.seenDecisions = [decision.decisionId, ...this.state.seenDecisions].slice(0, 500);
      this.state.inbox.push({ decisionId: decision.decisionId });
    });
  }

  /** Settings are there from the first step on. */
  get settings(): MigrationSettings {
    if (!this.state.settings) throw new Error('settings are read by the first activity');
    return this.state.settings;
  }

  get isPaused(): boolean {
    return this.state.paused !== null;
  }

  isDone(id: StepId): boolean {
    const { status } = this.state.steps[id];
    return status === 'done' || status === 'not-needed';
  }

  /**
   * Runs one step unless it is done. What needs a person makes the step wait for the provider, and a resume or retry runs it
   * again. `work` may run more than once, so what it does is idempotent.
   */
  async step(id: StepId, work: () => Promise<StepResult>): Promise<void> {
    if (this.isDone(id)) return;
    for (;;) {
      await this.mayGoOn(id);
      if (this.turned) throw new StoryTurned();
      this.set(id, 'doing', [], '');
      this.retryAsked = false;
      await this.publish();
      try {
        const scope = new CancellationScope();
        this.current = { id, scope };
        const { note, evidenceId } = await scope.run(async () => {
          await this.mended(id);
          return await work();
        });
        this.set(id, 'done', [], note, evidenceId ?? null);
        await this.publish();
        return;
      } catch (error) {
        if (this.turned) throw new StoryTurned();
        const code = errorCodeOf(error);
        if (code === null) throw error;
        this.set(id, 'waiting', ['provider'], `${code}: ${explain(error)}`);
        await this.publish();
        await this.until(() => this.retryAsked || this.turned);
      } finally {
        this.current = null;
      }
    }
  }

  /** The main loop has gone back to the first step that is not done. */
  straighten(): void {
    this.turned = false;
  }

  notNeeded(id: StepId, note: string): void {
    if (!this.isDone(id)) this.set(id, 'not-needed', [], note);
  }

  /** The step under way waits for somebody until `met`. Long waits keep the history short by continuing as new. */
  async waitFor(parties: readonly Party[], note: string, met: () => boolean, timeoutMs?: number): Promise<boolean> {
    await this.awaiting(parties, note);
    return await this.until(met, timeoutMs, note);
  }

  async until(met: () => boolean, timeoutMs?: number, summary?: string): Promise<boolean> {
    const or = () => met() || this.shouldContinue();
    const options = summary === undefined ? {} : { summary: summary.slice(0, 120) };
    const inTime =
      timeoutMs === undefined ? await condition(or).then(() => true) : await condition(or, timeoutMs, options);
    if (!met() && this.shouldContinue()) await this.continue(met);
    return inTime;
  }

  async atRest(): Promise<void> {
    if (this.shouldContinue()) await this.continue();
  }

  /** The step under way waits until an operator says that it can go on. */
  async waitForRetry(note: string): Promise<void> {
    this.retryAsked = false;
    await this.waitFor(['provider'], note, () => this.retryAsked);
  }

  private async mended(id: StepId): Promise<void> {
    const { mend } = this.state;
    if (mend?.step !== id) return;
    await this.waitForRetry(mend.note);
    this.state.mend = null;
  }

  /** Operators asked for another try of what waits for the provider. */
  retry(): void {
    this.retryAsked = true;
  }

  /** Reopens steps and leaves the one under way, if it is among them or comes after one of them. */
  turnTo(reopened: readonly StepId[], why: string): void {
    const affected = reopened.filter((id) => this.isDone(id) || id === this.current?.id);
    if (affected.length === 0) return; // the story has not come there yet
    for (const id of affected) {
      this.set(id, 'ahead', [], why);
      const gate = GATES.find((each) => GATE_STEP[each] === id);
      if (gate) delete this.state.approved[gate];
    }
    this.turned = true;
    this.current?.scope.cancel();
  }

  /** Shows whom the step under way waits for, while an activity asks again and again. */
  async awaiting(parties: readonly Party[], note: string): Promise<void> {
    if (this.current) this.set(this.current.id, 'waiting', [...parties], note);
    await this.publish();
  }

  /** Another sentence for a step that is over, or never will be; its status stays. */
  remark(id: StepId, note: string): void {
    const { status } = this.state.steps[id];
    this.set(id, status === 'done' ? 'done' : 'ahead', [], note);
  }

  async end(status: MigrationView['status']): Promise<void> {
    this.ended = status;
    await this.publish();
  }

  /**
   * Shows the status page, and has the search attributes and the read model written, if anything changed. One write after the other,
   * so that a later view is not overtaken; what changes while one is under way goes with the next.
   */
  async publish(): Promise<void> {
    const view = this.view();
    const { updatedAt: _, ...facts } = view;
    const rendered = JSON.stringify(facts);
    if (rendered === this.published) return;
    this.published = rendered;
    setCurrentDetails(renderStatusPage(this.state.settings?.clientName ?? this.state.migrationId, view));
    if (!this.patches.publishesByActivity) return await this.publishLocally(view);
    this.newest = view;
    this.nextWrite ??= this.lastWrite.then(() => this.write());
    this.lastWrite = this.nextWrite.catch(() => undefined); // its own callers meet the failure
    await this.nextWrite;
  }

  private async write(): Promise<void> {
    this.nextWrite = null;
    const view = this.newest;
    if (!view) throw new Error('publish sets what is written');
    showInLists(view);
    const { migrationId } = this.state;
    await CancellationScope.nonCancellable(() =>
      story.publishView.executeWithOptions({ summary: 'show how far it is' }, [{ migrationId, view }]),
    );
  }

  /**
   * As runs did that began before the patch (docs/adr/0008-no-local-activities.md). One after the other also because a replay knows
   * of two local activities at once the order of their starts only.
   */
  private async publishLocally(view: MigrationView): Promise<void> {
    showInLists(view);
    const { migrationId } = this.state;
    const write = this.lastWrite.then(() =>
      CancellationScope.nonCancellable(() => local.publishView({ migrationId, view })),
    );
    this.lastWrite = write.catch(() => undefined); // its own caller meets the failure
    await write;
  }

  view(): MigrationView {
    const { state } = this;
    const step = (Object.keys(STEPS) as StepId[]).find((id) => !this.isDone(id)) ?? null;
    const stepState = step ? state.steps[step] : null;
    const held = state.pass?.held ?? 0;
    const waiting: Party[] = state.paused ? ['provider'] : [...(stepState?.waitingFor ?? [])];
    if (held > 0 && !waiting.includes('provider')) waiting.push('provider');
    const phase: Phase = step ? STEPS[step].phase : 'support';
    return {
      status: this.ended ?? (state.paused ? 'paused' : phase === 'support' ? 'in-support' : 'running'),
      phase,
      step,
      waitingFor: waiting,
      headline: this.headline(step, held),
      steps: structuredCopy(state.steps),
      openGate: state.gate && { gate: state.gate.gate, gateId: state.gate.gateId, digest: state.gate.digest },
      cutoverAt: state.cutoverAt,
      dnsPath: state.dnsPath,
      pass: state.pass && {
        kind: state.pass.kind,
        number: state.pass.number,
        done: state.pass.done,
        total: state.pass.total,
        held,
      },
      progress: state.pass && state.pass.total > 0 ? Math.floor((100 * state.pass.done) / state.pass.total) : 100,
      updatedAt: new Date().toISOString(),
    };
  }

  private headline(step: StepId | null, held: number): string {
    if (this.ended === 'cancelled') return 'Cancelled; nothing was deleted anywhere.';
    if (this.ended) return 'The migration has ended.';
    if (this.state.paused) return `Paused by ${this.state.paused.by}: ${this.state.paused.reason}`;
    if (!step) return 'All steps are done.';
    const { pass } = this.state;
    const far = pass ? `${pass.done} of ${pass.total} mailboxes are through` : 'begins';
    const now = `${step} ${STEPS[step].title}: ${this.state.steps[step].note || far}`;
    if (held === 0) return now;
    return `${now.replace(/\.$/, '')}. ${held} held ${held === 1 ? 'mailbox needs' : 'mailboxes need'} a person.`;
  }

  private async mayGoOn(id: StepId): Promise<void> {
    await this.atRest();
    if (!this.state.paused) return;
    this.set(id, 'waiting', ['provider'], 'paused by an operator');
    await this.publish();
    await this.until(() => !this.state.paused);
  }

  private set(
    id: StepId,
    status: MigrationState['steps'][StepId]['status'],
    waitingFor: Party[],
    note: string,
    evidenceId?: string | null,
  ): void {
    const before = this.state.steps[id];
    this.state.steps[id] = {
      status,
      waitingFor,
      note,
      evidenceId: evidenceId === undefined ? before.evidenceId : evidenceId,
      changedAt: new Date().toISOString(),
    };
  }

  private shouldContinue(): boolean {
    if (this.openWaves > 0) return false;
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    return continueAsNewSuggested || historyLength > (this.state.continueAfterEvents ?? CONTINUE_AFTER_EVENTS);
  }

  /** @param unless  came true while handlers ended: what they were told lives in this run only, so it goes on here. */
  private async continue(unless: () => boolean = () => false): Promise<void> {
    await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
    if (!unless()) await continueAsNew<typeof migration>(this.state);
  }
}

/** Search attributes, for the lists of the Temporal UI. */
function showInLists(view: MigrationView): void {
  upsertSearchAttributes([
    { key: attributes.phase, value: view.phase },
    { key: attributes.step, value: view.step ?? 'none' },
    { key: attributes.waitingFor, value: [...view.waitingFor] },
    { key: attributes.progress, value: view.progress },
  ]);
}

/** The view is a snapshot: later changes of the state must not show in it. */
function structuredCopy(steps: MigrationState['steps']): MigrationState['steps'] {
  return JSON.parse(JSON.stringify(steps)) as MigrationState['steps']; // JSON of a JSON-only type has the same type
}
