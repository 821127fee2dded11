import { hostname } from 'node:os';
import { createDnsProbe } from '../adapters/dns/probe.ts';
import { createExchangeAdminConnector } from '../adapters/exchange-admin/connector.ts';
import { createTenantAccess } from '../adapters/exchange-admin/tenant-access.ts';
import { createGraphMailConnector } from '../adapters/graph/mail-connector.ts';
import { createTokenPool } from '../adapters/graph/token-pool.ts';
import { createHostedConnector, onlyByImap } from '../adapters/hosted/connector.ts';
import { ewsOpener, graphOpener, imapOpener } from '../adapters/hosted/openers.ts';
import { createImapConnector } from '../adapters/imap/connector.ts';
import { createImapEraserConnector } from '../adapters/imap/eraser.ts';
import { createApprovalStore } from '../adapters/ledger/approval-store.ts';
import { createDailyReads } from '../adapters/ledger/daily-reads.ts';
import type { Db } from '../adapters/ledger/database.ts';
import { createHostConnections, type OpenHostConnections } from '../adapters/ledger/host-connections.ts';
import { createPostgresLedger } from '../adapters/ledger/ledger.ts';
import { createMigrationStore } from '../adapters/ledger/migration-store.ts';
import { createProvisioningStore } from '../adapters/ledger/provisioning-store.ts';
import { createRedirections } from '../adapters/ledger/redirections.ts';
import { createSignIns } from '../adapters/ledger/sign-ins.ts';
import { createThrottleStore } from '../adapters/ledger/throttle-store.ts';
import { createRequestLimiter } from '../adapters/limiter/request-limiter.ts';
import { createEntrances } from '../adapters/notify/entrances.ts';
import { createProbeSender } from '../adapters/notify/probe-sender.ts';
import { createSecrets } from '../adapters/secrets/secrets.ts';
import type { Config } from '../config.ts';
import { BYTES_IN_FLIGHT, createByteBudget } from '../domain/byte-budget.ts';
import { registerSecret } from '../log.ts';
import { createCollector } from './large-buffers.ts';
import type { WorkerPorts } from './start-workers.ts';

/** The adapters that activities work with, over one database. Close `hosts` when no activity is left, so that its places are free. */
export function buildWorkerPorts(
  config: Config,
  db: Db,
  publicUrl: string,
): WorkerPorts & { readonly hosts: OpenHostConnections } {
  const files = createSecrets(process.cwd());
  const secrets = {
    async resolve(ref: string): Promise<string> {
      const value = await files.resolve(ref);
      registerSecret(value); // whatever is logged from here on, this is struck out of it
      return value;
    },
  };
  const signIns = createSignIns(db);
  const onBulk = createCollector();
  const budget = createByteBudget(BYTES_IN_FLIGHT, onBulk);
  const tokens = createTokenPool({ secrets });
  const holder = `${hostname()}/${process.pid}`;
  const limiter = createRequestLimiter(createThrottleStore(db), holder);
  const imap = createImapConnector(secrets, { signIns, tokens, budget, onBulk });
  const graph = createGraphMailConnector({ tokens, budget, limiter });
  const hosted = createHostedConnector(imap, {
    imap: imapOpener(imap, secrets, { signIns, tokens, budget, onBulk }),
    ews: ewsOpener({ secrets, signIns, budget, limiter }, tokens),
    'graph-json': graphOpener(graph, 'graph-json'),
    'import-mime': graphOpener(graph, 'import-mime'),
  });
  return {
    store: createMigrationStore(db),
    approvals: createApprovalStore(db),
    ledger: createPostgresLedger(db),
    connector: hosted,
    prober: hosted,
    erasers: onlyByImap(createImapEraserConnector(secrets, { signIns, tokens })),
    signIns,
    dailyReads: createDailyReads(db),
    hosts: createHostConnections(db),
    budget,
    access: createTenantAccess({ tokens }),
    admin: createExchangeAdminConnector({ secrets }),
    redirections: createRedirections(db),
    provisioning: createProvisioningStore(db),
    entrances: createEntrances(),
    dns: createDnsProbe(),
    secrets,
    probeSender: createProbeSender(),
    probeFrom: config.mailFrom,
    publicUrl,
    holder,
  };
}
