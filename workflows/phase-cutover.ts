import { passName } from '../domain/passes.ts';
import { acknowledged } from './acknowledgement.ts';
import { dns, exchange, mailFlow, story } from './activities.ts';
import type { Desk, StepResult } from './desk.ts';
import { passGate } from './gate.ts';
import type { PassRunner } from './pass-runner.ts';

/** Phase 3: cutover and finalisation. */
export async function cutoverAndFinalisation(desk: Desk, passes: PassRunner): Promise<void> {
  const { hasDns } = desk.settings;
  if (hasDns) await desk.step('C1', () => propagation(desk));
  else desk.notNeeded('C1', 'the plan has no DNS part');
  await desk.step('C2', () => cutover(desk, passes));
  if (hasDns) await desk.step('C3', () => spf(desk));
  else desk.notNeeded('C3', 'the plan has no DNS part');
  await desk.step('C4', () => acknowledged(desk, 'C4', 'devices'));
  await desk.step('C5', () => finalSync(desk, passes));
  await desk.step('C6', () => acknowledged(desk, 'C6', 'contacts, calendars and PST files'));
  await desk.step('C7', () => completion(desk));
}

/**
 * All caches that honour TTLs have expired when T0 + the longest TTL seen before the change + grace has passed. Without DNS
 * nothing was ever cached; the time now would lie after the beginning of every pass that is asked about.
 */
function drainedAt(desk: Desk): number {
  const { dns: seen } = desk.state;
  if (!seen?.agreedAt) return 0;
  return Date.parse(seen.agreedAt) + seen.drainSeconds * 1_000 + desk.settings.policy.propagationGraceMs;
}

async function propagation(desk: Desk): Promise<StepResult> {
  const { state } = desk;
  const path = state.dnsPath ?? 'direct';
  const until = drainedAt(desk);
  if (until > Date.now()) {
    await desk.awaiting(['service'], `old answers may live in caches until ${new Date(until).toISOString()}`);
    await desk.until(() => false, until - Date.now(), 'old DNS answers expire');
  }
  await desk.awaiting(['client'], 'the records have to be served by every authoritative server');
  const { evidenceId, servers } = await dns.confirmRecords.executeWithOptions(
    { summary: 'C1: ask the authoritative servers again' },
    [{ migrationId: state.migrationId, step: 'C1', path }],
  );
  return { note: `${servers} authoritative servers agree and older answers have expired`, evidenceId };
}

async function cutover(desk: Desk, passes: PassRunner): Promise<StepResult> {
  const { state, settings } = desk;
  const { migrationId } = state;
  // Once the gate is open a delta would change the evidence under those who decide, e.g. after a continue-as-new.
  if (!state.approved.cutover && state.gate?.gate !== 'cutover') {
    const { pass, moved } = await passes.run('delta');
    await story.recordEvidence.executeWithOptions({ summary: 'store the last delta before cutover' }, [
      { migrationId, step: 'C2', body: { pass: passName(pass), moved } },
    ]);
  }
  await passGate(desk, 'cutover');
  await waitForDate(desk);
  if (settings.targetKind === 'imap') return { note: 'users switch now; mail flow of this target is not ours' };
  await exchange.setRedirection.executeWithOptions({ summary: 'redirection off' }, [{ migrationId, on: false }]);
  const probe = await mailFlow.sendProbe.executeWithOptions({ summary: 'send a probe message to the tenant' }, [
    { migrationId, step: 'C2' },
  ]);
  const { evidenceId } = await mailFlow.proveProbe.executeWithOptions(
    { summary: 'the probe arrives at the target and not at the source' },
    [{ migrationId, step: 'C2', ...probe, arrivesAt: 'target', notAt: 'source' }],
  );
  return { note: 'redirection is off; a probe message arrived at the target and not at the source', evidenceId };
}

/** The date may move while we wait. */
async function waitForDate(desk: Desk): Promise<void> {
  const { state } = desk;
  for (;;) {
    const at = state.cutoverAt;
    if (at === null || Date.parse(at) <= Date.now()) return;
    await desk.waitFor(
      ['service'],
      `approved; the cutover is at ${at}`,
      () => state.cutoverAt !== at,
      Date.parse(at) - Date.now(),
    );
  }
}

async function spf(desk: Desk): Promise<StepResult> {
  await desk.awaiting(['client'], 'SPF has to include Hosted Exchange');
  const { evidenceId } = await dns.confirmSpf.executeWithOptions(
    { summary: 'C3: read SPF from the authoritative servers' },
    [{ migrationId: desk.state.migrationId }],
  );
  return { note: 'the SPF record includes Hosted Exchange', evidenceId };
}

/** Two deltas in a row that move nothing, both after the last cache of the old MX has expired. */
async function finalSync(desk: Desk, passes: PassRunner): Promise<StepResult> {
  const { state, settings } = desk;
  for (;;) {
    const begun = Date.now();
    const { moved } = await passes.run('final');
    state.movedByFinals = (state.movedByFinals ?? 0) + moved;
    state.emptyInARow = moved === 0 && begun >= drainedAt(desk) ? state.emptyInARow + 1 : 0;
    if (state.emptyInARow >= 2) break;
    await desk.awaiting(
      ['service'],
      `${moved} messages moved by the last final pass; two empty ones in a row are needed`,
    );
    await desk.until(() => false, settings.policy.deltaEveryMs, 'until the next final pass');
  }
  const evidenceId = await story.recordEvidence.executeWithOptions({ summary: 'store the final passes' }, [
    {
      migrationId: state.migrationId,
      step: 'C5',
      body: { movedByFinalPasses: state.movedByFinals ?? 0, emptyInARow: state.emptyInARow },
    },
  ]);
  state.emptyInARow = 0;
  return { note: 'two final passes in a row found nothing new', evidenceId };
}

async function completion(desk: Desk): Promise<StepResult> {
  const { gateId } = await passGate(desk, 'completion');
  const evidenceId = await story.issueCertificate.executeWithOptions({ summary: 'issue the certificate' }, [
    { migrationId: desk.state.migrationId, gateId },
  ]);
  return { note: 'both sides agree that the migration is complete; the certificate is issued', evidenceId };
}
