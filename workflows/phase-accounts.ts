import { dns, exchange, exchangeSurvey, mailFlow, story } from './activities.ts';
import type { Desk, StepResult } from './desk.ts';
import { passGate } from './gate.ts';
import { pageName, preflight as surveyAll } from './preflight.ts';

const PAGE = 50;

/** Phase 1: account creation. */
export async function accountCreation(desk: Desk): Promise<void> {
  const { settings } = desk;
  const hosted = settings.targetKind === 'hosted-exchange';
  await desk.step('A1', () => intake(desk));
  await desk.step('A2', () => preflight(desk));
  if (hosted) await desk.step('A3', () => provisioning(desk));
  else desk.notNeeded('A3', 'the target is not administered by us: its mailboxes exist already');
  await desk.step('A4', () => cutoverDate(desk));
  if (hosted && settings.wantsAddOns) await desk.step('A5', () => addOns(desk));
  else desk.notNeeded('A5', 'no add-on is asked for');
  if (hosted) await desk.step('A6', () => redirectionOn(desk));
  else desk.notNeeded('A6', 'mail flow of this target is not ours: there is no redirection');
  if (settings.hasDns) await desk.step('A7', () => records(desk));
  else desk.notNeeded('A7', 'the plan has no DNS part');
}

async function intake({ state }: Desk): Promise<StepResult> {
  const evidenceId = await story.recordAgreement.executeWithOptions({ summary: 'store the agreed text' }, [
    state.migrationId,
  ]);
  return { note: 'the agreed text is stored', evidenceId };
}

async function preflight(desk: Desk): Promise<StepResult> {
  const { migrationId } = desk.state;
  for (;;) {
    const { ok, failed } = await surveyAll({ migrationId });
    const evidenceId = await story.recordEvidence.executeWithOptions({ summary: 'store the verdicts' }, [
      { migrationId, step: 'A2', body: { ok, failed } },
    ]);
    if (ok > 0) return { note: `${ok} mailboxes can be read${failed > 0 ? `, ${failed} cannot yet` : ''}`, evidenceId };
    await desk.waitForRetry(`none of ${failed} mailboxes can be read; see the verdicts, mend the access, then retry`);
  }
}

/**
 * A plan first, then all the work that can be done, then what is in the way: it waits for the operator, and nothing else waits for it.
 * Which mailbox has which conflict is in the ledger; names of people stay out of notes.
 */
async function provisioning(desk: Desk): Promise<StepResult> {
  if (!desk.patches.plansProvisioningFirst) return await provisioningInOneGo(desk);
  const { migrationId } = desk.state;
  const plan = async (summary: string) =>
    await exchangeSurvey.planProvisioning.executeWithOptions({ summary }, [{ migrationId }]);
  await plan('plan what to create and what to adopt');
  for (;;) {
    const without: string[] = [];
    for (let after: number | null = -1; after !== null; ) {
      const page: { lastPosition: number | null; conflicts?: readonly string[] } =
        await exchange.provisionPage.executeWithOptions({ summary: `create or adopt mailboxes, ${pageName(after)}` }, [
          { migrationId, afterPosition: after, limit: PAGE },
        ]);
      without.push(...(page.conflicts ?? []));
      after = page.lastPosition;
    }
    const lists = await exchange.provisionLists.executeWithOptions(
      { summary: 'create or adopt distribution lists and rights' },
      [{ migrationId, without }],
    );
    if (without.length === 0 && (lists.conflicts ?? 0) === 0) break;
    const { conflict, codes } = await plan('name what is in the way');
    if (conflict === 0) continue; // mended while we worked
    const kinds = Object.entries(codes).map(([code, count]) => `${count} ${code}`);
    await desk.waitForRetry(
      `${conflict} ${conflict === 1 ? 'object is' : 'objects are'} left alone (${kinds.join(', ')}); everything else is done. \`mailferry provision ${migrationId}\` names them; mend them, then retry`,
    );
  }
  await exchange.readBackAccounts.executeWithOptions({ summary: 'read back what the tenant has' }, [{ migrationId }]);
  return await passGate(desk, 'accounts');
}

