import { getExternalWorkflowHandle, setHandler, startChild } from '@temporalio/workflow';
import { exchange } from './activities.ts';
import { childOptions } from './child-options.ts';
import type { Desk, StepResult } from './desk.ts';
import { errorCodeOf, explain } from './failures.ts';
import { pauseSignal, resumeSignal, retrySignal } from './mailbox-pass.ts';
import { supportWorkflowId } from './names.ts';
import { openIssuesSignal, type SupportState, support, supportReportSignal } from './support.ts';

/** After the cutover: the provider stays available. */
export async function supportPhase(desk: Desk): Promise<void> {
  await desk.step('D1', async () => {
    const result = await stayAvailable(desk);
    await restoreTarget(desk);
    return result;
  });
}

/** Only now: stragglers are old mail too, and retention would tidy them away before they are verified. */
async function restoreTarget(desk: Desk): Promise<void> {
  if (desk.settings.targetKind !== 'hosted-exchange' || !desk.patches.restoresTarget) return;
  for (;;) {
    try {
      await exchange.restoreSettings.executeWithOptions({ summary: 'put size limits back, release retention' }, [
        { migrationId: desk.state.migrationId },
      ]);
      return;
    } catch (error) {
      const code = errorCodeOf(error);
      if (code === null) throw error;
      await desk.waitForRetry(`${code}: ${explain(error)}`); // support itself is over and not run again
    }
  }
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
    ...childOptions({ migrationId, clientId: settings.clientId }),
    args: [input],
    staticSummary: 'stragglers, deliverability, reported issues',
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
