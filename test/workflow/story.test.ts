import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STEP_IDS } from '../../domain/steps.ts';
import { TRANSFER_ATTEMPTS } from '../../workflows/activities.ts';
import { startSkippingWorld, until, type World, withMigration } from './harness.ts';
import { Office } from './office.ts';

let world: World;
beforeAll(async () => {
  world = await startSkippingWorld();
});
afterAll(async () => {
  await world?.env.teardown();
});

describe('the story', () => {
  test('goes from A1 to D1, every step done with its note', async () => {
    const office = new Office(3);
    office.drainSeconds = 3_600;
    await withMigration(world, office, async (hands) => {
      await hands.goTo('C1');
      // From here on timers rule: propagation, the cutover date, final passes, support. Awaiting the result skips time.
      const ended = hands.handle.result();
      const walking = hands.goTo('D1').catch((error: unknown) => error);
      const steps = await ended;
      await walking;
      expect(STEP_IDS.map((id) => [id, steps[id].status])).toEqual(STEP_IDS.map((id) => [id, 'done']));
      for (const id of STEP_IDS) expect(steps[id].note, id).not.toBe('');
    });
    expect(office.asked).toEqual(['B2', 'B4', 'C4', 'C6']);
    expect(office.gates.map((gate) => [gate.gate, gate.state])).toEqual([
      ['accounts', 'approved'],
      ['data', 'approved'],
      ['cutover', 'approved'],
      ['completion', 'approved'],
    ]);
    expect(office.views.at(-1)?.status).toBe('ended');
  });

  test('passes over provisioning and DNS for a plain IMAP target', async () => {
    const office = new Office(1, { targetKind: 'imap', hasDns: false, wantsAddOns: false });
    await withMigration(world, office, async (hands) => {
      await hands.goTo('B3');
      const { steps } = await hands.state();
      expect(['A3', 'A5', 'A6', 'A7'].map((id) => steps[id as 'A3'].status)).toEqual([
        'not-needed',
        'not-needed',
        'not-needed',
        'not-needed',
      ]);
    });
    expect(office.count('provisionPage') + office.count('setRedirection') + office.count('confirmRecords')).toBe(0);
  });
});

describe('a mailbox that is told to wait', () => {
  test('T53: is not held when it was told so more often than a fault may happen', async () => {
    const office = new Office(1);
    office.fail(
      'copyMailbox',
      Array.from({ length: TRANSFER_ATTEMPTS + 1 }, () => 'THROTTLED'),
    );
    await withMigration(world, office, async (hands) => {
      await hands.goTo('B1');
      await hands.untilStep('B1', 'done');
    });
    expect(office.unmet()).toEqual([]);
    expect(office.count('holdMailbox')).toBe(0);
  });
});

describe('a gate', () => {
  test('is not opened by a signal about a decision that nobody made', async () => {
    const office = new Office(1);
    await withMigration(world, office, async (hands) => {
      const gate = await hands.untilGate('accounts');
      await hands.signal('dec_forged', gate);
      await until('the forged decision was looked up', async () => office.count('checkDecision') === 1);
      await hands.approve(gate, 'client');
      await hands.untilStep('A3', 'done');
      expect((await hands.state()).approved.accounts?.note).toContain('client client');
    });
  });

  test('counts one decision once, however often its signal comes', async () => {
    const office = new Office(1);
    await withMigration(world, office, async (hands) => {
      await hands.goTo('C2');
      const gate = await hands.untilGate('cutover');
      const decision = { ...office.decide(gate, 'client', 'anna', 'approve'), migrationId: hands.migrationId };
      office.decisions.set(decision.id, decision);
      for (let n = 0; n < 5; n += 1) await hands.signal(decision.id, gate);
      await until('it is counted', async () => (await hands.state()).gate?.decisions.length === 1);
      expect((await hands.state()).steps.C2.status).toBe('waiting');
    });
  });

  test('does not count an approval of other evidence', async () => {
    const office = new Office(1);
    await withMigration(world, office, async (hands) => {
      const gate = await hands.untilGate('accounts');
      const stale = {
        ...office.decide(gate, 'client', 'anna', 'approve', 'another digest'),
        migrationId: hands.migrationId,
      };
      office.decisions.set(stale.id, stale);
      await hands.signal(stale.id, gate);
      await until('it was looked up', async () => office.count('checkDecision') === 1);
      await until('and left the gate open', async () => (await hands.state()).steps.A3.status === 'waiting');
    });
  });

  test('is superseded when its evidence changes between opening and approval', async () => {
    const office = new Office(1);
    await withMigration(world, office, async (hands) => {
      const first = await hands.untilGate('accounts');
      office.facts = 'something else was created';
      await hands.approve(first, 'client');
      const second = await hands.untilGate('accounts', first);
      expect(first.state).toBe('superseded');
      await hands.approve(second, 'client');
      await hands.untilStep('A3', 'done');
    });
  });

  test('sends the story back after a rejection, and waits for somebody to mend it', async () => {
    const office = new Office(1);
    await withMigration(world, office, async (hands) => {
      await hands.goTo('B3');
      const gate = await hands.untilGate('data');
      await hands.reject(gate, 'client');
      await hands.untilStep('B1', 'waiting');
      const { steps } = await hands.state();
      expect(steps.B1.waitingFor).toEqual(['provider']);
      await hands.update('retryMailboxes', { by: 'op', mailboxIds: null });
      const again = await hands.untilGate('data', gate);
      expect(gate.state).toBe('rejected');
      await hands.approve(again, 'client');
      await hands.untilStep('B3', 'done');
    });
    expect(office.views.some((view) => view.pass?.kind === 'delta')).toBe(true);
  });

  test('asks for another date after the cutover was rejected', async () => {
    const office = new Office(1);
    await withMigration(world, office, async (hands) => {
      await hands.goTo('C2');
      await hands.reject(await hands.untilGate('cutover'), 'operator');
      await hands.untilStep('A4', 'waiting');
      expect((await hands.state()).cutoverAt).toBeNull();
    });
  });

  test('of two parties is not opened by one person', async () => {
    const office = new Office(1);
    await withMigration(world, office, async (hands) => {
      await hands.goTo('C2');
      const gate = await hands.untilGate('cutover');
      await hands.approve(gate, 'client', 'anna');
      await hands.approve(gate, 'operator', 'anna');
      await until('both are counted', async () => (await hands.state()).gate?.decisions.length === 2);
      expect((await hands.state()).steps.C2.waitingFor).toEqual(['provider']);
    });
  });
});
