import { randomBytes } from 'node:crypto';
import type { Route } from '../../domain/routes.ts';
import type { Authority } from '../authority.ts';
import { createClientCertificate } from '../client-certificate.ts';
import { startTenantEntrance } from '../exchange/flow/entrance.ts';
import { startExchangeImap } from '../exchange/imap/server.ts';
import { startHostedTenant } from '../exchange/tenant.ts';
import { startImapServer } from '../imap/server.ts';
import { DOMAIN } from './people.ts';

export interface HostedSide {
  readonly imapPort: number;
  readonly smtpPort: number;
  /** By passwords, which Exchange's IMAP does not take: the way of the independent reader into the mailboxes, past all fronts. */
  readonly readerPort: number;
  readonly tenantId: string;
  readonly baseUrl: string;
  readonly tokenUrl: string;
  readonly provisioning: { readonly clientId: string; readonly clientSecret: string };
  readonly transfer: { readonly clientId: string; readonly pem: string };
  readonly ews: { readonly url: string; readonly user: string; readonly password: string } | null;
  /** What the tenant has written to anybody by itself: receipts, replies, reports. */
  readonly outgoing: () => number;
  close(): Promise<void>;
}

export interface HostedSideOptions {
  readonly authority: Authority;
  /** Name of the MX. */
  readonly mx: string;
  readonly seats: number;
  readonly route: Route | null;
  readonly passwordOf: (address: string) => string;
  /** A message is about to be stored, by whatever way. */
  readonly onWrite: () => void;
}

const SERVICE_ACCOUNT = `migration@${DOMAIN}`;
const WRITES = /^(CreateItem$|POST \/(v1\.0|beta)\/users\/[^/]+\/mailFolders\/[^/]+\/(messages|importMime)$)/;

/**
 * The simulated tenant with all its doors. Its administrator has registered two applications, one that provisions and one that moves mail,
 * and lets the second one into each new mailbox.
 */
export async function startHostedSide(options: HostedSideOptions): Promise<HostedSide> {
  const { authority, mx, seats, route, passwordOf, onWrite } = options;
  const secret = () => randomBytes(18).toString('base64url');
  const provisioning = { clientId: 'lab-provisioning', clientSecret: secret() };
  const certificate = await createClientCertificate('lab-transfer');
  const tenant = await startHostedTenant({
    authority,
    ...provisioning,
    domains: [DOMAIN],
    seats,
    readyAfterMs: 1_500,
    mailHost: mx,
    onMailbox: ({ address }) => {
      tenant.access.mailboxes.allowImap(transfer, address);
      reader.store.addAccount(address, passwordOf(address));
    },
  });
  const transfer = tenant.access.register({ clientId: 'lab-transfer', certificates: [certificate.cert] });
  tenant.fault = ({ name }) => {
    if (WRITES.test(name)) onWrite();
    return null;
  };
  const imap = await startExchangeImap(tenant);
  imap.faults = {
    onCommand: ({ name }) => {
      if (name === 'APPEND') onWrite();
      return undefined;
    },
  };
  const reader = await startImapServer({
    store: tenant.store,
    security: 'tls',
    tls: await authority.issue(['localhost', '127.0.0.1']),
  });
  const entrance = await startTenantEntrance({ tenant, name: mx });
  const account = { user: SERVICE_ACCOUNT, password: secret() };
  if (route === 'ews') {
    tenant.ews.serviceAccounts.set(account.user, { password: account.password, mayImpersonate: true });
    tenant.ews.maxMessageBytes = 35 * 1_048_576;
  }
  return {
    imapPort: imap.port,
    smtpPort: entrance.port,
    readerPort: reader.port,
    tenantId: tenant.tenantId,
    baseUrl: tenant.baseUrl,
    tokenUrl: tenant.tokenUrl,
    provisioning,
    transfer: { clientId: transfer.clientId, pem: certificate.pem },
    ews: route === 'ews' ? { url: `${tenant.baseUrl}EWS/Exchange.asmx`, ...account } : null,
    outgoing: () => tenant.outgoing.list.length,
    async close() {
      await Promise.all([entrance.close(), imap.close(), reader.close()]);
      await tenant.close();
    },
  };
}
