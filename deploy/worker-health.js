// `node deploy/worker-health.js TASK_QUEUE`: ends with 0 when this machine's worker has asked Temporal for work in the last
// ninety seconds. A worker that hangs, or has lost the server, keeps its process; only the server knows that it is silent.
import { hostname } from 'node:os';
import { Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';

const SILENT_AFTER_MS = 90_000; // a poll without work lasts a minute
const ACTIVITY = 2;
const [name] = process.argv.slice(2);
const namespace = process.env['MAILFERRY_NAMESPACE'] || process.env['TEMPORAL_NAMESPACE'] || 'default';

const connection = await Connection.connect({ ...loadClientConnectConfig().connectionOptions, connectTimeout: 5_000 });
const { pollers } = await connection.workflowService.describeTaskQueue({
  namespace,
  taskQueue: { name },
  taskQueueType: ACTIVITY,
});
await connection.close();
const ours = pollers.filter((poller) => poller.identity?.endsWith(`@${hostname()}`));
const lastSeen = Math.max(0, ...ours.map((poller) => Number(poller.lastAccessTime?.seconds ?? 0) * 1_000));
if (Date.now() - lastSeen > SILENT_AFTER_MS) {
  console.error(`no worker of ${hostname()} asks for work on ${name}`);
  process.exit(1);
}
