import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { sql } from 'kysely';
import type { Logger } from 'pino';
import { createAccessStore } from '../adapters/ledger/access-store.ts';
import { createApprovalStore } from '../adapters/ledger/approval-store.ts';
import { type Db, openDatabase } from '../adapters/ledger/database.ts';
import { createPostgresLedger } from '../adapters/ledger/ledger.ts';
import { createMigrationStore } from '../adapters/ledger/migration-store.ts';
import { createOutbox } from '../adapters/ledger/outbox.ts';
import { createProvisioningStore } from '../adapters/ledger/provisioning-store.ts';
import { createFileNotifier } from '../adapters/notify/file-notifier.ts';
import { createSmtpNotifier } from '../adapters/notify/smtp-notifier.ts';
import { planReader } from '../adapters/plan/read-plan.ts';
import { type Config, readConfig } from '../config.ts';
import { MigrationError } from '../domain/errors.ts';
import { getPayloadKey } from '../embedded/payload-key.ts';
import { temporalConnectOptions } from '../embedded/temporal-connect.ts';
import { API_URL_FILE, writeHomeFile } from '../home.ts';
import { createLogger, registerSecret } from '../log.ts';
import { createPayloadCodec, dataConverter } from '../workers/payload-codec.ts';
import { ensureOperatorToken } from './operator-token.ts';
import { type Relay, startRelay } from './relay.ts';
import { buildServer } from './server.ts';
import { createTemporalGateway } from './temporal-gateway.ts';

export interface ApiOptions {
  readonly config: Config;
  readonly db: Db;
  /** Its data converter must carry the same codec. */
  readonly temporal: Client;
  readonly codec: PayloadCodec;
  /** From {@link codecPath}'s key; null = no codec endpoint. */
  readonly codecKey: Buffer | null;
  /** Where the Temporal UI is served; null = unknown, then there is no codec endpoint. */
  readonly temporalUiUrl: string | null;
  readonly logger: Logger;
}

export interface RunningApi {
  /** `http://host:port` that it really listens on. */
  readonly url: string;
  readonly publicUrl: string;
  /** Ends open requests and the relay. Twice is once; does not close database or Temporal. */
  stop(): Promise<void>;
}

/** Path of the codec endpoint, secret in itself; the Temporal UI appends `/decode`. The same for every process with this key. */
export function codecPath(key: Buffer): string {
  return `/codec/${capabilityOf(key)}`;
}

/**
 * Builds the adapters of the API over what it is given, listens, starts the relay, and leaves address and token in the home folder.
 * @throws PORT_IN_USE; DATABASE_UNAVAILABLE after a minute of trying
 */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const { config, db, temporal, codec, codecKey, temporalUiUrl, logger } = options;
  const log = logger.child({ part: 'api' });
  const access = createAccessStore(db);
  const workflows = createTemporalGateway(temporal);
  let url = '';
  let relay: Relay | null = null;
  const publicUrl = (): string => config.api.publicUrl ?? url;
  const app = await buildServer({
    migrations: createMigrationStore(db),
    approvals: createApprovalStore(db),
    provisioning: createProvisioningStore(db),
    access,
    ledger: createPostgresLedger(db),
    workflows,
    plans: planReader,
    checkDatabase: async () => {
      await sql`select 1`.execute(db);
    },
    nudgeRelay: () => relay?.nudge(),
    publicUrl,
    codec:
      codecKey === null || temporalUiUrl === null
        ? null
        : { codec, capability: capabilityOf(codecKey), uiOrigin: new URL(temporalUiUrl).origin },
    clock: { now: Date.now },
    logger: log,
  });
  await patiently(log, async () => {
    if (!(await ensureOperatorToken(config, access))) {
      log.warn('operators exist, and none of them has the token that is configured here');
    }
  });
  const { host, port } = config.api;
  try {
    url = await app.listen({ host, port });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new MigrationError('PORT_IN_USE', `Port ${port} (MAILFERRY_API_PORT) is in use.`, { facts: { port }, cause });
  }
  const notifier =
    config.smtpUrl === null
      ? createFileNotifier(join(config.home, 'mail'), config.mailFrom)
      : createSmtpNotifier(config.smtpUrl, config.mailFrom);
  relay = startRelay({ outbox: createOutbox(db), workflows, notifier, log: logger.child({ part: 'relay' }) });
  writeHomeFile(config.home, API_URL_FILE, url);
  return {
    url,
    publicUrl: publicUrl(),
    async stop() {
      await Promise.all([app.close(), relay?.stop()]);
    },
  };
}

function capabilityOf(key: Buffer): string {
  const capability = createHmac('sha256', key).update('codec endpoint').digest('base64url');
  registerSecret(capability);
  return capability;
}

/** The database may come up after us: a deployment starts everything at once. */
async function patiently(log: Logger, work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const passing = error instanceof MigrationError && error.code === 'DATABASE_UNAVAILABLE';
      if (!passing || attempt === 30) throw error;
      log.warn({ attempt }, 'the database does not answer yet');
      await sleep(2_000);
    }
  }
}

/** One API process against a given Temporal and PostgreSQL (`npm run api`). */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger(config);
  if (config.databaseUrl === null || config.temporal.address === null) {
    throw new MigrationError('CONFIG_INVALID', 'An API process needs DATABASE_URL and TEMPORAL_ADDRESS.');
  }
  const key = getPayloadKey(config, { create: false });
  const codec = createPayloadCodec(key);
  const db = openDatabase(config.databaseUrl);
  // Lazy: an API that starts before Temporal serves what the ledger knows.
  const connection = Connection.lazy(temporalConnectOptions(process.env) ?? {});
  const temporal = new Client({
    connection,
    namespace: config.temporal.namespace,
    dataConverter: dataConverter(codec),
  });
  const api = await startApi({
    config,
    db,
    temporal,
    codec,
    codecKey: key,
    temporalUiUrl: config.temporal.uiUrl,
    logger,
  });
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  logger.info('stopping');
  setTimeout(() => process.exit(1), 9_000).unref(); // within 10 s, whatever hangs
  await api.stop();
  await connection.close();
  await db.destroy();
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    const words = error instanceof MigrationError ? `${error.message}\n${error.kind.remedy}` : error;
    console.error(words);
    process.exitCode = 1;
  }
}
