import { inspect } from 'node:util';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createTransferActivities } from '../../activities/transfer.ts';
import { createImapConnector } from '../../adapters/imap/connector.ts';
import { createDailyReads } from '../../adapters/ledger/daily-reads.ts';
import { openDatabase } from '../../adapters/ledger/database.ts';
import { createHostConnections } from '../../adapters/ledger/host-connections.ts';
import { createPostgresLedger } from '../../adapters/ledger/ledger.ts';
import { createMigrationStore } from '../../adapters/ledger/migration-store.ts';
import { createRedirections } from '../../adapters/ledger/redirections.ts';
import { createByteBudget } from '../../domain/byte-budget.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { WorkerJob, WorkerSetup } from './copy-worker.ts';
import { PASSWORD } from './imap-accounts.ts';

/**
 * What a worker of the role `transfer` does, without a Temporal: the product's activities on the product's adapters, in a process
 * that may be stopped or killed. See copy-worker.ts for who starts it.
 */
const setup = JSON.parse(process.argv[2] ?? '') as WorkerSetup; // written by copy-worker.ts
const db = openDatabase(setup.databaseUrl);
const { timeouts } = setup;
const secrets = { resolve: async () => PASSWORD };
const activities = createTransferActivities({
  store: createMigrationStore(db),
  connector: createImapConnector(secrets, timeouts === null ? {} : { timeouts }),
  ledger: createPostgresLedger(db),
  hosts: createHostConnections(db),
  redirections: createRedirections(db),
  dailyReads: createDailyReads(db),
  erasers: { openEraser: () => Promise.reject(new Error('no plan here lets anything be deleted')) },
  prober: { openProbe: () => Promise.reject(new Error('a plain IMAP target has one route')) },
  access: { inspect: () => Promise.reject(new Error('a plain IMAP target has no applications')) },
  budget: createByteBudget(),
  holder: `worker/${process.pid}`,
  probeSender: { send: () => Promise.reject(new Error('no probe is sent here')) },
  probeFrom: 'probe@example.net',
});

process.on('message', async (job: WorkerJob) => {
  const environment = new MockActivityEnvironment({ attempt: job.attempt }, { logger: new DefaultLogger('ERROR') });
  const { id, kind, ...input } = job;
  const run = (): Promise<{ moved: number }> =>
    kind === 'copy' ? activities.copyMailbox(input) : activities.verifyMailbox(input);
  try {
    const { moved } = await environment.run<[], { moved: number }, typeof run>(run);
    process.send?.({ id, moved, code: null, message: '' });
  } catch (error) {
    const code = error instanceof MigrationError ? error.code : 'BUG';
    process.send?.({ id, moved: 0, code, message: inspect(error) });
  }
});
// Whoever started us is gone.
process.on('disconnect', () => process.exit());
process.send?.('ready');
