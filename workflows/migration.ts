import {
  CancellationScope,
  CancelledFailure,
  isCancellation,
  setCurrentDetails,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { exchangeAtEnd, story } from './activities.ts';
import { takeCommands } from './commands.ts';
import { Desk, StoryTurned } from './desk.ts';
import { errorCodeOf, explain } from './failures.ts';
import { PassRunner } from './pass-runner.ts';
import { askPatches } from './patches.ts';
import { accountCreation } from './phase-accounts.ts';
import { cutoverAndFinalisation } from './phase-cutover.ts';
import { dataMigration } from './phase-data.ts';
import { supportPhase } from './phase-support.ts';
import * as attributes from './search-attributes.ts';
import type { MigrationState } from './state.ts';

/** One migration of one organisation, from intake to the end of support. Its id is the migration's. */
export async function migration(state: MigrationState): Promise<MigrationState['steps']> {
  const desk = new Desk(state, askPatches());
  const passes = new PassRunner(desk);
  takeCommands(desk, passes);
  try {
    await readSettings(state);
    for (;;) {
      try {
        await accountCreation(desk);
        await dataMigration(desk, passes);
        await cutoverAndFinalisation(desk, passes);
        await supportPhase(desk);
        await desk.end('ended');
        return state.steps;
      } catch (error) {
        if (!(error instanceof StoryTurned)) throw error;
        desk.straighten(); // done steps are passed over, so the story goes on at the first one that was reopened
      }
    }
  } catch (error) {
    // A worker that died while its activity was being cancelled leaves a time-out instead of a cancellation.
    const cancelled = isCancellation(error) || desk.root.consideredCancelled;
    if (!cancelled) throw error;
    await CancellationScope.nonCancellable(async () => {
      await rollBackRedirection(desk);
      await restoreTarget(desk);
      await desk.end('cancelled');
    });
    throw isCancellation(error) ? error : new CancelledFailure('cancelled');
  }
}

/** A cancelled migration must not leave mail on a detour; that it could not be ended is no reason not to end. */
async function rollBackRedirection(desk: Desk): Promise<void> {
  const { state } = desk;
  const mayBeOn = state.steps.A6.status !== 'ahead' && state.steps.A6.status !== 'not-needed' && !desk.isDone('C2');
  if (!mayBeOn || !desk.patches.endsRedirection) return;
  try {
    const { outcome } = await exchangeAtEnd.rollBackRedirection.executeWithOptions({ summary: 'end redirection' }, [
      { migrationId: state.migrationId },
    ]);
    const left = 'cancelled; redirection stays on, because MX may lead to the target: see the evidence';
    desk.remark('A6', outcome === 'off' ? 'cancelled; redirection is off again' : left);
  } catch (error) {
    desk.remark('A6', `cancelled; redirection could not be ended: ${errorCodeOf(error) ?? ''} ${explain(error)}`);
  }
}

/** Size limits and retention as they were before the import; failing that, they stay in the ledger for `provision --undo`. */
async function restoreTarget(desk: Desk): Promise<void> {
  const { migrationId, settings, steps } = desk.state;
  if (settings?.targetKind !== 'hosted-exchange' || steps.B1.status === 'ahead') return;
  if (!desk.patches.restoresTarget) return;
  try {
    await exchangeAtEnd.restoreSettings.executeWithOptions({ summary: 'put size limits back, release retention' }, [
      { migrationId },
    ]);
  } catch (error) {
    const why = `${errorCodeOf(error) ?? ''} ${explain(error)}`;
    desk.remark(
      'B1',
      `cancelled; size limits and retention could not be put back, \`provision --undo\` does it: ${why}`,
    );
  }
}

async function readSettings(state: MigrationState): Promise<void> {
  if (state.settings) return;
  setCurrentDetails('Reading the plan.');
  const settings = await story.readSettings.executeWithOptions({ summary: 'read the plan' }, [state.migrationId]);
  state.settings = settings;
  state.cutoverAt ??= settings.cutoverAt;
  state.dnsPath ??= settings.dnsPath;
  upsertSearchAttributes([
    { key: attributes.migrationKey, value: state.migrationId },
    { key: attributes.client, value: settings.clientId },
  ]);
}
