import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderStatusPage } from '../../domain/status-page.ts';
import { STEP_IDS } from '../../domain/steps.ts';
import type { migration } from '../../workflows/migration.ts';
import { migrationWorkflowId, TASK_QUEUES } from '../../workflows/names.ts';
import { newMigrationState } from '../../workflows/state.ts';
import { converter, startDevWorld, until, type World } from './harness.ts';
import { Office } from './office.ts';

let world: World;
beforeAll(async () => {
  world = await startDevWorld();
});
afterAll(async () => {
  await world?.env.teardown();
});

let runs = 0;

/** The story writes a view in the first task of a run, and so does an update that waits there. */
test.each([
  ['when both take the same time', [0, 0]],
  ['when the first takes longer', [300, 0]],
  ['when the second takes longer', [0, 300]],
])('the story and an update write their views in order, and replay as they ran, %s', async (_, delaysMs) => {
  const { env, bundle } = world;
  const office = new Office(1);
  const activities = office.activities();
  const delays = [...delaysMs];
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue: TASK_QUEUES.orchestration,
    dataConverter: converter,
    workflowBundle: { codePath: bundle },
    activities: {
      ...activities,
      async publishView(input: Parameters<typeof activities.publishView>[0]) {
        await new Promise((resolve) => setTimeout(resolve, delays.shift() ?? 0));
        await activities.publishView(input);
      },
    },
  });
  runs += 1;
  const state = newMigrationState(`mig_views_${runs}`);
  state.settings = office.settings;
  for (const id of STEP_IDS.slice(0, STEP_IDS.indexOf('A4'))) state.steps[id].status = 'done';
  const handle = await env.client.workflow.start<typeof migration>('migration', {
    workflowId: migrationWorkflowId(state.migrationId),
    taskQueue: TASK_QUEUES.orchestration,
    args: [state],
  });
  const at = new Date((await env.currentTimeMs()) + 40 * 86_400_000).toISOString();
  const moving = handle.executeUpdate('setCutoverDate', { args: [{ by: 'client', at }] });
  await new Promise((resolve) => setTimeout(resolve, 300)); // without a worker it waits for the first task
  await worker.runUntil(async () => {
    await moving;
    await until('the story went on', async () => office.evidence.length > 0);
    await until('the newest view is written', async () => {
      const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
      const last = office.views.at(-1);
      return last !== undefined && currentDetails === renderStatusPage(office.settings.clientName, last);
    });
  });
  const history = await handle.fetchHistory();
  await handle.terminate('the test is over');
  expect(office.views.map((view) => view.updatedAt)).toEqual(office.views.map((view) => view.updatedAt).toSorted());
  await Worker.runReplayHistory({ workflowBundle: { codePath: bundle }, dataConverter: converter }, history);
});
