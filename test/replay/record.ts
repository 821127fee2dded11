import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import {
  mailboxPassWorkflowId,
  preflightWorkflowId,
  provisioningWorkflowId,
  supportWorkflowId,
  TASK_QUEUES,
  waveWorkflowId,
} from '../../workflows/names.ts';
import { type Hands, startDevWorld, until, type World, withMigration } from '../workflow/harness.ts';
import { NO_CONFLICT, Office } from '../workflow/office.ts';

/**
 * Records the histories that replay.test.ts replays: `node test/replay/record.ts`. Payloads stay encrypted, with the fixed key of
 * the tests. A change of the workflows that live migrations must survive does not record anew: it keeps these and adds its own, by name: `… record.ts provisioning`.
 */
const folder = join(import.meta.dirname, 'histories');
const initial = { kind: 'initial', number: 1 } as const;
/** The office waits for nothing, so a story that takes months is told in seconds. */
const soon = {
  ...new Office(0).settings.policy,
  cutoverLeadMs: 0,
  deltaEveryMs: 100,
  quietMs: 600,
  stragglerEveryMs: 300,
};

async function walkToTheEnd(hands: Hands): Promise<void> {
  await hands.goTo('A4');
  await hands.update('setCutoverDate', { by: 'client', at: new Date(Date.now() + 1_000).toISOString() });
  await hands.goTo('D1');
  await hands.handle.result();
}

async function recordTheEnd(world: World): Promise<void> {
  await withMigration(world, new Office(2, { policy: soon }), async (hands) => {
    await walkToTheEnd(hands);
    const preflight = { workflowId: preflightWorkflowId(hands.migrationId), taskQueue: TASK_QUEUES.orchestration };
    await world.env.client.workflow.execute('preflight', { ...preflight, args: [{ migrationId: hands.migrationId }] });
    await save(world, 'preflight', preflight.workflowId);
    await save(world, 'migration-to-its-end', hands.handle.workflowId);
    await save(world, 'support', supportWorkflowId(hands.migrationId));
    await save(world, 'wave', waveWorkflowId(hands.migrationId, initial, 1));
    await save(world, 'mailbox-pass', mailboxPassWorkflowId(hands.migrationId, initial, 'mbx_0'));
  });
}

async function recordTheDetours(world: World): Promise<void> {
  const office = new Office(2, { policy: soon });
  office.fail('copyMailbox', ['CONNECTION_LOST', 'AUTH_FAILED', 'hang'], 'mbx_0');
  await withMigration(world, office, async (hands) => {
    const copies = (count: number) => async () => office.count('copyMailbox') >= count;
    await hands.goTo('B1');
    await until('a mailbox is held', async () => office.mailboxes[0]?.held === true);
    office.addMailbox();
    await hands.update('addMailboxes', { by: 'op', changeId: 'c1', count: 1 });
    await hands.approve(await hands.untilGate('accounts'), 'client');
    await until('the added one is copied', async () => office.mailboxes[2]?.passNumber === 1);
    const before = office.count('copyMailbox');
    await hands.update('retryMailboxes', { by: 'op', mailboxIds: null });
    await until('the held one is copied again', copies(before + 1));
    await hands.update('pause', { by: 'op', reason: 'the line is needed' });
    await hands.update('resume', { by: 'op' });
    await hands.goTo('B3');
    const gate = await hands.untilGate('data');
    await hands.reject(gate, 'client');
    await hands.untilStep('B1', 'waiting');
    await hands.update('retryMailboxes', { by: 'op', mailboxIds: null });
    await hands.approve(await hands.untilGate('data', gate), 'client');
    await hands.untilStep('B3', 'done');
    await save(world, 'migration-with-detours', hands.handle.workflowId);
    await save(world, 'wave-paused', waveWorkflowId(hands.migrationId, initial, 1));
    await save(world, 'mailbox-pass-held', mailboxPassWorkflowId(hands.migrationId, initial, 'mbx_0'));
  });
}

/** Since November 2026: a plan before the work, conflicts that wait, settings of the target that are put back. */
async function recordProvisioning(world: World): Promise<void> {
  const office = new Office(2, { policy: soon });
  office.plans = [NO_CONFLICT, { ...NO_CONFLICT, conflict: 1, codes: { ADDRESS_TAKEN: 1 } }];
  office.conflicting = ['mbx_0'];
  await withMigration(world, office, async (hands) => {
    await hands.untilStep('A3', 'waiting');
    office.conflicting = [];
    await hands.update('retryMailboxes', { by: 'op', mailboxIds: null });
    await walkToTheEnd(hands);
    await save(world, 'migration-with-conflicts', hands.handle.workflowId);
    for (const what of ['plan', 'undo'] as const) {
      const workflowId = provisioningWorkflowId(hands.migrationId, what);
      const args = [{ migrationId: hands.migrationId, what }];
      await world.env.client.workflow.execute('provisioning', {
        workflowId,
        taskQueue: TASK_QUEUES.orchestration,
        args,
      });
      await save(world, `provisioning-${what}`, workflowId);
    }
  });
}

async function recordContinued(world: World): Promise<void> {
  const continueOften = (state: Parameters<Parameters<typeof withMigration>[3] & object>[0]) => {
    state.continueAfterEvents = 60;
  };
  const story = async (hands: Hands) => {
    await hands.goTo('B2');
    await save(world, 'migration-continued', hands.handle.workflowId);
  };
  await withMigration(world, new Office(1, { policy: soon }), story, continueOften);
}

/** Since November 2026: what is shown is written by an activity, and not by a local one. */
async function recordByActivities(world: World): Promise<void> {
  await withMigration(world, new Office(2, { policy: soon }), async (hands) => {
    await walkToTheEnd(hands);
    await save(world, 'migration-by-activities', hands.handle.workflowId);
  });
}

async function save({ env }: World, name: string, workflowId: string): Promise<void> {
  const history = await env.client.workflow.getHandle(workflowId).fetchHistory();
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(JSON.parse(historyToJSON(history)), slim)}\n`);
}

/** Half of a history says which process did what when; a replay asks for none of it, and no machine's name gets in. */
const NOT_REPLAYED = new Set([
  'encryption-key-id',
  'header',
  'heartbeatTimeout',
  'historySizeBytes',
  'identity',
  'meteringMetadata',
  'priority',
  'requestId',
  'retryPolicy',
  'scheduleToCloseTimeout',
  'scheduleToStartTimeout',
  'startToCloseTimeout',
  'taskId',
  'userMetadata',
  'workerVersion',
]);

function slim(key: string, value: unknown): unknown {
  if (NOT_REPLAYED.has(key)) return undefined;
  if (key === 'activityTaskScheduledEventAttributes') return { ...(value as object), input: undefined }; // by its key
  const isQueue = key === 'taskQueue' && typeof value === 'object' && value !== null;
  return isQueue && 'normalName' in value ? { name: value.normalName } : value; // sticky queues are named for the process
}

const RECORDINGS = {
  end: recordTheEnd,
  detours: recordTheDetours,
  continued: recordContinued,
  provisioning: recordProvisioning,
  activities: recordByActivities,
};
const wanted = process.argv.slice(2);
if (wanted.length === 0) await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
const world = await startDevWorld();
try {
  for (const [name, record] of Object.entries(RECORDINGS)) {
    if (wanted.length === 0 || wanted.includes(name)) await record(world);
  }
} finally {
  await world.env.teardown();
}
