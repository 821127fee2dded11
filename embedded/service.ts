/**
 * The embedded service: PostgreSQL and Temporal, unless the environment names servers of one's own.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { MigrationError } from '../domain/errors.ts';
import { registerSecret } from '../log.ts';
import { type DataLock, lockDataFolder } from './lock.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './postgres.ts';
import type { SearchAttributeType } from './search-attributes.ts';
import type { ComponentOptions } from './supervisor.ts';
import { type EmbeddedTemporal, startEmbeddedTemporal } from './temporal.ts';

export interface EmbeddedOptions {
  readonly searchAttributes: Readonly<Record<string, SearchAttributeType>>;
  readonly codecEndpoint?: string;
  /** PostgreSQL without fsync, for tests. */
  readonly fast?: boolean;
  readonly onRestart?: ComponentOptions['onRestart'];
  /** A part that cannot be kept running. The caller says so and ends; nothing is stopped by itself. */
  readonly onFatal: (error: MigrationError) => void;
}

export interface Embedded {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  /** Null where TEMPORAL_ADDRESS was given: we do not know that server's UI. */
  readonly temporalUiUrl: string | null;
  /** Null where DATABASE_URL or TEMPORAL_ADDRESS was given. */
  readonly postgres: EmbeddedPostgres | null;
  readonly temporal: EmbeddedTemporal | null;
  /** Variables by which another process (a worker) reaches the same servers. */
  readonly env: Readonly<Record<string, string>>;
  /** Tells a second start where the API is. */
  announce(apiUrl: string): void;
  /** Ends all parts and gives the data folder free, within 10 s. Twice is the same as once. */
  stop(): Promise<void>;
}

/**
 * Locks the data folder and starts what the environment does not name, both at a time.
 *
 * @throws ALREADY_RUNNING, PORT_IN_USE, TEMPORAL_BINARY_MISSING, COMPONENT_UNMENDABLE; then nothing is left running.
 */
export async function startEmbedded(config: Config, options: EmbeddedOptions): Promise<Embedded> {
  mkdirSync(config.home, { recursive: true, mode: 0o700 });
  const lock = lockDataFolder(config.home);
  const dataDir = join(config.home, 'data');
  const reports = {
    onFatal: options.onFatal,
    ...(options.onRestart !== undefined && { onRestart: options.onRestart }),
  };
  const [postgres, temporal] = await allOrNone(
    lock,
    config.databaseUrl !== null
      ? null
      : startEmbeddedPostgres({
          dataDir,
          port: config.embeddedPorts.postgres,
          fast: options.fast ?? false,
          ...reports,
        }),
    config.temporal.address !== null
      ? null
      : startEmbeddedTemporal({
          dataDir,
          port: config.embeddedPorts.temporal,
          uiPort: config.embeddedPorts.temporalUi,
          namespace: config.temporal.namespace,
          searchAttributes: options.searchAttributes,
          ...(options.codecEndpoint !== undefined && { codecEndpoint: options.codecEndpoint }),
          ...reports,
        }),
  );
  const databaseUrl = postgres?.url ?? config.databaseUrl ?? '';
  const temporalAddress = temporal?.address ?? config.temporal.address ?? '';
  registerSecret(new URL(databaseUrl).password);
  return {
    databaseUrl,
    temporalAddress,
    temporalUiUrl: temporal?.uiUrl ?? null,
    postgres,
    temporal,
    env: {
      MAILFERRY_HOME: config.home,
      DATABASE_URL: databaseUrl,
      TEMPORAL_ADDRESS: temporalAddress,
      MAILFERRY_NAMESPACE: config.temporal.namespace,
    },
    announce: (apiUrl) => lock.announce(apiUrl),
    stop: async () => {
      await Promise.all([temporal?.stop(), postgres?.stop()]);
      lock.release();
    },
  };
}

async function allOrNone(
  lock: DataLock,
  starting: Promise<EmbeddedPostgres> | null,
  startingTemporal: Promise<EmbeddedTemporal> | null,
): Promise<[EmbeddedPostgres | null, EmbeddedTemporal | null]> {
  const [postgres, temporal] = await Promise.allSettled([starting, startingTemporal]);
  if (postgres.status === 'fulfilled' && temporal.status === 'fulfilled') return [postgres.value, temporal.value];
  if (postgres.status === 'fulfilled') await postgres.value?.stop();
  if (temporal.status === 'fulfilled') await temporal.value?.stop();
  lock.release();
  throw postgres.status === 'rejected' ? postgres.reason : (temporal as PromiseRejectedResult).reason;
}
