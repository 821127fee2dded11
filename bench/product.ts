import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { openDatabase } from '../adapters/ledger/database.ts';
import { migrateToLatest } from '../adapters/ledger/migrate.ts';
import { createMigrationStore } from '../adapters/ledger/migration-store.ts';
import { readConfig } from '../config.ts';
import type { MigrationStore } from '../domain/ports/store.ts';
import { getPayloadKey, payloadKeyFileOf } from '../embedded/payload-key.ts';
import { findFreePort } from '../embedded/ports.ts';
import { startEmbedded } from '../embedded/service.ts';
import { ensureWorkflowBundle } from '../workers/bundle.ts';
import { createPayloadCodec, dataConverter } from '../workers/payload-codec.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/names.ts';
import { cpuMsOfTrees } from './process-stats.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

/** The names under which accounts of plans find their passwords; see {@link ../workers/main.ts}. */
export const SECRETS = { source: 'BENCH_SOURCE_PASSWORD', target: 'BENCH_TARGET_PASSWORD' } as const;

export interface Passwords {
  readonly source: string;
  readonly target: string;
}

const WORKER = 'workers/main.ts';

/** CPU so far, in ms, of what a pass keeps busy. */
export interface ProductCpu {
  readonly server: number;
  readonly worker: number;
  readonly database: number;
}

/** Mailferry as it runs in earnest: Temporal's server, PostgreSQL with fsync, and a worker process of its own. */
export interface Product {
  readonly client: Client;
  readonly store: MigrationStore;
  worker(): WorkerProcess;
  /** A worker of the product is running; one that has been at work stays. */
  ensureWorker(): Promise<void>;
  /** Ends the worker that runs, if one does, and starts another. */
  restartWorker(program?: string): Promise<void>;
  /**
   * As in production, where the workers that move mail load no workflows: one for all other roles, and a fresh one for transfers.
   * @returns the latter; {@link ensureWorker} ends the two
   */
  splitWorkers(): Promise<WorkerProcess>;
  cpu(): ProductCpu;
  stop(): Promise<void>;
}

/**
 * @param folder  for its data and logs; the caller removes it.
 * @param profiles  folder for profiles of the workers; null = none are made.
 */
export async function startProduct(
  folder: string,
  passwords: Passwords,
  profiles: string | null = null,
): Promise<Product> {
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const ports: Record<string, string> = {};
  for (const name of ['TEMPORAL', 'TEMPORAL_UI', 'PG']) ports[`MAILFERRY_${name}_PORT`] = String(await findFreePort());
  const config = readConfig({ MAILFERRY_HOME: home, MAILFERRY_LOG_LEVEL: 'error', ...ports });
  const codec = createPayloadCodec(getPayloadKey(config, { create: true }));
  let failure: Error | null = null;
  const embedded = await startEmbedded(config, {
    searchAttributes: SEARCH_ATTRIBUTES,
    onFatal: (error) => {
      failure = error;
    },
  });
  const db = openDatabase(embedded.databaseUrl);
  await migrateToLatest(db);
  // Made here, since a worker that makes it keeps the memory: 488 MB instead of 200 (measured).
  await ensureWorkflowBundle(join(home, 'bundles'));
  const connection = await Connection.connect({ address: embedded.temporalAddress });
  const env = {
    ...embedded.env,
    MAILFERRY_PAYLOAD_KEY_FILE: payloadKeyFileOf(config),
    NODE_COMPILE_CACHE: join(home, 'compile'), // as npm run worker has it
    [SECRETS.source]: passwords.source,
    [SECRETS.target]: passwords.target,
  };
  let worker: WorkerProcess | null = null;
  let runs = '';
  const nodeOptions = profiles === null ? [] : ['--cpu-prof', '--cpu-prof-dir', profiles];
  const log = join(folder, 'worker.log');
  let transfer: WorkerProcess | null = null;
  const restartWorker = async (program: string, args: readonly string[] = []) => {
    await Promise.all([worker?.stop(), transfer?.stop()]);
    transfer = null;
    worker = await startWorkerProcess(program, env, log, nodeOptions, args);
    runs = args.length === 0 ? program : '';
  };
  const running = () => {
    if (failure !== null) throw failure;
    if (worker === null) throw new Error('no worker has been started');
    return worker;
  };
  return {
    client: new Client({ connection, dataConverter: dataConverter(codec) }),
    store: createMigrationStore(db),
    worker: running,
    async ensureWorker() {
      if (runs !== WORKER) await restartWorker(WORKER);
    },
    restartWorker: (program = WORKER) => restartWorker(program),
    async splitWorkers() {
      await restartWorker(WORKER, ['--roles', 'orchestration,exchange-admin,dns']);
      transfer = await startWorkerProcess(WORKER, env, log, nodeOptions, ['--roles', 'transfer']);
      return transfer;
    },
    cpu() {
      const of = (pid: number | null | undefined) => (pid == null ? 0 : cpuMsOfTrees([pid]));
      return {
        server: of(embedded.temporal?.pid()),
        worker: of(running().pid),
        database: of(embedded.postgres?.pid()),
      };
    },
    async stop() {
      await Promise.all([worker?.stop(), transfer?.stop()]);
      await connection.close();
      await db.destroy();
      await embedded.stop();
    },
  };
}
