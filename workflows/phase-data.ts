import { passName } from '../domain/passes.ts';
import { acknowledged } from './acknowledgement.ts';
import { exchange, story } from './activities.ts';
import type { Desk, StepResult } from './desk.ts';
import { passGate } from './gate.ts';
import type { PassRunner } from './pass-runner.ts';

/** Phase 2: data migration. */
export async function dataMigration(desk: Desk, passes: PassRunner): Promise<void> {
  await desk.step('B1', () => initialTransfer(desk, passes));
  await desk.step('B2', () => acknowledged(desk, 'B2', 'limits of IMAP'));
  await desk.step('B3', () => verification(desk));
  await desk.step('B4', () => acknowledged(desk, 'B4', 'Outlook profiles'));
}

async function initialTransfer(desk: Desk, passes: PassRunner): Promise<StepResult> {
  const { migrationId, passesEnded } = desk.state;
  const prepared = await prepareTarget(desk);
  const { pass, moved } = await passes.run(passesEnded === 0 ? 'initial' : 'delta');
  const evidenceId = await story.recordEvidence.executeWithOptions({ summary: 'store what was moved and re-read' }, [
    { migrationId, step: 'B1', body: { pass: passName(pass), moved, ...(prepared && { prepared: { ...prepared } }) } },
  ]);
  return { note: `${passName(pass)}: ${moved} messages moved; the target was re-read`, evidenceId };
}

/** Room for large messages, and retention held, until support has ended. Null where nothing of the kind is known of the target. */
async function prepareTarget({
  state,
  settings,
  patches,
}: Desk): Promise<Awaited<ReturnType<typeof exchange.prepareImport>> | null> {
  if (settings.targetKind !== 'hosted-exchange' || !patches.preparesTarget) return null;
  return await exchange.prepareImport.executeWithOptions({ summary: 'raise size limits, hold retention' }, [
    { migrationId: state.migrationId },
  ]);
}

/** The gate opens when no report of missing mail is left: each is resolved, or accepted by the client. */
async function verification(desk: Desk): Promise<StepResult> {
  const blocking = () => desk.state.openIssues.filter((issue) => issue.blocksData).length;
  if (blocking() > 0) {
    await desk.waitFor(['provider'], 'reports of missing mail are open', () => blocking() === 0);
  }
  return await passGate(desk, 'data');
}
