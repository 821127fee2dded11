import { setTimeout as delay } from 'node:timers/promises';
import { MigrationError } from '../domain/errors.ts';
import type { HostConnections, HostPlace } from '../domain/ports/connections.ts';
import type { MailAccount, MailConnector, MailSource } from '../domain/ports/mail.ts';

export interface SourceSession {
  readonly source: MailSource;
  /** Closes the connection and gives its place back. Never throws. */
  close(): Promise<void>;
}

/** Connections to source hosts, as many at a time as the plan allows over all workers and all migrations. */
export interface SourceSessions {
  /**
   * Waits for a place.
   * @param onPlace  called when there is one, before the connection is made
   * @throws SERVER_BUSY when there was none for ten minutes; what the connector throws; the signal's reason when aborted
   */
  open(account: MailAccount, signal: AbortSignal, onPlace?: () => void): Promise<SourceSession>;
  /** @returns null where every place is taken, or somebody waits for one */
  findSpare(account: MailAccount, signal: AbortSignal): Promise<SourceSession | null>;
  isWanted(account: MailAccount): Promise<boolean>;
}

/** Who waits asks again this often, and stands in the way of those who want a second place. */
const ASK_EVERY_MS = 250;
/** A slot of the worker is not kept longer for a mailbox that cannot begin; Temporal tries it again. */
const PATIENCE_MS = 600_000;

export function createSourceSessions(connector: MailConnector, hosts: HostConnections): SourceSessions {
  const connect = async (account: MailAccount, place: HostPlace, signal: AbortSignal): Promise<SourceSession> => {
    try {
      const source = await connector.openSource(account, signal);
      return {
        source,
        async close() {
          await source.close();
          await place.release();
        },
      };
    } catch (error) {
      await place.release();
      throw error;
    }
  };

  return {
    async open(account, signal, onPlace) {
      const { maxConnections } = account.endpoint;
      for (const since = performance.now(); performance.now() - since < PATIENCE_MS; ) {
        const place = await hosts.findPlace(hostOf(account), maxConnections, true);
        if (place) {
          onPlace?.();
          return await connect(account, place, signal);
        }
        await delay(ASK_EVERY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
      throw new MigrationError('SERVER_BUSY', `All ${maxConnections} connections to ${hostOf(account)} are taken.`, {
        facts: { host: hostOf(account), maxConnections },
      });
    },

    async findSpare(account, signal) {
      if (await hosts.isWanted(hostOf(account))) return null;
      const place = await hosts.findPlace(hostOf(account), account.endpoint.maxConnections, false);
      return place ? await connect(account, place, signal) : null;
    },

    isWanted: (account) => hosts.isWanted(hostOf(account)),
  };
}

function hostOf({ endpoint: { host, port } }: MailAccount): string {
  return `${host}:${port}`.toLowerCase();
}
