import { TypedSearchAttributes } from '@temporalio/common';
import {
  ChildWorkflowCancellationType,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  setHandler,
  startChild,
} from '@temporalio/workflow';
import type { Desk, StepResult } from './desk.ts';
import { pauseSignal, resumeSignal, retrySignal } from './mailbox-pass.ts';
import { supportWorkflowId, TASK_QUEUES } from './names.ts';
import * as attributes from './search-attributes.ts';
import { openIssuesSignal, type SupportState, support, supportReportSignal } from './support.ts';

/** After the cutover: the provider stays available. */
export async function supportPhase(desk: Desk): Promise<void> {
  await desk.step('D1', () => stayAvailable(desk));
}

async function stayAvailable(desk: Desk): Promise<StepResult> {
  const { state, settings } = desk;
  const { migrationId } = state;
  const input: SupportState = {
    migrationId,
    settings,
    dnsPath: state.dnsPath,
    paused: false,
    openIssues: state.openIssues.length,
    pass: null,
    passesEnded: state.passesEnded,
    quietSince: null,
    sweeps: 0,
    stragglers: 0,
  };
  setHandler(supportReportSignal, async ({ note }) => {
    await desk.awaiting(['service'], note);
  });
  desk.openWaves += 1; // the child is ours: the run may not be continued as new while it works
  const child = await startChild(support, {
    workflowId: supportWorkflowId(migrationId),
    taskQueue: TASK_QUEUES.orchestration,
    args: [input],
    staticSummary: 'stragglers, deliverability, reported issues',
    priority: { fairnessKey: settings.clientId },
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    typedSearchAttributes: new TypedSearchAttributes([
      { key: attributes.migrationKey, value: migrationId },
      { key: attributes.client, value: settings.clientId },
    ]),
  });
  const forward = getExternalWorkflowHandle(supportWorkflowId(migrationId));
  desk.supportDesk = {
    pause: () => forward.signal(pauseSignal),
    resume: () => forward.signal(resumeSignal),
    retry: () => forward.signal(retrySignal),
    issues: () => forward.signal(openIssuesSignal, state.openIssues.length),
  };
  try {
    const report = await child.result();
    return { note: report.note };
  } finally {
    desk.supportDesk = null;
    desk.openWaves -= 1;
  }
}
