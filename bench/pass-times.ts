import type { Client } from '@temporalio/client';
import type { Pass } from '../domain/passes.ts';
import { mailboxPassWorkflowId } from '../workflows/names.ts';

/** How long the activities of one mailbox's pass took, from the start of the last attempt to the end, in ms. */
export type ActivityTimes = Readonly<Record<string, number>>;

/** Read from the history, so it is what Temporal saw. Empty when there was nothing to do: then no workflow was started. */
export async function activityTimesOf(
  client: Client,
  migrationId: string,
  pass: Pass,
  mailboxId: string,
): Promise<ActivityTimes> {
  const handle = client.workflow.getHandle(mailboxPassWorkflowId(migrationId, pass, mailboxId));
  const { events } = await handle.fetchHistory();
  const names = new Map<string, string>();
  const starts = new Map<string, number>();
  const times: Record<string, number> = {};
  for (const event of events ?? []) {
    const at = msOf(event.eventTime);
    const { activityTaskScheduledEventAttributes: scheduled, activityTaskStartedEventAttributes: started } = event;
    const completed = event.activityTaskCompletedEventAttributes;
    if (scheduled) names.set(String(event.eventId), scheduled.activityType?.name ?? '');
    if (started) starts.set(String(started.scheduledEventId), at);
    if (!completed) continue;
    const id = String(completed.scheduledEventId);
    const name = names.get(id) ?? '';
    times[name] = (times[name] ?? 0) + at - (starts.get(id) ?? at);
  }
  return times;
}

function msOf(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(time?.seconds ?? 0) * 1_000 + (time?.nanos ?? 0) / 1e6;
}
