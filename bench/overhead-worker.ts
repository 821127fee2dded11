/**
 * A worker whose mailboxes lie in its own memory, so that what is left is what a mailbox costs beside its mail: Temporal, ledger
 * and our code. Everything but the mail connector is the product's. Started by {@link ./lines/overhead.ts}.
 */

import { openDatabase } from '../adapters/ledger/database.ts';
import { MemoryMailSystem } from '../adapters/memory/mail.ts';
import { readConfig } from '../config.ts';
import type { MailConnector } from '../domain/ports/mail.ts';
import { getPayloadKey } from '../embedded/payload-key.ts';
import { createLogger } from '../log.ts';
import { workflowBundleOf } from '../workers/main.ts';
import { createPayloadCodec, dataConverter } from '../workers/payload-codec.ts';
import { buildWorkerPorts } from '../workers/ports.ts';
import { startWorkers } from '../workers/start-workers.ts';
import { connectTemporal, installTemporalLog } from '../workers/temporal.ts';

const FOLDERS = [['INBOX'], ['Sent'], ['Archive']];
const MESSAGES_A_FOLDER = 2;

const config = readConfig(process.env);
const logger = createLogger(config);
installTemporalLog(logger);
const codec = createPayloadCodec(getPayloadKey(config, { create: false }));
const db = openDatabase(config.databaseUrl ?? '');
const temporal = await connectTemporal(config, config.temporal.address ?? '', codec);
const workers = await startWorkers({
  connection: temporal.native,
  client: temporal.client,
  namespace: config.temporal.namespace,
  dataConverter: dataConverter(codec),
  ports: { ...buildWorkerPorts(config, db, 'http://127.0.0.1'), connector: memoryConnector() },
  roles: ['orchestration', 'transfer'],
  workflowBundle: await workflowBundleOf(config),
  transferSlots: config.transferSlots,
});
logger.info('the worker is ready');
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void workers.stop());
await workers.ended;
await temporal.close();
await db.destroy();

/** Each user has a mailbox of a few small messages at the source and an empty one at the target, from the first time on. */
function memoryConnector(): MailConnector {
  const sources = new Map<string, MemoryMailSystem>();
  const targets = new Map<string, MemoryMailSystem>();
  const open = (systems: Map<string, MemoryMailSystem>, user: string, make: () => MemoryMailSystem) => {
    const system = systems.get(user) ?? make();
    systems.set(user, system);
    return system;
  };
  return {
    openSource: async ({ user }) => open(sources, user, () => filled(user)).openSource(),
    openTarget: async ({ user }) => open(targets, user, () => new MemoryMailSystem()).openTarget(),
  };
}

function filled(user: string): MemoryMailSystem {
  const system = new MemoryMailSystem();
  for (const folder of FOLDERS) {
    for (let at = 0; at < MESSAGES_A_FOLDER; at += 1) {
      const id = `${at}.${folder[0]}.${user}`;
      system.addMessage(folder, `Subject: ${id}\r\nMessage-ID: <${id}@example.test>\r\n\r\nHello.\r\n`, ['\\Seen']);
    }
  }
  return system;
}
