import { CancellationScope, getExternalWorkflowHandle, setHandler, startChild } from '@temporalio/workflow';
import { counted } from '../domain/counted.ts';
import type { MigrationSettings } from '../domain/migration-settings.ts';
import { type Pass, type PassKind, passName } from '../domain/passes.ts';
import { story } from './activities.ts';
import { childOptions } from './child-options.ts';
import { pauseSignal, resumeSignal } from './mailbox-pass.ts';
import { mailboxWave, type WaveProgress, waveProgressSignal } from './mailbox-wave.ts';
import { waveWorkflowId } from './names.ts';
import { type PassState, passOf } from './state.ts';

/** What a workflow that runs passes offers to them: the migration, or support. */
export interface PassHost {
  readonly state: {
    readonly migrationId: string;
    pass: PassState | null;
    passesEnded: number;
    readonly continueAfterEvents?: number | null;
  };
  readonly settings: MigrationSettings;
  readonly isPaused: boolean;
  /** Waves live in the workflow's own scope, so that a step may start over while mail goes on moving. */
  readonly root: CancellationScope;
  /** While there are any, the run cannot be continued as new. */
  openWaves: number;
  until(met: () => boolean, timeoutMs?: number, summary?: string): Promise<boolean>;
  /** Nothing is under way, so a run whose history grew long continues as new here. */
  atRest(): Promise<void>;
  /** Waits until an operator asks for another try. */
  waitForRetry(note: string): Promise<void>;
  publish(): Promise<void>;
}

/**
 * Runs one pass over all mailboxes as a row of waves. A wave in which only held mailboxes are left does not keep the next
 * one from starting; the pass ends when every mailbox is through it.
 */
export class PassRunner {
  private readonly host: PassHost;
  private readonly waves = new Map<number, WaveProgress | null>();
  private failure: unknown = null;
  private reported = false;

  constructor(host: PassHost) {
    this.host = host;
    setHandler(waveProgressSignal, (progress) => {
      if (this.waves.has(progress.wave)) this.waves.set(progress.wave, progress);
      this.advance(progress.lastPosition);
      this.reported = true;
    });
  }

  /** @returns how many messages the pass moved. A pass that was begun and not ended is gone on with. */
  async run(kind: PassKind): Promise<{ pass: Pass; moved: number }> {
    const { host } = this;
    const { state } = host;
    state.pass ??= {
      kind,
      number: state.passesEnded + 1,
      position: -1,
      waves: 0,
      total: 0,
      done: 0,
      held: 0,
    };
    const pass = passOf(state.pass);
    for (;;) {
      await this.refreshCounts(pass);
      await this.startWaves(pass);
      await this.watch(() => this.waves.size === 0 || this.failure !== null, pass);
      if (this.failure !== null) throw this.failure;
      await this.refreshCounts(pass);
      if (state.pass.done >= state.pass.total) break;
      // Children that were ended by hand leave their mailboxes due: nobody but an operator knows why.
      const left = state.pass.total - state.pass.done;
      await host.waitForRetry(`${counted(left, 'mailbox', 'mailboxes')} did not end the pass; retry to start again`);
      state.pass.position = -1;
    }
    const moved = await story.countMoved.executeWithOptions({ summary: `${passName(pass)}: count what moved` }, [
      { migrationId: state.migrationId, pass },
    ]);
    state.passesEnded = pass.number;
    state.pass = null;
    return { pass, moved };
  }

  async tellWaves(signal: 'pause' | 'resume'): Promise<void> {
    const { state } = this.host;
    if (!state.pass) return;
    for (const wave of [...this.waves.keys()]) {
      const id = waveWorkflowId(state.migrationId, passOf(state.pass), wave);
      await getExternalWorkflowHandle(id)
        .signal(signal === 'pause' ? pauseSignal : resumeSignal)
        .catch(() => undefined); // it may have ended just now
    }
  }

  private async startWaves(pass: Pass): Promise<void> {
    for (;;) {
      const running = [...this.waves].find(([, progress]) => !progress?.drained);
      if (running) {
        const [wave] = running;
        await this.watch(() => !this.waves.has(wave) || this.waves.get(wave)?.drained === true, pass);
        continue;
      }
      if (this.failure !== null || !(await this.startWave(pass))) return;
    }
  }

  /** @returns false when the list has no more mailboxes that are due. */
  private async startWave(pass: Pass): Promise<boolean> {
    const { host } = this;
    const { state } = host;
    const current = state.pass;
    if (!current) return false;
    await host.atRest();
    const more = await story.hasDue.executeWithOptions({ summary: `${passName(pass)}: who is next` }, [
      { migrationId: state.migrationId, pass, afterPosition: current.position },
    ]);
    if (!more) return false;
    current.waves += 1;
    const wave = current.waves;
    this.waves.set(wave, null);
    host.openWaves += 1;
    const scope = new CancellationScope({ cancellable: true, parent: host.root });
    const child = await scope.run(() => startChild(mailboxWave, this.waveOptions(pass, wave, current.position)));
    child.result().then(
      (result) => {
        this.advance(result.lastPosition);
        this.close(wave);
      },
      (error: unknown) => {
        this.failure = error;
        this.close(wave);
      },
    );
    await this.watch(() => !this.waves.has(wave) || this.waves.get(wave)?.drained === true, pass);
    return true;
  }

  private waveOptions(pass: Pass, wave: number, afterPosition: number) {
    const { state, settings } = this.host;
    const { migrationId } = state;
    return {
      workflowId: waveWorkflowId(migrationId, pass, wave),
      ...childOptions({ migrationId, clientId: settings.clientId }),
      args: [
        {
          migrationId,
          clientId: settings.clientId,
          pass,
          wave,
          afterPosition,
          window: settings.policy.window,
          paused: this.host.isPaused,
          ...(state.continueAfterEvents != null && { maxEvents: state.continueAfterEvents }),
        },
      ] as Parameters<typeof mailboxWave>,
      staticSummary: `${passName(pass)}, wave ${wave}`,
    };
  }

  /** Known as soon as a wave reports, so that a step that starts over does not hand out the same mailboxes again. */
  private advance(lastPosition: number | null): void {
    const { pass } = this.host.state;
    if (pass && lastPosition !== null) pass.position = Math.max(pass.position, lastPosition);
  }

  private close(wave: number): void {
    this.waves.delete(wave);
    this.host.openWaves -= 1;
  }

  /** Waits, and keeps the numbers of the pass fresh whenever a wave reports. */
  private async watch(met: () => boolean, pass: Pass): Promise<void> {
    while (!met()) {
      await this.host.until(() => met() || this.reported);
      if (!this.reported) continue;
      this.reported = false;
      await this.refreshCounts(pass);
    }
  }

  private async refreshCounts(pass: Pass): Promise<void> {
    const { host } = this;
    const counts = await story.countPass.executeWithOptions({ summary: `${passName(pass)}: how far` }, [
      { migrationId: host.state.migrationId, pass },
    ]);
    const current = host.state.pass;
    if (current?.number !== pass.number) return;
    Object.assign(current, counts);
    await host.publish();
  }
}
