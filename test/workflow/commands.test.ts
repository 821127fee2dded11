import { WorkflowUpdateFailedError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { UpdateArguments, UpdateName } from '../../workflows/names.ts';
import { type Hands, startDevWorld, until, type World, withMigration } from './harness.ts';
import { Office } from './office.ts';

let world: World;
beforeAll(async () => {
  world = await startDevWorld();
});
afterAll(async () => {
  await world?.env.teardown();
});

async function refusal<N extends UpdateName>(hands: Hands, name: N, args: UpdateArguments[N]): Promise<string> {
  try {
    await hands.update(name, args);
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError && error.cause instanceof Error) return error.cause.message;
    throw error;
  }
  return 'accepted';
}

describe('refused at once, with the reason', () => {
  test('what does not fit where the story is', async () => {
    const office = new Office(1);
    await withMigration(world, office, async (hands) => {
      await hands.untilGate('accounts');
      expect(await refusal(hands, 'resume', { by: 'op' })).toContain('neither paused');
      expect(await refusal(hands, 'retryMailboxes', { by: 'op', mailboxIds: null })).toContain('nothing to retry');
      expect(await refusal(hands, 'setCutoverDate', { by: 'c', at: 'tomorrow' })).toContain(
        "'tomorrow' is no RFC 3339 date",
      );
      expect(await refusal(hands, 'setCutoverDate', { by: 'c', at: new Date(0).toISOString() })).toContain('too near');
      expect(await refusal(hands, 'setDnsPath', { by: 'c', path: 'direct' })).toContain('already');
      expect(await refusal(hands, 'addMailboxes', { by: 'op', changeId: 'x', count: 0 })).toContain('no mailbox');
      expect(await refusal(hands, 'dropMailboxes', { by: 'op', mailboxIds: [] })).toContain('no mailbox');
      expect(await refusal(hands, 'settleIssue', { by: 'op', issueId: 'nope' })).toContain('nope is not open');
      // A step of the story that nobody acknowledges, as a malformed request would name it.
      expect(await refusal(hands, 'acknowledge', { by: 'c', step: 'C2' as 'C4', note: '' })).toContain(
        'not a step that is acknowledged',
      );
    });
  });

  test('a second acknowledgement, pause and resume', async () => {
    const office = new Office(1);
    await withMigration(world, office, async (hands) => {
      await hands.update('acknowledge', { by: 'anna', step: 'B2', note: '' });
      expect(await refusal(hands, 'acknowledge', { by: 'bert', step: 'B2', note: '' })).toContain('anna');
      await hands.update('pause', { by: 'op', reason: 'night' });
      expect(await refusal(hands, 'pause', { by: 'op', reason: 'again' })).toContain('paused already, by op');
      await hands.update('resume', { by: 'op' });
      expect(await refusal(hands, 'resume', { by: 'op' })).toContain('neither');
    });
  });
});

describe('in the middle of a transfer', () => {
  test('pause stops the copy and resume goes on with it', async () => {
    const office = new Office(2);
    office.fail('copyMailbox', ['hang', 'hang']);
    await withMigration(world, office, async (hands) => {
      await hands.goTo('B1');
      await until('both copies run', async () => office.count('copyMailbox') === 2);
      await hands.update('pause', { by: 'op', reason: 'the line is needed' });
      await until('the view says so', async () => office.views.at(-1)?.status === 'paused');
      expect(office.count('copyMailbox')).toBe(2);
      await hands.update('resume', { by: 'op' });
      await hands.untilStep('B1', 'done');
      expect(office.count('copyMailbox')).toBe(4);
    });
    expect(office.unmet()).toEqual([]);
  });

  test('a dropped mailbox is let go and the others end', async () => {
    const office = new Office(2);
    office.fail('copyMailbox', ['hang'], 'mbx_0');
    await withMigration(world, office, async (hands) => {
      await hands.goTo('B1');
      await until('its copy runs', async () =>
        office.calls.some((call) => call.name === 'copyMailbox' && JSON.stringify(call.input).includes('mbx_0')),
      );
      await hands.update('dropMailboxes', { by: 'op', mailboxIds: ['mbx_0'] });
      await hands.untilStep('B1', 'done');
    });
    expect(office.unmet()).toEqual([]);
  });

  test('a changed mapping starts the copy of that mailbox anew', async () => {
    const office = new Office(1);
    office.fail('copyMailbox', ['hang']);
    await withMigration(world, office, async (hands) => {
      await hands.goTo('B1');
      await until('the copy runs', async () => office.count('copyMailbox') === 1);
      await hands.update('changeMapping', { by: 'op', mailboxId: 'mbx_0' });
      await hands.untilStep('B1', 'done');
    });
    expect(office.signals).toEqual(['remap mbx_0']);
  });

  test('added mailboxes go through preflight, provisioning and the gate while a held one still waits', async () => {
    const office = new Office(1);
    office.fail('copyMailbox', ['AUTH_FAILED'], 'mbx_0');
    await withMigration(world, office, async (hands) => {
      await hands.goTo('B1');
      await until('the first one is held', async () => office.mailboxes[0]?.held === true);
      const before = office.count('preflightPage');
      office.addMailbox();
      await hands.update('addMailboxes', { by: 'op', changeId: 'c1', count: 1 });
      await hands.approve(await hands.untilGate('accounts'), 'client');
      expect(office.count('preflightPage')).toBeGreaterThan(before);
      await until('the new one is copied', async () => office.mailboxes[1]?.passNumber === 1);
      expect((await hands.state()).steps.B1.status).not.toBe('done');
      await hands.update('retryMailboxes', { by: 'op', mailboxIds: null });
      await hands.untilStep('B1', 'done');
    });
  });

  test('another date and another DNS path are taken, and A7 is done again', async () => {
    const office = new Office(1);
    office.fail('copyMailbox', ['hang']);
    await withMigration(world, office, async (hands) => {
      await hands.goTo('B1');
      await until('the copy runs', async () => office.count('copyMailbox') === 1);
      const at = await hands.inDays(60);
      await hands.update('setCutoverDate', { by: 'client', at });
      await hands.update('setDnsPath', { by: 'client', path: 'third-party-filter' });
      await until('A7 was asked again', async () => office.count('confirmRecords') === 2);
      expect((await hands.state()).cutoverAt).toBe(at);
      expect(office.calls.findLast((call) => call.name === 'confirmRecords')?.input).toMatchObject({
        path: 'third-party-filter',
      });
    });
  });
});

