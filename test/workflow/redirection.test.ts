/**
 * Step A6, and the end of redirection when a migration is cancelled. On the development server: the one that skips time (1.40) now and
 * then refuses a cancellation for ever.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDevWorld, type World, withMigration } from './harness.ts';
import { Office } from './office.ts';

let world: World;
beforeAll(async () => {
  world = await startDevWorld();
});
afterAll(async () => {
  await world?.env.teardown();
});

const FLOW = ['sendProbe', 'proveProbe', 'setRedirection', 'rollBackRedirection'] as const;

/** Calls of mail flow, in order, with what each was asked beside its ids. */
function flowOf(office: Office): unknown[] {
  return office.calls
    .filter(({ name }) => FLOW.some((each) => each === name))
    .map(({ name, input }) => {
      const { migrationId: _, token: _t, mailboxId: _m, sentAtMs: _s, ...asked } = input as Record<string, unknown>;
      return [name, asked];
    });
}
const LOOP_PROBE = [
  ['sendProbe', { step: 'A6', via: 'old-server' }],
  ['proveProbe', { step: 'A6', arrivesAt: 'source', notAt: 'target', looksForLoop: true }],
];

describe('redirection', () => {
  test.each([
    ['relay', { step: 'A6', arrivesAt: 'source', notAt: null }],
    ['forwarding', { step: 'A6', arrivesAt: 'source', notAt: null, alsoAt: 'target' }],
  ] as const)(
    'by %s is switched on after a look for a loop, and proved where mail belongs by it',
    async (means, proof) => {
      const office = new Office(1);
      office.means = means;
      await withMigration(world, office, async (hands) => {
        await hands.goTo('A7');
      });
      expect(flowOf(office).slice(0, 5)).toEqual([
        ...LOOP_PROBE,
        ['setRedirection', { on: true }],
        ['sendProbe', { step: 'A6' }],
        ['proveProbe', proof],
      ]);
    },
  );

  test.each(['sendProbe', 'proveProbe'] as const)(
    'is not switched on while the old server sends mail back (%s), and is when that was mended',
    async (activity) => {
      const office = new Office(1);
      office.fail(activity, ['REDIRECTION_LOOP']);
      await withMigration(world, office, async (hands) => {
        await hands.goTo('A6');
        await hands.untilStep('A6', 'waiting');
        expect((await hands.state()).steps.A6.note).toContain('REDIRECTION_LOOP');
        expect(office.count('setRedirection')).toBe(0);
        await hands.update('resume', { by: 'op_1' });
        await hands.untilStep('A6', 'done');
      });
      expect(office.unmet()).toEqual([]);
      expect(office.count('setRedirection')).toBe(1);
    },
  );
});

describe('a migration that is cancelled', () => {
  async function cancelAt(office: Office, step: 'A4' | 'B2'): Promise<string> {
    await withMigration(world, office, async (hands) => {
      await hands.goTo(step);
      await hands.untilStep(step, 'waiting');
      await hands.handle.cancel();
      await hands.handle.result().catch(() => undefined);
    });
    const view = office.views.at(-1);
    return `${view?.status}: ${view?.steps.A6.note}`;
  }

  test('ends its redirection, though the tenant stumbles', async () => {
    const office = new Office(1);
    office.fail('rollBackRedirection', ['TARGET_ADMIN_UNREACHABLE']);
    expect(await cancelAt(office, 'B2')).toBe('cancelled: cancelled; redirection is off again');
    expect(office.unmet()).toEqual([]);
    expect(office.count('rollBackRedirection')).toBe(2);
  });

  test('ends all the same when redirection cannot be ended', async () => {
    const office = new Office(1);
    office.fail('rollBackRedirection', ['TARGET_ADMIN_REFUSED']);
    expect(await cancelAt(office, 'B2')).toContain('could not be ended: TARGET_ADMIN_REFUSED');
    expect(office.unmet()).toEqual([]);
  });

  test('has no redirection to end before A6', async () => {
    const office = new Office(1);
    expect(await cancelAt(office, 'A4')).toBe('cancelled: ');
    expect(office.count('rollBackRedirection')).toBe(0);
  });
});
