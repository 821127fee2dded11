import { jsonb } from '../../adapters/ledger/encoding.ts';
import { createPostgresLedger } from '../../adapters/ledger/ledger.ts';
import { createMigrationStore } from '../../adapters/ledger/migration-store.ts';
import { testDatabase } from '../support/database.ts';
import { testMailbox, testPlan } from '../support/plans.ts';
import { ledgerContract } from './ledger.suite.ts';

ledgerContract('PostgreSQL', async () => {
  const { db, drop } = await testDatabase();
  const migrationId = 'mig_contract';
  await createMigrationStore(db).createMigration({
    id: migrationId,
    plan: testPlan(),
    mailboxes: [],
    createdBy: 'test',
  });
  let position = 0;
  return {
    ledger: createPostgresLedger(db),
    // The store gives mailboxes their ids; the suite wants to choose them.
    async addMailbox(id) {
      position++;
      const planned = testMailbox(`box${position}`);
      await db
        .insertInto('mailboxes')
        .values({
          id,
          migration_id: migrationId,
          position,
          address: planned.address,
          planned: jsonb(planned),
        })
        .execute();
    },
    close: drop,
  };
});
