import type { AcknowledgedStep } from '../domain/steps.ts';
import { story } from './activities.ts';
import type { Desk, StepResult } from './desk.ts';
import { nextDecision } from './inbox.ts';

/** Asks the client's contacts and waits until one of them, or an operator for them, acknowledges. */
export async function acknowledged(desk: Desk, step: AcknowledgedStep, what: string): Promise<StepResult> {
  const { state } = desk;
  const { migrationId } = state;
  if (!state.acknowledged[step] && !state.asked.includes(step)) {
    await story.requestAcknowledgement.executeWithOptions({ summary: `ask for ${step}: ${what}` }, [
      { migrationId, step },
    ]);
    state.asked.push(step);
  }
  while (!state.acknowledged[step]) {
    const inTime = await desk.waitFor(
      ['client'],
      `${what}: to be acknowledged`,
      () => state.acknowledged[step] !== undefined || state.inbox.length > 0,
      desk.settings.policy.gateReminderEveryMs,
    );
    while (state.inbox.length > 0) await nextDecision(desk); // one about a gate that is not open is of no use any more
    if (!inTime) {
      await story.remind.executeWithOptions({ summary: `remind the client of ${step}` }, [
        { migrationId, gateId: null, step },
      ]);
    }
  }
  const { by, at } = state.acknowledged[step];
  const evidenceId = await story.recordEvidence.executeWithOptions({ summary: `${step}: store who acknowledged` }, [
    { migrationId, step, body: { what, by, at } },
  ]);
  return { note: `${what}: acknowledged by ${by}`, evidenceId };
}
