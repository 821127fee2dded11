import temporalProto from '@temporalio/proto';
import type { World } from './harness.ts';

const { History } = temporalProto.temporal.api.history.v1; // the package has no named exports for Node
type HistoryPage = temporalProto.temporal.api.workflowservice.v1.IGetWorkflowExecutionHistoryResponse;
type HistoryEvent = temporalProto.temporal.api.history.v1.IHistoryEvent;

/** The events of one run as the server stores them: nothing is decrypted. Without a run id, of the newest run. */
export async function rawHistory({ env }: World, workflowId: string, runId?: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  let nextPageToken: Uint8Array | null = null;
  do {
    const page: HistoryPage = await env.connection.workflowService.getWorkflowExecutionHistory({
      namespace: env.namespace ?? 'default',
      execution: { workflowId, ...(runId !== undefined && { runId }) },
      ...(nextPageToken && { nextPageToken }),
    });
    events.push(...(page.history?.events ?? []));
    nextPageToken = page.nextPageToken?.length ? page.nextPageToken : null;
  } while (nextPageToken);
  return events;
}

/** The bytes of events, in which plain text would be found as it is. */
export function bytesOf(events: HistoryEvent[]): Buffer {
  return Buffer.from(History.encode({ events }).finish());
}

export interface Run {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly status: string;
  readonly events: number;
}

/** Every run that belongs to a migration, as the server lists them: by search attribute, so a moment late. */
export async function runsOf({ env }: World, migrationId: string): Promise<Run[]> {
  const runs: Run[] = [];
  for await (const run of env.client.workflow.list({ query: `MailferryMigration = '${migrationId}'` })) {
    runs.push({
      workflowId: run.workflowId,
      runId: run.runId,
      type: run.type,
      status: run.status.name,
      events: run.historyLength ?? 0,
    });
  }
  return runs;
}

/** The histories of a workflow's runs, from its first, each continued as new by the next. */
export async function chainOf(world: World, workflowId: string, firstRunId: string): Promise<HistoryEvent[][]> {
  const chain: HistoryEvent[][] = [];
  for (let runId: string | null | undefined = firstRunId; runId; ) {
    const events: HistoryEvent[] = await rawHistory(world, workflowId, runId);
    chain.push(events);
    runId = events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  return chain;
}
