/** What every ProvisioningStore promises, held against memory and PostgreSQL. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMigrationStore } from '../../adapters/ledger/migration-store.ts';
import { createProvisioningStore } from '../../adapters/ledger/provisioning-store.ts';
import { createMemoryProvisioning } from '../../adapters/memory/provisioning-store.ts';
import { collect } from '../../domain/collect.ts';
import type { ProvisioningStore } from '../../domain/ports/provisioning-store.ts';
import type { MadeObject } from '../../domain/provisioning/made.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { testMailbox, testPlan } from '../support/plans.ts';

let database: TestDatabase;
let runs = 0;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(async () => {
  await database?.drop();
});

const MEMORY = { name: 'memory', open: async () => ({ store: createMemoryProvisioning(), id: 'mig_1' }) };
const POSTGRES = {
  name: 'PostgreSQL',
  open: async (): Promise<{ store: ProvisioningStore; id: string }> => {
    const id = `mig_${++runs}`;
    const imap = { ...testPlan().target.imap, host: `target${runs}.example.test` };
    const plan = testPlan({ target: { kind: 'imap', imap } });
    await createMigrationStore(database.db).createMigration({
      id,
      plan,
      mailboxes: [testMailbox('a')],
      createdBy: 'op',
    });
    return { store: createProvisioningStore(database.db), id };
  },
};

describe.each([MEMORY, POSTGRES])('$name', ({ open }) => {
  const user: MadeObject = { kind: 'user', address: 'anna@example.test', detail: '' };
  const alias: MadeObject = { kind: 'alias', address: 'anna@example.test', detail: 'info@example.test' };

  test('keeps what was intended and made, in order, each once', async () => {
    const { store, id } = await open();
    const journal = store.journal(id);
    expect(await journal.isOurs(user)).toBe(false);
    expect(await journal.recordIntent(user)).toBe('new');
    expect(await journal.recordIntent(user)).toBe('known');
    expect(await journal.recordIntent(alias)).toBe('new');
    await journal.recordMade(alias);
    expect(await journal.isOurs(user)).toBe(true);
    const rows = await collect(store.listMade(id));
    expect(rows).toMatchObject([
      { ...user, state: 'intended', before: null },
      { ...alias, state: 'made' },
    ]);
    expect(await collect(store.listMade('mig_other'))).toEqual([]);
  });

  test('forgets an intent that came to nothing, never what was made', async () => {
    const { store, id } = await open();
    const journal = store.journal(id);
    await journal.recordIntent(user);
    await journal.recordWithdrawn(user);
    await journal.recordIntent(alias);
    await journal.recordMade(alias);
    await journal.recordWithdrawn(alias);
    expect(await collect(store.listMade(id))).toMatchObject([alias]);
  });

  test('keeps what a setting was before the first change, until it is put back', async () => {
    const { store, id } = await open();
    const journal = store.journal(id);
    const setting: MadeObject = { kind: 'setting', address: 'anna@example.test', detail: 'MaxReceiveSize' };
    await journal.recordIntent(setting, '100');
    await journal.recordIntent(setting, '150'); // a second look finds our own value
    expect(await collect(store.listMade(id))).toMatchObject([{ before: '100' }]);
    await store.recordUndone(id, setting);
    expect(await journal.isOurs(setting)).toBe(false);
    expect(await journal.recordIntent(setting, '200')).toBe('new');
    expect(await collect(store.listMade(id))).toMatchObject([{ before: '200', state: 'intended' }]);
  });

  test('has the newest report of each kind', async () => {
    const { store, id } = await open();
    expect(await store.findReport(id, 'plan')).toBeNull();
    await store.recordReport(id, 'plan', { rows: [1] });
    await store.recordReport(id, 'plan', { rows: [2] });
    await store.recordReport(id, 'undo', []);
    expect(await store.findReport(id, 'plan')).toMatchObject({ body: { rows: [2] }, at: expect.stringMatching(/^20/) });
  });
});
