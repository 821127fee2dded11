import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { Pass } from '../../domain/passes.ts';
import type { GateId, GateParty, StepId } from '../../domain/steps.ts';
import { findTemporalCli, findTemporalTestServer } from '../../setup/temporal-binary.js';
import { ensureWorkflowBundle } from '../../workers/bundle.ts';
import { createPayloadCodec, dataConverter } from '../../workers/payload-codec.ts';
import type { migration } from '../../workflows/migration.ts';
import {
  mailboxPassWorkflowId,
  migrationWorkflowId,
  SEARCH_ATTRIBUTES,
  SIGNALS,
  TASK_QUEUES,
  type UpdateArguments,
  type UpdateName,
  type UpdateReceipt,
} from '../../workflows/names.ts';
import { type MigrationState, newMigrationState } from '../../workflows/state.ts';
import type { Office, OfficeGate } from './office.ts';

/** Of a fixed key, so that recorded histories can be read again. */
export const converter = dataConverter(createPayloadCodec(Buffer.alloc(32, 7)));

let runtimeInstalled = false;

export interface World {
  readonly env: TestWorkflowEnvironment;
  readonly bundle: string;
}

/** A server whose time skips, for what waits for days. Tests of a file run one after the other because its clock is shared. */
export async function startSkippingWorld(): Promise<World> {
  quiet();
  const env = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: found(await findTemporalTestServer()) } },
    client: { dataConverter: converter },
  });
  const types = { Keyword: 2, Int: 3, KeywordList: 7 } as const; // temporal.api.enums.v1.IndexedValueType
  const searchAttributes = Object.fromEntries(
    Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [name, types[type]]),
  );
  await env.connection.operatorService.addSearchAttributes({ namespace: env.namespace ?? 'default', searchAttributes });
  return { env, bundle: await bundle() };
}

/** The real server in its development form, for everything that an operator sees or sends. */
export async function startDevWorld(): Promise<World> {
  quiet();
  const attributes = Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => [
    '--search-attribute',
    `${name}=${type}`,
  ]);
  const env = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: found(await findTemporalCli()) }, extraArgs: attributes },
    client: { dataConverter: converter },
  });
  return { env, bundle: await bundle() };
}

/** Before anything else of the SDK in a process: errors only. */
export function quiet(): void {
  if (!runtimeInstalled)
    Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter: 'ERROR' } } });
  runtimeInstalled = true;
}

function found({ path, tried }: { path: string | null; tried: readonly string[] }): string {
  if (!path) throw new Error(`A Temporal server is missing; npm test fetches it. Tried: ${tried.join('; ')}`);
  return path;
}

/** Today's workflow code. */
export const bundle = () => ensureWorkflowBundle(join(tmpdir(), 'mailferry-test-bundles'));

/** What a test does to one migration: the two parties' hands on the desk. */
export interface Hands {
  readonly handle: WorkflowHandle<typeof migration>;
  readonly migrationId: string;
  /** RFC 3339, counted from the server's clock, which tests move. */
  inDays(days: number): Promise<string>;
  state(): Promise<MigrationState>;
  /** Waits (real time, bounded) until a step is in a state. */
  untilStep(id: StepId, status: MigrationState['steps'][StepId]['status']): Promise<void>;
  untilGate(gate: GateId, not?: OfficeGate): Promise<OfficeGate>;
  update<N extends UpdateName>(name: N, args: UpdateArguments[N]): Promise<UpdateReceipt>;
  approve(gate: OfficeGate, party: GateParty, personId?: string): Promise<void>;
  reject(gate: OfficeGate, party: GateParty): Promise<void>;
  /** Sends the signal only: with a decision that the office does not know it is forged. */
  signal(decisionId: string, gate: OfficeGate): Promise<void>;
  /** Walks on to a step by deciding and acknowledging everything before it. */
  goTo(id: StepId): Promise<void>;
}

let runs = 0;

