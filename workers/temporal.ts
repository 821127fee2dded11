import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { ApplicationFailure, type PayloadCodec } from '@temporalio/common';
import { NativeConnection, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { MigrationError } from '../domain/errors.ts';
import { ensureSearchAttributes } from '../embedded/search-attributes.ts';
import { temporalConnectOptions } from '../embedded/temporal-connect.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/names.ts';
import { dataConverter } from './payload-codec.ts';

export interface TemporalConnections {
  readonly client: Client;
  readonly native: NativeConnection;
  close(): Promise<void>;
}

type SdkLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';
/** What the SDK takes for a mistake: transfer workers load no workflows, so that they stay small. */
const ON_PURPOSE = ['No workflows registered'];

/** Routes the SDK's own log lines into ours. Once a process, before the first connection. */
export function installTemporalLog(logger: Logger): void {
  const log = logger.child({ part: 'temporal' });
  const write = (level: SdkLevel, message: string, meta?: object) => {
    const ofNoUse = level === 'info' || ON_PURPOSE.some((start) => message.startsWith(start));
    log[ofNoUse ? 'debug' : level](factsOf(meta), message);
  };
  Runtime.install({
    logger: {
      log: (level, message, meta) => write(level.toLowerCase() as SdkLevel, message, meta),
      trace: (message, meta) => write('trace', message, meta),
      debug: (message, meta) => write('debug', message, meta),
      info: (message, meta) => write('info', message, meta), // changes of worker states: of no use to an operator
      warn: (message, meta) => write('warn', message, meta),
      error: (message, meta) => write('error', message, meta),
    },
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
    shutdownSignals: [], // the process decides itself when its workers end
  });
}

/** What a reader can use. A failure of ours is known by its code; its stack would fill the screen and say no more. */
function factsOf(meta: object | undefined): object {
  const { error, taskToken: _, isLocal: __, ...facts } = (meta ?? {}) as Record<string, unknown>;
  if (error === undefined) return facts;
  if (error instanceof ApplicationFailure) return { ...facts, code: error.type, reason: error.message };
  return { ...facts, err: error }; // pino shows an error under this name alone
}

/**
 * Connects client and workers to one server, with our codec, and makes sure that its search attributes exist.
 * @throws TEMPORAL_UNAVAILABLE after a minute of trying
 */
export async function connectTemporal(
  config: Config,
  address: string,
  codec: PayloadCodec,
): Promise<TemporalConnections> {
  const options = { ...temporalConnectOptions(process.env), address };
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      const connection = await Connection.connect(options);
      const native = await NativeConnection.connect(options);
      await ensureSearchAttributes(connection, config.temporal.namespace, SEARCH_ATTRIBUTES);
      const client = new Client({
        connection,
        namespace: config.temporal.namespace,
        dataConverter: dataConverter(codec),
      });
      return {
        client,
        native,
        async close() {
          await Promise.allSettled([connection.close(), native.close()]);
        },
      };
    } catch (cause) {
      if (Date.now() > deadline) {
        throw new MigrationError('TEMPORAL_UNAVAILABLE', `Temporal at ${address} does not answer.`, {
          facts: { address },
          cause,
        });
      }
      await sleep(1_000);
    }
  }
}
