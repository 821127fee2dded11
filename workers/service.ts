import { join } from 'node:path';
import { openDatabase } from '../adapters/ledger/database.ts';
import { migrateToLatest } from '../adapters/ledger/migrate.ts';
import { codecPath, startApi } from '../api/main.ts';
import type { Config } from '../config.ts';
import { findRunningService } from '../embedded/lock.ts';
import { getPayloadKey, payloadKeyFileOf } from '../embedded/payload-key.ts';
import { isFree, portInUse } from '../embedded/ports.ts';
import { startEmbedded } from '../embedded/service.ts';
import { createLogger } from '../log.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/names.ts';
import { workflowBundleOf } from './main.ts';
import { createPayloadCodec, dataConverter } from './payload-codec.ts';
import { buildWorkerPorts } from './ports.ts';
import { ROLES, type RunningWorkers, startWorkers } from './start-workers.ts';
import { connectTemporal, installTemporalLog } from './temporal.ts';

export interface RunningService {
  readonly apiUrl: string;
  readonly temporalUiUrl: string | null;
  /** Variables by which a worker process of its own reaches the same service. */
  readonly env: Readonly<Record<string, string>>;
  readonly logger: ReturnType<typeof createLogger>;
  /** Rejects when a part cannot be kept running. */
  readonly failed: Promise<never>;
  /** Within 10 s. Twice is once. */
  stop(): Promise<void>;
}

export interface ServiceOptions {
  /** False leaves the work to worker processes. */
  readonly workers?: boolean;
  readonly logger?: ReturnType<typeof createLogger>;
  /** Told, one line each, what is being started. */
  readonly onProgress?: (line: string) => void;
}

/** The whole service in one process: database and Temporal unless the environment names others, API, relay and workers. */
export async function startService(config: Config, options: ServiceOptions = {}): Promise<RunningService> {
  const logger = options.logger ?? createLogger(config);
  const say = options.onProgress ?? (() => undefined);
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined); // whoever races it sees it
  // Said before anything is started; the API says it again if the port is taken meanwhile. Another service on this home is not
  // a stranger on our port: the lock tells who it is.
  const { port } = config.api;
  if (port !== 0 && findRunningService(config.home) === null && !(await isFree(port))) {
    throw portInUse(port, 'MAILFERRY_API_PORT');
  }
  const key = getPayloadKey(config, { create: true });
  const codecUrl = `http://${config.api.host}:${port}${codecPath(key)}`;
  say('starting PostgreSQL and Temporal');
  const embedded = await startEmbedded(config, {
    searchAttributes: SEARCH_ATTRIBUTES,
    ...(port !== 0 && { codecEndpoint: codecUrl }),
    onRestart: ({ name, why }) => logger.warn({ part: name, why }, `${name} is started again`),
    onFatal: fail,
  });
  const closers: (() => Promise<unknown>)[] = [() => embedded.stop()];
  const stop = once(async () => {
    for (const close of closers.toReversed())
      await close().catch((error: unknown) => logger.warn({ err: error }, 'while stopping'));
  });
  try {
    const db = openDatabase(embedded.databaseUrl);
    closers.push(() => db.destroy());
    await migrateToLatest(db);
    installTemporalLog(logger);
    const codec = createPayloadCodec(key);
    const temporal = await connectTemporal(config, embedded.temporalAddress, codec);
    closers.push(() => temporal.close());
    say('starting the API');
    const api = await startApi({
      config,
      db,
      codec,
      codecKey: key,
      temporal: temporal.client,
      temporalUiUrl: embedded.temporalUiUrl ?? config.temporal.uiUrl,
      logger,
    });
    closers.push(() => api.stop());
    embedded.announce(api.url);
    if (options.workers !== false) {
      say('starting the workers');
      const ports = buildWorkerPorts(config, db, api.publicUrl);
      closers.push(() => ports.hosts.close());
      const workers: RunningWorkers = await startWorkers({
        connection: temporal.native,
        client: temporal.client,
        namespace: config.temporal.namespace,
        dataConverter: dataConverter(codec),
        ports,
        roles: ROLES,
        workflowBundle: await workflowBundleOf(config),
        transferSlots: config.transferSlots,
      });
      closers.push(() => workers.stop());
      workers.ended.catch((error: Error) => fail(error));
    }
    return {
      apiUrl: api.url,
      temporalUiUrl: embedded.temporalUiUrl,
      env: {
        ...embedded.env,
        MAILFERRY_PAYLOAD_KEY_FILE: payloadKeyFileOf(config),
        MAILFERRY_PUBLIC_URL: api.publicUrl,
      },
      logger,
      failed,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `mailferry up`: until Ctrl-C, or until a part cannot be kept running; then it says so and ends with an error. */
export async function runService(config: Config): Promise<void> {
  const service = await startService(config, { onProgress: (line) => process.stderr.write(`${line}\n`) });
  const mails = config.smtpUrl === null ? `files in ${join(config.home, 'mail')}` : 'sent by SMTP';
  process.stderr.write(
    `Mailferry is ready.
  API          ${service.apiUrl}
  Temporal UI  ${service.temporalUiUrl ?? '(your own server)'}
  Mails        ${mails}
Ctrl-C stops it. Next, in another terminal: mailferry migration create plan.yaml mailboxes.csv
`,
  );
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  try {
    await Promise.race([asked, service.failed]);
    process.stderr.write('stopping; what is under way goes on at the next start\n');
  } finally {
    setTimeout(() => process.exit(1), 9_500).unref(); // within 10 s, whatever hangs
    await service.stop();
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => {
    running ??= work();
    return running;
  };
}
