import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { beforeEach, describe, expect, test } from 'vitest';
import { followDeletionsOfPass } from '../../activities/deletions.ts';
import { MemoryEraser } from '../../adapters/memory/eraser.ts';
import { createMemoryMigrations } from '../../adapters/memory/migrations.ts';
import type { Pass } from '../../domain/passes.ts';
import { DEFAULT_POLICY, type Plan } from '../../domain/plan.ts';
import type { MigrationStore } from '../../domain/ports/store.ts';
import { viewBeforeMxMoves } from '../support/deletion-proof.ts';
import { neverAborted, plainAccount } from '../support/imap-accounts.ts';
import { DELTA, INITIAL, mailText, newMemoryWorld } from '../support/memory-world.ts';
import { testMailbox, testPlan } from '../support/plans.ts';

const logger = new DefaultLogger('ERROR');
const FOLLOW: Partial<Plan> = { policy: { ...DEFAULT_POLICY, deletions: 'follow' } };

describe('deletions of a pass', () => {
  let world: ReturnType<typeof newMemoryWorld>;
  let store: MigrationStore;
  let opened: number;

  beforeEach(async () => {
    world = newMemoryWorld();
    opened = 0;
    for (let n = 1; n <= 40; n += 1) world.source.addMessage(['INBOX'], mailText(`message ${n}`));
    await world.copy(INITIAL);
    world.source.removeMessage(['INBOX'], 3);
    await world.copy(DELTA);
    store = createMemoryMigrations(Date.now);
  });

  async function follow(plan: Plan, pass: Pass = DELTA): Promise<void> {
    const migrationId = 'mig_1';
    await store.createMigration({ id: migrationId, plan, mailboxes: [testMailbox('ann')], createdBy: 'op' });
    const [mailbox] = await store.pageMailboxes(migrationId, -1, 1);
    if (mailbox === undefined) throw new Error('the list has a mailbox');
    const { ledger, source, target } = world;
    const erasers = {
      openEraser: async () => {
        opened += 1;
        return new MemoryEraser(target);
      },
    };
    const lease = { ...(await ledger.takeLease(world.mailboxId, 'worker')) };
    const sides = { source: source.openSource(), target: target.openTarget(), targetAccount: plainAccount(1, 'ann') };
    const rest = { mailbox, plan, pass, lease, mayWrite: () => true, signal: neverAborted };
    await new MockActivityEnvironment({}, { logger }).run(() =>
      followDeletionsOfPass({ store, ledger, erasers }, { ...sides, ...rest }),
    );
  }
  const left = () => world.target.getFolder(['INBOX']).messages.length;
  const show = async (pass: Pass, plan = testPlan(FOLLOW)) => {
    await store.createMigration({ id: 'mig_1', plan, mailboxes: [testMailbox('ann')], createdBy: 'op' });
    await store.recordView('mig_1', viewBeforeMxMoves(pass));
  };

  test('T72: are followed where the plan says so, as long as the story is before MX moves', async () => {
    await show(DELTA);
    await follow(testPlan(FOLLOW));
    expect([left(), opened]).toEqual([39, 1]);
  });

  test('T72: are not followed where the plan does not say so', async () => {
    await show(DELTA, testPlan());
    await follow(testPlan());
    expect([left(), opened]).toEqual([40, 0]);
  });

  test('T72: are not followed when nothing is known, nor in another pass, nor once MX moves', async () => {
    await follow(testPlan(FOLLOW));
    await show(DELTA);
    await follow(testPlan(FOLLOW), { kind: 'final', number: 2 });
    await follow(testPlan(FOLLOW), { kind: 'straggler', number: 2 });
    const view = viewBeforeMxMoves(DELTA);
    const steps = { ...view.steps, A7: { ...view.steps.A7, status: 'doing' as const } };
    await store.recordView('mig_1', { ...view, dnsPath: 'direct', steps });
    await follow(testPlan(FOLLOW));
    expect([left(), opened]).toEqual([40, 0]);
  });

  test('T73: what a person has allowed is good for one delta', async () => {
    for (const uid of [4, 5, 6]) world.source.removeMessage(['INBOX'], uid);
    await world.copy(DELTA);
    await show(DELTA);
    await expect(follow(testPlan(FOLLOW))).rejects.toMatchObject({ code: 'DELETIONS_HELD' });
    const [mailbox] = await store.pageMailboxes('mig_1', -1, 1);
    await store.recordAllowedDeletions(mailbox?.id ?? '', 4);
    await follow(testPlan(FOLLOW));
    expect(left()).toBe(36);
    expect(await store.findAllowedDeletions(mailbox?.id ?? '')).toBeNull();
  });
});