export async function withMigration<T>(
  world: World,
  office: Office,
  test: (hands: Hands) => Promise<T>,
  change: (state: MigrationState) => void = () => undefined,
): Promise<T> {
  const { env, bundle } = world;
  runs += 1;
  const migrationId = `mig_${runs}_${Date.now().toString(36)}`;
  const activities = office.activities();
  const workers = await Promise.all(
    Object.values(TASK_QUEUES).map((taskQueue) =>
      Worker.create({
        connection: env.nativeConnection,
        taskQueue,
        dataConverter: converter,
        activities,
        ...(taskQueue === TASK_QUEUES.orchestration && { workflowBundle: { codePath: bundle } }),
        maxHeartbeatThrottleInterval: '100 milliseconds',
        shutdownForceTime: '2 seconds',
      }),
    ),
  );
  const runs_ = workers.map((worker) => worker.run());
  const { client } = env;
  const state = newMigrationState(migrationId);
  change(state);
  const handle = await client.workflow.start<typeof migration>('migration', {
    workflowId: migrationWorkflowId(migrationId),
    taskQueue: TASK_QUEUES.orchestration,
    args: [state],
  });
  office.sendSignal = async (mailboxId, pass, signal) => {
    const id = mailboxPassWorkflowId(migrationId, pass as Pass, mailboxId);
    await client.workflow
      .getHandle(id)
      .signal(signal)
      .catch(() => undefined);
  };
  try {
    return await test(handsOn(env, handle, migrationId, office));
  } finally {
    // Cancelled and not terminated: its children end with it and do not meet the next test's workers.
    await handle.cancel().catch(() => undefined);
    const ended = handle.result().catch(() => undefined);
    // The test server (1.40) now and then refuses a cancellation that meets the end of an activity (ACTIVITY_UNKNOWN).
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 3_000))]);
    await handle.terminate('the test is over').catch(() => undefined);
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await Promise.allSettled(runs_);
  }
}

function handsOn(
  env: TestWorkflowEnvironment,
  handle: WorkflowHandle<typeof migration>,
  migrationId: string,
  office: Office,
): Hands {
  const state = () => handle.query<MigrationState, []>('state');
  const hands: Hands = {
    handle,
    inDays: async (days) => new Date((await env.currentTimeMs()) + days * 86_400_000).toISOString(),
    migrationId,
    state,
    async untilStep(id, status) {
      await until(
        `step ${id} is ${status}`,
        async () => (await state()).steps[id].status === status,
        async () => {
          const { steps } = await state();
          return JSON.stringify(
            Object.entries(steps)
              .filter(([, each]) => each.status !== 'ahead')
              .map(([key, each]) => [key, each.status, each.note]),
          );
        },
      );
    },
    async untilGate(gate, not) {
      let open: OfficeGate | undefined;
      await until(`gate ${gate} opens`, async () => {
        open = office.gates.findLast((each) => each.gate === gate && each.state === 'open');
        return open !== undefined && open !== not && (await state()).gate?.gateId === open.gateId;
      });
      if (!open) throw new Error('unreachable: until has seen it');
      return open;
    },
    update: (name, args) => handle.executeUpdate<UpdateReceipt, [typeof args]>(name, { args: [args] }),
    async approve(gate, party, personId = party) {
      const decision = { ...office.decide(gate, party, personId, 'approve'), migrationId };
      office.decisions.set(decision.id, decision);
      await hands.signal(decision.id, gate);
    },
    async reject(gate, party) {
      const decision = { ...office.decide(gate, party, party, 'reject'), migrationId };
      office.decisions.set(decision.id, decision);
      await hands.signal(decision.id, gate);
    },
    async signal(decisionId, gate) {
      await handle.signal(SIGNALS.decision, {
        decisionId,
        gate: gate.gate,
        gateId: gate.gateId,
        step: null,
        digest: gate.digest,
        party: 'client',
        personId: 'client',
        verdict: 'approve',
      });
    },
    async goTo(id) {
      await until(`the story comes to ${id}`, async () => {
        const now = await state();
        const step = (Object.keys(now.steps) as StepId[]).find(
          (each) => !['done', 'not-needed'].includes(now.steps[each].status),
        );
        if (step === id) return true;
        await walkOne(hands, office, now, step ?? null);
        return false;
      });
    },
  };
  return hands;
}

/** Does what the step under way waits for; nothing when it works by itself. */
async function walkOne(hands: Hands, office: Office, now: MigrationState, step: StepId | null): Promise<void> {
  if (step === null) return;
  if (now.steps[step].status !== 'waiting') return;
  if (step === 'A4' && now.cutoverAt === null) {
    await hands.update('setCutoverDate', { by: 'client', at: await hands.inDays(30) });
  } else if ((step === 'B2' || step === 'B4' || step === 'C4' || step === 'C6') && !now.acknowledged[step]) {
    await hands.update('acknowledge', { by: 'client', step, note: '' });
  } else if (now.gate && office.openGate?.gateId === now.gate.gateId) {
    const given = now.gate.decisions.map((each) => each.party);
    const party = (['client', 'operator'] as const).find((each) => !given.includes(each));
    if (party) await hands.approve(office.openGate, party);
  }
}

/** Waits for a condition, never for a time. */
export async function until(
  what: string,
  met: () => Promise<boolean>,
  explain: () => Promise<string> = async () => '',
  boundMs = 90_000,
): Promise<void> {
  const deadline = performance.now() + boundMs;
  for (;;) {
    if (await met()) return;
    if (performance.now() > deadline) throw new Error(`in vain: ${what}. ${await explain()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
