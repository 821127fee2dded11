/** What every memory of redirection promises, in memory and in PostgreSQL. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMigrationStore } from '../../adapters/ledger/migration-store.ts';
import { createRedirections } from '../../adapters/ledger/redirections.ts';
import { MemoryRedirections } from '../../adapters/memory/redirections.ts';
import type { Redirections } from '../../domain/ports/redirection.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { testMailbox, testPlan } from '../support/plans.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  const store = createMigrationStore(database.db);
  for (const [id, name] of [
    ['mig_1', 'anna'],
    ['mig_2', 'bob'],
  ] as const)
    await store.createMigration({ id, plan: testPlan(), mailboxes: [testMailbox(name)], createdBy: 'op' });
});
afterAll(() => database?.drop());

describe.each([
  ['in memory', (): Redirections => new MemoryRedirections()],
  ['in PostgreSQL', (): Redirections => createRedirections(database.db)],
])('what redirection found, %s', (_where, open) => {
  test('stays as it was recorded first, until it is forgotten, each migration for itself', async () => {
    const redirections = open();
    const memory = redirections.memory('mig_1');
    expect(await memory.find('rule one')).toBeNull();
    await memory.record('rule one', { state: 'Enabled' });
    await memory.record('rule one', { state: 'Disabled' });
    await memory.record('forwarding', { to: null, keepsCopy: true });
    expect(await redirections.memory('mig_1').find('rule one')).toEqual({ state: 'Enabled' });
    expect(await memory.list()).toEqual(['forwarding', 'rule one']);
    expect(await redirections.memory('mig_2').list()).toEqual([]);
    for (let time = 0; time < 2; time += 1) await memory.forget('rule one');
    expect(await memory.find('rule one')).toBeNull();
    expect(await memory.list()).toEqual(['forwarding']);
  });

  test('and when it was on: from the first time that it was switched on until it was off', async () => {
    const redirections = open();
    const before = Date.now() - 1_000;
    for (let time = 0; time < 2; time += 1) await redirections.recordOn('mig_1', 'forwarding');
    const [on, ...more] = await redirections.listPeriods('mig_1');
    expect(more).toEqual([]);
    expect(on).toMatchObject({ means: 'forwarding', until: null });
    expect(Date.parse(on?.since ?? '')).toBeGreaterThan(before);
    for (let time = 0; time < 2; time += 1) await redirections.recordOff('mig_1');
    await redirections.recordOn('mig_1', 'relay');
    const periods = await redirections.listPeriods('mig_1');
    expect(periods.map(({ means, until }) => [means, until !== null])).toEqual([
      ['forwarding', true],
      ['relay', false],
    ]);
    expect(periods[0]?.since).toBe(on?.since);
    expect(await redirections.listPeriods('mig_2')).toEqual([]);
  });
});
