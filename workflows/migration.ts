import {
  CancellationScope,
  CancelledFailure,
  isCancellation,
  setCurrentDetails,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { story } from './activities.ts';
import { takeCommands } from './commands.ts';
import { Desk, StoryTurned } from './desk.ts';
import { PassRunner } from './pass-runner.ts';
import { accountCreation } from './phase-accounts.ts';
import { cutoverAndFinalisation } from './phase-cutover.ts';
import { dataMigration } from './phase-data.ts';
import { supportPhase } from './phase-support.ts';
import * as attributes from './search-attributes.ts';
import type { MigrationState } from './state.ts';

/** One migration of one organisation, from intake to the end of support. Its id is the migration's. */
export async function migration(state: MigrationState): Promise<MigrationState['steps']> {
  const desk = new Desk(state);
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
    await CancellationScope.nonCancellable(() => desk.end('cancelled'));
    throw isCancellation(error) ? error : new CancelledFailure('cancelled');
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
