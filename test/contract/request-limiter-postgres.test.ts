import { sql } from 'kysely';
import { openDatabase } from '../../adapters/ledger/database.ts';
import { createThrottleStore, type ThrottleClock } from '../../adapters/ledger/throttle-store.ts';
import { testDatabase } from '../support/database.ts';
import { requestLimiterContract } from './request-limiter.suite.ts';

requestLimiterContract('PostgreSQL', async () => {
  const { db, url, drop } = await testDatabase();
  const otherDb = openDatabase(url);
  let passed = 0;
  const clock: ThrottleClock = () =>
    sql<number>`(extract(epoch from clock_timestamp()) * 1000 + ${passed}::float8)::float8`;
  return {
    stores: [createThrottleStore(db, clock), createThrottleStore(otherDb, clock)],
    pass(ms) {
      passed += ms;
    },
    async close() {
      await otherDb.destroy();
      await drop();
    },
  };
});