describe('a mailbox that needs a person', () => {
  test('is held with its code, does not hold up the others, and goes on when retried', async () => {
    const office = new Office(6, { policy: { ...new Office(0).settings.policy, window: 1 } });
    office.fail('copyMailbox', ['AUTH_FAILED'], 'mbx_0');
    await withMigration(world, office, async (hands) => {
      await hands.goTo('B1');
      await until(
        'the five others are done',
        async () => office.mailboxes.filter((each) => each.passNumber === 1).length === 5,
      );
      await until(
        'the view names the provider',
        async () => office.views.at(-1)?.waitingFor.includes('provider') ?? false,
      );
      expect((await hands.state()).pass?.held).toBe(1);
      await hands.update('retryMailboxes', { by: 'op', mailboxIds: null });
      await hands.untilStep('B1', 'done');
    });
    expect(office.unmet()).toEqual([]);
  });

  test('retries what passes by itself without asking anybody', async () => {
    const office = new Office(1);
    office.fail('copyMailbox', ['CONNECTION_LOST', 'SERVER_BUSY', 'THROTTLED']);
    await withMigration(world, office, async (hands) => {
      await hands.goTo('B1');
      await hands.untilStep('B1', 'done');
    });
    expect(office.count('copyMailbox')).toBe(4);
    expect(office.count('holdMailbox')).toBe(0);
  });
});

describe('a mailbox that is told to wait', () => {
  test('T61: leaves its place to the others, asks nobody, and goes on by itself', async () => {
    const office = new Office(3, { policy: { ...new Office(0).settings.policy, window: 1 } });
    office.fail('copyMailbox', ['DAILY_LIMIT', 'DAILY_LIMIT'], 'mbx_0');
    await withMigration(world, office, async (hands) => {
      await hands.goTo('B1');
      await hands.untilStep('B1', 'done');
    });
    expect(office.unmet()).toEqual([]);
    expect(office.count('copyMailbox')).toBe(5);
    expect(office.count('holdMailbox')).toBe(0);
    const order = office.calls.filter(({ name }) => name === 'copyMailbox').map(({ input }) => input);
    expect(order.slice(0, 2)).toMatchObject([{ mailboxId: 'mbx_0' }, { mailboxId: 'mbx_1' }]);
  });
});

describe('a step that needs the provider', () => {
  test('waits with code and remedy, and is tried again when resumed', async () => {
    const office = new Office(1);
    office.fail('provisionPage', ['PROVISIONING_CONFLICT']);
    await withMigration(world, office, async (hands) => {
      await hands.untilStep('A3', 'waiting');
      const { steps } = await hands.state();
      expect(steps.A3.waitingFor).toEqual(['provider']);
      expect(steps.A3.note).toMatch(/^PROVISIONING_CONFLICT: .*change the mailbox list/);
      await hands.update('resume', { by: 'op' });
      await hands.untilGate('accounts');
    });
  });

  test('waits for DNS without anybody being asked twice', async () => {
    const office = new Office(1);
    office.fail('confirmRecords', ['DNS_NOT_YET', 'DNS_NOT_YET']);
    await withMigration(world, office, async (hands) => {
      await hands.goTo('A7');
      await hands.untilStep('A7', 'waiting');
      expect((await hands.state()).steps.A7.waitingFor).toEqual(['client']);
      await hands.untilStep('A7', 'done');
    });
    expect(office.count('confirmRecords')).toBe(3);
  });
});