async function provisioningInOneGo(desk: Desk): Promise<StepResult> {
  const { migrationId } = desk.state;
  for (let after: number | null = -1; after !== null; ) {
    const page: { lastPosition: number | null } = await exchange.provisionPage.executeWithOptions(
      { summary: `create or adopt mailboxes, ${pageName(after)}` },
      [{ migrationId, afterPosition: after, limit: PAGE }],
    );
    after = page.lastPosition;
  }
  await exchange.provisionLists.executeWithOptions({ summary: 'create or adopt distribution lists' }, [
    { migrationId },
  ]);
  await exchange.readBackAccounts.executeWithOptions({ summary: 'read back what the tenant has' }, [{ migrationId }]);
  return await passGate(desk, 'accounts');
}

async function cutoverDate(desk: Desk): Promise<StepResult> {
  const { state, settings } = desk;
  const feasible = () => state.cutoverAt !== null && Date.parse(state.cutoverAt) > Date.now();
  if (!feasible()) {
    const why = state.cutoverAt === null ? 'no cutover date is set' : 'the cutover date of the plan has passed';
    await desk.waitFor(['client'], `${why}; pick one`, feasible);
  }
  const evidenceId = await story.recordEvidence.executeWithOptions({ summary: 'store the cutover date' }, [
    { migrationId: state.migrationId, step: 'A4', body: { at: state.cutoverAt, timeZone: settings.timeZone } },
  ]);
  return { note: `cutover at ${state.cutoverAt} (${settings.timeZone})`, evidenceId };
}

async function addOns({ state }: Desk): Promise<StepResult> {
  const { enabled, evidenceId } = await exchange.enableAddOns.executeWithOptions(
    { summary: 'enable add-ons and read them back' },
    [{ migrationId: state.migrationId }],
  );
  return { note: `${enabled} add-ons are enabled and read back`, evidenceId };
}

/**
 * First a probe straight to the old server: while redirection is off, one that comes back to the tenant shows a loop that would
 * otherwise take all mail. Then one through the tenant.
 */
async function redirectionOn({ state, patches }: Desk): Promise<StepResult> {
  const { migrationId } = state;
  const step = 'A6';
  const proves = patches.looksForLoops;
  if (proves) {
    const probe = await mailFlow.sendProbe.executeWithOptions({ summary: 'send a probe message to the old server' }, [
      { migrationId, step, via: 'old-server' },
    ]);
    await mailFlow.proveProbe.executeWithOptions({ summary: 'the old server keeps it' }, [
      { migrationId, step, ...probe, arrivesAt: 'source', notAt: 'target', looksForLoop: true },
    ]);
  }
  const { means } = await exchange.setRedirection.executeWithOptions({ summary: 'redirection on' }, [
    { migrationId, on: true },
  ]);
  const probe = await mailFlow.sendProbe.executeWithOptions({ summary: 'send a probe message to the tenant' }, [
    { migrationId, step },
  ]);
  // A copy that only goes on would be lost at the target, where people look after the cutover.
  const isAtBoth = proves && means === 'forwarding';
  const { evidenceId } = await mailFlow.proveProbe.executeWithOptions(
    { summary: isAtBoth ? 'the probe arrives at both' : 'the probe arrives at the old server' },
    [{ migrationId, step, ...probe, arrivesAt: 'source', notAt: null, ...(isAtBoth && { alsoAt: 'target' }) }],
  );
  const reached = isAtBoth ? 'both the old server and the target' : 'the old server';
  return { note: `redirection is on; a probe message reached ${reached}`, evidenceId };
}

async function records(desk: Desk): Promise<StepResult> {
  const { state } = desk;
  const { migrationId } = state;
  const path = state.dnsPath ?? 'direct';
  if (!state.dns) {
    const { drainSeconds } = await dns.observeRecords.executeWithOptions(
      { summary: 'read the TTLs before the change' },
      [{ migrationId }],
    );
    state.dns = { agreedAt: null, drainSeconds };
  }
  await desk.awaiting(
    ['client'],
    path === 'direct'
      ? 'publish MX and Autodiscover as the plan names them'
      : 'publish Autodiscover; leave MX at the mail filter',
  );
  const { evidenceId, servers } = await dns.confirmRecords.executeWithOptions(
    { summary: `A7: ask the authoritative servers (${path})` },
    [{ migrationId, step: 'A7', path }],
  );
  state.dns.agreedAt = new Date().toISOString();
  return { note: `the records, and only those, are served by ${servers} authoritative servers`, evidenceId };
}
