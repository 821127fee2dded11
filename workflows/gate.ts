import { judgeGate, missingParties } from '../domain/gates.ts';
import { type GateId, type GateParty, type Party, REJECTION_REOPENS } from '../domain/steps.ts';
import { story } from './activities.ts';
import { type Desk, type StepResult, StoryTurned } from './desk.ts';
import { nextDecision } from './inbox.ts';

const PARTY: Readonly<Record<GateParty, Party>> = { client: 'client', operator: 'provider' };

/**
 * Waits until the gate is approved on evidence that still holds. Nothing but decisions that are stored, for this gate and
 * this digest, opens it: a signal only says where to look. Time reminds and never approves.
 */
export async function passGate(desk: Desk, gate: GateId): Promise<StepResult & { gateId: string }> {
  const { state } = desk;
  const passed = state.approved[gate];
  if (passed) return { note: passed.note, evidenceId: passed.gateId, gateId: passed.gateId };
  for (;;) {
    await freeze(desk, gate);
    const open = state.gate;
    if (!open) throw new Error('freeze leaves a gate open');
    await countDecisions(desk);
    const outcome = judgeGate(gate, open.digest, open.decisions);
    if (outcome === 'rejected') {
      await settle(desk, open.gateId, 'rejected');
      const [mender] = REJECTION_REOPENS[gate];
      if (mender === 'A4')
        state.cutoverAt = null; // the client picks another date
      else state.mend = { step: mender, note: `gate ${gate} was rejected; read the comment, mend it, then retry` };
      desk.turnTo(REJECTION_REOPENS[gate], `gate ${gate} was rejected`);
      throw new StoryTurned();
    }
    if (outcome === 'approved') {
      if (await freeze(desk, gate)) continue; // what was approved is not what there is now
      await settle(desk, open.gateId, 'approved');
      const persons = open.decisions.map((decision) => `${decision.party} ${decision.personId}`);
      const note = `gate ${gate} approved by ${persons.join(' and ')}`;
      state.approved[gate] = { gateId: open.gateId, note };
      return { note, evidenceId: open.gateId, gateId: open.gateId };
    }
    const missing = missingParties(
      gate,
      open.decisions.filter((each) => each.digest === open.digest),
    );
    desk.gateDirty = false;
    const inTime = await desk.waitFor(
      missing.map((party) => PARTY[party]),
      `gate ${gate} is open, evidence ${open.digest.slice(0, 12)}; ${missing.join(' and ')} ${missing.length === 1 ? 'decides' : 'decide'}`,
      () => state.inbox.length > 0 || desk.gateDirty,
      desk.settings.policy.gateReminderEveryMs,
    );
    if (!inTime && missing.includes('client')) {
      await story.remind.executeWithOptions({ summary: `remind the client of gate ${gate}` }, [
        { migrationId: state.migrationId, gateId: open.gateId, step: null },
      ]);
    }
  }
}

/** Opens the gate, or supersedes its revision when the evidence changed. @returns true when it is another one now. */
async function freeze(desk: Desk, gate: GateId): Promise<boolean> {
  const { state } = desk;
  const { gateId, digest } = await story.openGate.executeWithOptions({ summary: `gate ${gate}: freeze the evidence` }, [
    { migrationId: state.migrationId, gate, context: { cutoverAt: state.cutoverAt, dnsPath: state.dnsPath } },
  ]);
  if (state.gate?.gateId === gateId) return false;
  state.gate = { gate, gateId, digest, decisions: [] };
  return true;
}

async function settle(desk: Desk, gateId: string, outcome: 'approved' | 'rejected'): Promise<void> {
  await story.settleGate.executeWithOptions({ summary: `gate ${outcome}` }, [{ gateId, state: outcome }]);
  desk.state.gate = null;
}

/** Counts the decisions that came by signal and are about this gate. */
async function countDecisions(desk: Desk): Promise<void> {
  const { state } = desk;
  while (state.inbox.length > 0) {
    const found = await nextDecision(desk);
    if (!found || !state.gate || found.gateId !== state.gate.gateId) continue;
    const { id: decisionId, digest, party, personId, verdict } = found;
    state.gate.decisions.push({ decisionId, digest, party, personId, verdict });
  }
}
