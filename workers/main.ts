import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDatabase } from '../adapters/ledger/database.ts';
import { type Config, readConfig } from '../config.ts';
import { MigrationError } from '../domain/errors.ts';
import { getPayloadKey } from '../embedded/payload-key.ts';
import { createLogger } from '../log.ts';
import { ensureWorkflowBundle } from './bundle.ts';
import { createPayloadCodec, dataConverter } from './payload-codec.ts';
import { buildWorkerPorts } from './ports.ts';
import { ROLES, type Role, startWorkers } from './start-workers.ts';
import { connectTemporal, installTemporalLog } from './temporal.ts';

const USAGE = `Usage: npm run worker -- [--roles ${ROLES.join(',')}]

One worker process against the Temporal of TEMPORAL_ADDRESS and the PostgreSQL of DATABASE_URL. Without --roles it serves all queues.
`;

/** One worker process; as many as wanted may run. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { roles: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const config = readConfig(process.env);
  const roles = readRoles(values.roles);
  if (config.databaseUrl === null || config.temporal.address === null) {
    throw new MigrationError('CONFIG_INVALID', 'A worker process needs DATABASE_URL and TEMPORAL_ADDRESS.');
  }
  const logger = createLogger(config);
  installTemporalLog(logger);
  const codec = createPayloadCodec(getPayloadKey(config, { create: false }));
  const db = openDatabase(config.databaseUrl);
  const temporal = await connectTemporal(config, config.temporal.address, codec);
  const ports = buildWorkerPorts(config, db, publicUrlOf(config));
  const workers = await startWorkers({
    connection: temporal.native,
    client: temporal.client,
    namespace: config.temporal.namespace,
    dataConverter: dataConverter(codec),
    ports,
    roles,
    workflowBundle: roles.includes('orchestration') ? await workflowBundleOf(config) : '',
    transferSlots: config.transferSlots,
  });
  logger.info({ roles }, 'the worker is ready');
  const stop = () => void workers.stop();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  try {
    await workers.ended;
  } finally {
    await ports.hosts.close();
    await temporal.close();
    await db.destroy();
  }
}

/** The file built with the image, or one made here and kept. */
export async function workflowBundleOf(config: Config): Promise<string> {
  return config.workflowBundle ?? (await ensureWorkflowBundle(join(config.home, 'bundles')));
}

/** Links in mails begin with it; a worker process cannot know the port that an API process got. */
function publicUrlOf({ api }: Config): string {
  return api.publicUrl ?? `http://${api.host}:${api.port}`;
}

function readRoles(text: string | undefined): readonly Role[] {
  if (text === undefined) return ROLES;
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !ROLES.some((role) => role === name));
  if (unknown.length > 0) {
    throw new MigrationError(
      'CONFIG_INVALID',
      `--roles: ${unknown.join(', ')} is no role; there are ${ROLES.join(', ')}.`,
    );
  }
  return ROLES.filter((role) => names.includes(role));
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    process.stderr.write(
      error instanceof MigrationError ? `${error.message}\n${error.kind.remedy}\n` : `${String(error)}\n`,
    );
    process.exitCode = 1;
  }
}
