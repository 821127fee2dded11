import { createDailyReads } from '../../adapters/ledger/daily-reads.ts';
import { openDatabase } from '../../adapters/ledger/database.ts';
import { createHostConnections } from '../../adapters/ledger/host-connections.ts';
import { createSignIns } from '../../adapters/ledger/sign-ins.ts';
import { testDatabase } from '../support/database.ts';
import { connectionsContract } from './connections.suite.ts';

connectionsContract('PostgreSQL', async () => {
  const { db, url, drop } = await testDatabase();
  const otherDb = openDatabase(url);
  const one = createHostConnections(db);
  const other = createHostConnections(otherDb);
  return {
    processes: [one, other],
    signIns: createSignIns(db),
    dailyReads: [createDailyReads(db), createDailyReads(otherDb)],
    async close() {
      await Promise.all([one.close(), other.close()]);
      await otherDb.destroy();
      await drop();
    },
  };
});
