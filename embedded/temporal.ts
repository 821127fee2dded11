/**
 * Temporal's development server with its UI, kept running, with its data in one SQLite file.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { MigrationError } from '../domain/errors.ts';
import { findTemporalCli } from '../setup/temporal-binary.js';
import { choosePort } from './ports.ts';
import { reapLeftover } from './process-marks.ts';
import { ensureSearchAttributes, type SearchAttributeType } from './search-attributes.ts';
import { type ComponentOptions, startComponent } from './supervisor.ts';

export interface EmbeddedTemporalOptions {
  /** Holds `temporal.db`, log and pid file. Kept between runs. */
  readonly dataDir: string;
  /** Ports that the user insists on; absent or null: those of last time, 7233 and 8233, or free ones. */
  readonly port?: number | null;
  readonly uiPort?: number | null;
  readonly namespace: string;
  readonly searchAttributes: Readonly<Record<string, SearchAttributeType>>;
  /** URL of a codec server, by which the UI shows encrypted payloads. */
  readonly codecEndpoint?: string;
  readonly restart?: ComponentOptions['restart'];
  readonly onRestart?: ComponentOptions['onRestart'];
  readonly onFatal?: ComponentOptions['onFatal'];
}

export interface EmbeddedTemporal {
  /** host:port; the same through restarts of the server. */
  readonly address: string;
  readonly uiUrl: string;
  readonly logFile: string;
  /** Null while it is down. */
  pid(): number | null;
  whenReady(): Promise<void>;
  /** Twice is the same as once. */
  stop(): Promise<void>;
}

/**
 * Starts the development server on 127.0.0.1. It is ready when the namespace and every search attribute answer over gRPC.
 *
 * @throws TEMPORAL_BINARY_MISSING, PORT_IN_USE, COMPONENT_UNMENDABLE
 */
export async function startEmbeddedTemporal(options: EmbeddedTemporalOptions): Promise<EmbeddedTemporal> {
  const { dataDir, namespace, searchAttributes } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const binary = await requireBinary();
  const memory = join(dataDir, 'ports.json');
  const pidFile = join(dataDir, 'run', 'temporal.pid');
  // What a killed service left behind still holds the ports that have to stay the same.
  await reapLeftover(pidFile, 'SIGTERM');
  const port = await choosePort(
    { name: 'temporal', variable: 'MAILFERRY_TEMPORAL_PORT', usual: 7233, explicit: options.port ?? null },
    memory,
  );
  const uiPort = await choosePort(
    { name: 'temporalUi', variable: 'MAILFERRY_TEMPORAL_UI_PORT', usual: 8233, explicit: options.uiPort ?? null },
    memory,
  );
  const address = `127.0.0.1:${port}`;
  const logFile = join(dataDir, 'logs', 'temporal.log');
  const component = await startComponent({
    name: 'Temporal',
    command: binary,
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)],
      ...['--db-filename', join(dataDir, 'temporal.db'), '--namespace', namespace],
      ...['--log-level', 'error', '--ui-disable-news-fetch'],
      // Off by default on every self-hosted server; keeps one client's mailboxes from starving another's.
      ...['--dynamic-config-value', 'matching.enableFairness=true'],
      ...(options.codecEndpoint === undefined ? [] : ['--ui-codec-endpoint', options.codecEndpoint]),
    ],
    env: serverEnvironment(dataDir),
    ready: () => answers(address, namespace, searchAttributes),
    logFile,
    pidFile,
    ...(options.restart !== undefined && { restart: options.restart }),
    ...(options.onRestart !== undefined && { onRestart: options.onRestart }),
    ...(options.onFatal !== undefined && { onFatal: options.onFatal }),
  });
  return {
    address,
    uiUrl: `http://127.0.0.1:${uiPort}`,
    logFile,
    pid: () => component.pid(),
    whenReady: () => component.whenReady(),
    stop: () => component.stop(),
  };
}

async function requireBinary(): Promise<string> {
  const found = await findTemporalCli(process.env);
  if (found.path !== null) return found.path;
  throw new MigrationError(
    'TEMPORAL_BINARY_MISSING',
    `There is no Temporal server to start. Tried: ${found.tried.join('; ')}.`,
  );
}

/** TEMPORAL_* of the user's shell are for clients; some of them (TLS, profile files) would stop the server from starting. */
function serverEnvironment(dataDir: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return { ...Object.fromEntries(kept), TEMPORAL_CONFIG_FILE: join(dataDir, 'temporal-profiles.toml') };
}

async function answers(
  address: string,
  namespace: string,
  attributes: EmbeddedTemporalOptions['searchAttributes'],
): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: 1_000 });
  try {
    return await connection.withDeadline(Date.now() + 5_000, async () => {
      await connection.workflowService.describeNamespace({ namespace });
      return await ensureSearchAttributes(connection, namespace, attributes);
    });
  } finally {
    await connection.close();
  }
}
