import type { DecisionCheck } from '../activities/story.ts';
import type { AcknowledgedStep } from '../domain/steps.ts';
import { story } from './activities.ts';
import type { Desk } from './desk.ts';

/**
 * Takes the oldest decision that came by signal and looks it up: a signal only says where to look. Acknowledgements are noted
 * here, whatever the story is doing.
 * @returns a decision about a gate, or null when it was none, was forged, or is another migration's.
 */
export async function nextDecision(desk: Desk): Promise<DecisionCheck | null> {
  const { state } = desk;
  const notice = state.inbox[0];
  if (!notice) return null;
  const found = await story.checkDecision.executeWithOptions({ summary: `check decision ${notice.decisionId}` }, [
    notice.decisionId,
  ]);
  state.inbox.shift();
  if (found?.migrationId !== state.migrationId) return null;
  if (found.step === null) return found;
  takeAcknowledgement(desk, found.step, found.personId);
  return null;
}

/** Somebody acknowledged a step; it may come before the story is there. The first one counts. */
export function takeAcknowledgement(desk: Desk, step: AcknowledgedStep, by: string): void {
  desk.state.acknowledged[step] ??= { by, at: new Date().toISOString() };
}
