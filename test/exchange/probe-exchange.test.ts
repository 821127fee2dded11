/** The probe against the simulated tenant, by all routes of the product's own composition. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createGraphMailConnector } from '../../adapters/graph/mail-connector.ts';
import { createTokenPool } from '../../adapters/graph/token-pool.ts';
import { createHostedConnector } from '../../adapters/hosted/connector.ts';
import { ewsOpener, graphOpener, imapOpener } from '../../adapters/hosted/openers.ts';
import { createImapConnector } from '../../adapters/imap/connector.ts';
import type { MailAccount } from '../../domain/ports/mail.ts';
import { probeRoutes } from '../../domain/probe-route.ts';
import { ROUTES, type Route, type RouteVerdict, routesInUse, settleRoute } from '../../domain/routes.ts';
import { createAuthority } from '../../lab/authority.ts';
import { defaultGraphBehaviour } from '../../lab/exchange/graph/behaviour.ts';
import { type ExchangeImap, startExchangeImap } from '../../lab/exchange/imap/server.ts';
import { type HostedTenant, startHostedTenant } from '../../lab/exchange/tenant.ts';
import { hostedPlan } from '../support/plans.ts';

const ANN = 'ann@harbour.test';
const SERVICE = 'migration@harbour.test';

let folder: string;
let tenant: HostedTenant;
let imap: ExchangeImap;
let account: MailAccount;
let prober: ReturnType<typeof createHostedConnector>;
const signal = new AbortController().signal;

beforeAll(async () => {
  const authority = await createAuthority();
  folder = mkdtempSync(join(tmpdir(), 'mailferry-probe-'));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, authority.caPem);
  tenant = await startHostedTenant({ authority, domains: ['harbour.test'], readyAfterMs: 0 });
  imap = await startExchangeImap(tenant);
  tenant.addMailbox(ANN);
  tenant.ews.serviceAccounts.set(SERVICE, { password: 'secret', mayImpersonate: true });
  const { baseUrl, tokenUrl, tenantId, clientId } = tenant;
  const application = { baseUrl, tokenUrl, tenantId, clientId, clientSecret: 'env:CLIENT', caFile };
  const target = hostedPlan({
    imap: {
      ...{ host: '127.0.0.1', port: imap.port, security: 'tls', allowInsecure: false, caFile, maxConnections: 4 },
      auth: 'xoauth2',
    },
    ...{ graph: application, exchangeAdmin: application, transfer: application },
    ews: { url: `${baseUrl}EWS/Exchange.asmx`, auth: 'basic', user: SERVICE, secret: 'env:SERVICE', caFile },
  }).target;
  if (target.kind !== 'hosted-exchange') throw new Error('unreachable: it is hosted');
  account = {
    ...{ endpoint: target.imap, user: ANN, secret: 'env:NONE', application },
    hosted: { address: ANN, target, routes: [] },
  };
  const secrets = { resolve: async (ref: string) => (ref === 'env:CLIENT' ? 'lab-secret' : 'secret') };
  const tokens = createTokenPool({ secrets });
  const connector = createImapConnector(secrets, { tokens });
  prober = createHostedConnector(connector, {
    imap: imapOpener(connector, secrets, { tokens }),
    ews: ewsOpener({ secrets }, tokens),
    'import-mime': graphOpener(createGraphMailConnector({ tokens }), 'import-mime'),
    'graph-json': graphOpener(createGraphMailConnector({ tokens }), 'graph-json'),
  });
});
afterAll(async () => {
  await imap?.close();
  await tenant?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  const application = tenant.access.applications.get(tenant.clientId);
  if (application === undefined) throw new Error('the tenant lost its application');
  tenant.access.consented = true;
  tenant.access.mailboxes.allowImap(application, ANN);
  setImap(true);
  Object.assign(tenant.graph, defaultGraphBehaviour());
});

/** As `Set-CASMailbox -ImapEnabled`. */
function setImap(on: boolean): void {
  const mailbox = tenant.state.findMailbox(ANN);
  if (mailbox === null) throw new Error('the tenant lost its mailbox');
  mailbox.imap = on;
}

async function probe(routes: readonly Route[] = ROUTES): Promise<Partial<Record<Route, RouteVerdict>>> {
  const verdicts = await probeRoutes({
    routes,
    open: (route) => prober.openProbe(account, route, signal),
    mark: 'abc',
    now: Date.now,
    pause: async () => {},
    signal,
  });
  return Object.fromEntries(verdicts.map((verdict) => [verdict.route, verdict]));
}

const foldersOf = () =>
  tenant.store
    .findAccount(ANN)
    ?.listFolders()
    .map(({ path }) => path.join('/')) ?? [];

test('finds all routes usable, says what each keeps and breaks, and leaves nothing behind, nor sends anything', async () => {
  const before = foldersOf();
  const found = await probe();
  expect(found.imap).toMatchObject({ usable: true, keepsSignatures: true });
  expect(found.ews).toMatchObject({ usable: true });
  expect(found['import-mime']).toMatchObject({ usable: true, keepsSignatures: true });
  expect(found['graph-json']).toMatchObject({ usable: true, fidelity: 'parts', keepsSignatures: false });
  expect(foldersOf()).toEqual(before);
  expect(tenant.outgoing.count).toBe(0);
});

test('routes agree on the numbers of messages, so that they may take turns', async () => {
  const verdicts = Object.values(await probe());
  const chosen = settleRoute(verdicts, null, []);
  const inUse = routesInUse({ verdicts, chosen, probedAt: '', doubt: null });
  expect(inUse.map(({ route }) => route).toSorted()).toEqual([...ROUTES].toSorted());
});

test('T58: IMAP that is off for the mailbox is a verdict with the command that mends it, and mail goes another way', async () => {
  setImap(false);
  const found = await probe(['imap', 'import-mime']);
  expect(found.imap).toMatchObject({ usable: false, fidelity: null });
  expect(found.imap?.findings.join(' ')).toContain('Get-CASMailbox');
  expect(settleRoute(Object.values(found), null, [])).toBe('import-mime');
});

test('T58: an application without FullAccess, or that Exchange does not know, is told with the command', async () => {
  tenant.access.mailboxes.removeFullAccess(ANN, tenant.clientId);
  const found = await probe(['imap', 'graph-json']);
  expect(found.imap?.findings.join(' ')).toContain('Add-MailboxPermission');
  tenant.access.mailboxes.principals.clear();
  const unknown = await probe(['imap', 'graph-json']);
  expect(unknown.imap?.findings.join(' ')).toContain('New-ServicePrincipal');
});

test('importMime that is not there is a verdict, not a fault of the mailbox', async () => {
  tenant.graph.importMime = false;
  const found = await probe(['import-mime', 'graph-json']);
  expect(found['import-mime']).toMatchObject({ usable: false });
  expect(found['graph-json']).toMatchObject({ usable: true });
});

test('consent that was taken back closes the routes of the application and not those of the service account', async () => {
  tenant.access.consented = false;
  const found = await probe();
  expect(found['graph-json']).toMatchObject({ usable: false, hinderedBy: 'CONSENT_REVOKED' });
  expect(found.imap).toMatchObject({ usable: false });
  expect(found.ews).toMatchObject({ usable: true });
});
