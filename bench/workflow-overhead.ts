/**
 * What a mailbox costs beside its mail: CPU of the Temporal server and of the worker for one pass, with transfer activities that
 * do nothing, once over mailboxes in which nothing changed and once over mailboxes in which mail moves. The real waves, codec and
 * interceptors run; the ledger does not, nor does the migration above the waves (a signal every 25 mailboxes).
 *
 *     node bench/workflow-overhead.ts [--unchanged 1000] [--changed 100] [--window 8]
 *
 * Server CPU is read from /proc, so on Linux only. Run it on a machine that is idle otherwise.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { TransferActivities } from '../activities/transfer.ts';
import type { WaveActivities } from '../activities/waves.ts';
import type { Pass } from '../domain/passes.ts';
import { findFreePort } from '../embedded/ports.ts';
import { startEmbeddedTemporal } from '../embedded/temporal.ts';
import { ensureWorkflowBundle } from '../workers/bundle.ts';
import { activityInterceptors } from '../workers/interceptors.ts';
import { createPayloadCodec, dataConverter } from '../workers/payload-codec.ts';
import { SEARCH_ATTRIBUTES, TASK_QUEUES, WORKFLOW_TYPES, waveWorkflowId } from '../workflows/names.ts';

const { values } = parseArgs({
  options: {
    unchanged: { type: 'string', default: '1000' },
    changed: { type: 'string', default: '100' },
    window: { type: 'string', default: '8' },
  },
});

type Activities = Pick<WaveActivities, 'pageDue' | 'holdMailbox' | 'releaseMailbox'> &
  Pick<TransferActivities, 'lookAtMailboxes' | 'copyMailbox' | 'verifyMailbox'>;

/** Mailboxes of the migration `changed` have work in every pass, those of any other never. */
function idleActivities(mailboxes: (migrationId: string) => number): Activities {
  return {
    async pageDue({ migrationId, afterPosition, limit }) {
      const first = afterPosition + 1;
      const last = Math.min(first + limit, mailboxes(migrationId)) - 1;
      const ids = Array.from({ length: last - first + 1 }, (_, index) => `mbx_${first + index}`);
      return { mailboxIds: ids, lastPosition: ids.length === 0 ? null : last };
    },
    async lookAtMailboxes({ migrationId, mailboxIds }) {
      if (migrationId.startsWith('changed')) return { withWork: [...mailboxIds], unchanged: 0 };
      return { withWork: [], unchanged: mailboxIds.length };
    },
    copyMailbox: async () => ({ moved: 1, refused: 0, vanished: 0 }),
    verifyMailbox: async () => ({ moved: 1 }),
    holdMailbox: async () => undefined,
    releaseMailbox: async () => undefined,
  };
}

Runtime.install({ logger: new DefaultLogger('ERROR') });
const folder = mkdtempSync(join(tmpdir(), 'mailferry-bench-'));
const sizes = new Map<string, number>();
const server = await startEmbeddedTemporal({
  dataDir: folder,
  port: await findFreePort(),
  uiPort: await findFreePort(),
  namespace: 'default',
  searchAttributes: SEARCH_ATTRIBUTES,
});
const converter = dataConverter(createPayloadCodec(randomBytes(32)));
const client = new Client({
  connection: await Connection.connect({ address: server.address }),
  dataConverter: converter,
});
const common = {
  connection: await NativeConnection.connect({ address: server.address }),
  dataConverter: converter,
  interceptors: { activity: [activityInterceptors] },
  activities: idleActivities((id) => sizes.get(id) ?? 0),
};
const workflowBundle = { codePath: await ensureWorkflowBundle(join(folder, 'bundle')) };
const workers = [
  await Worker.create({ ...common, taskQueue: TASK_QUEUES.orchestration, workflowBundle, maxCachedWorkflows: 200 }),
  await Worker.create({ ...common, taskQueue: TASK_QUEUES.transfer, maxConcurrentActivityTaskExecutions: 8 }),
];
const runs = workers.map((worker) => worker.run());

try {
  console.log(
    `${cpus().length} cores, Node ${process.versions.node}, window ${values.window}; milliseconds of CPU a mailbox`,
  );
  await runPass('changed-warm-up', 20);
  await runPass('unchanged-warm-up', 200);
  report(await runPass('unchanged', Number(values.unchanged)));
  report(await runPass('changed', Number(values.changed)));
} finally {
  for (const worker of workers) worker.shutdown();
  await Promise.allSettled(runs);
  await client.connection.close();
  await common.connection.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

interface Figures {
  readonly name: string;
  readonly mailboxes: number;
  readonly seconds: number;
  readonly serverMs: number | null;
  readonly workerMs: number;
  readonly events: number;
}

/** Waves one after the other, as the migration runs them. */
async function runPass(name: string, mailboxes: number): Promise<Figures> {
  sizes.set(name, mailboxes);
  const pass: Pass = { kind: 'delta', number: 1 };
  const from = { wall: performance.now(), worker: process.cpuUsage(), server: serverCpuMs() };
  let events = 0;
  let position: number | null = -1;
  for (let wave = 1; position !== null && position < mailboxes - 1; wave += 1) {
    const handle = await client.workflow.start(WORKFLOW_TYPES.mailboxWave, {
      workflowId: waveWorkflowId(name, pass, wave),
      taskQueue: TASK_QUEUES.orchestration,
      args: [
        {
          migrationId: name,
          clientId: 'bench',
          pass,
          wave,
          afterPosition: position,
          window: Number(values.window),
          paused: false,
        },
      ],
    });
    const result = (await handle.result()) as { done: number; failed: number; lastPosition: number | null };
    if (result.failed > 0) throw new Error(`${result.failed} mailboxes failed`);
    position = result.lastPosition;
    events = Math.max(events, (await handle.describe()).historyLength);
  }
  const { user, system } = process.cpuUsage(from.worker);
  const server = serverCpuMs();
  return {
    name,
    mailboxes,
    seconds: (performance.now() - from.wall) / 1_000,
    serverMs: server === null || from.server === null ? null : (server - from.server) / mailboxes,
    workerMs: (user + system) / 1_000 / mailboxes,
    events,
  };
}

function report({ name, mailboxes, seconds, serverMs, workerMs, events }: Figures): void {
  const total = serverMs === null ? '' : `, together ${(serverMs + workerMs).toFixed(2)}`;
  console.log(
    `${mailboxes} mailboxes ${name}: server ${serverMs?.toFixed(2) ?? 'not known here'}, worker ${workerMs.toFixed(2)}${total}; ` +
      `${seconds.toFixed(1)} s; longest wave ${events} events`,
  );
}

/** User and system time so far, in ms; fields 14 and 15 of proc(5) stat, in ticks of 10 ms. */
function serverCpuMs(): number | null {
  const pid = server.pid();
  if (process.platform !== 'linux' || pid === null) return null;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
