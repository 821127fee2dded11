import { MigrationError } from '../../domain/errors.ts';
import type { AdminEndpoint, EwsEndpoint } from '../../domain/plan.ts';
import type { MailConnector } from '../../domain/ports/mail.ts';
import type { ProbeSession } from '../../domain/ports/route-probe.ts';
import type { Secrets } from '../../domain/ports/services.ts';
import { createEwsConnector, type EwsConnector, type EwsConnectorOptions } from '../ews/connector.ts';
import type { GraphMailConnector, GraphRoute } from '../graph/mail-connector.ts';
import type { TokenPool } from '../graph/token-pool.ts';
import { EXCHANGE_SCOPE } from '../graph/token-source.ts';
import type { ImapConnectorOptions } from '../imap/connector.ts';
import { openImapProbe } from '../imap/probe.ts';
import type { HostedAccount, RouteOpener } from './connector.ts';

/**
 * The application that moves mail; never the one that provisions where the plan has two (exchange.md §9.6).
 * @throws ROUTE_UNAVAILABLE for an Exchange Server, which knows no applications
 */
export function transferOf({ hosted: { target } }: HostedAccount): AdminEndpoint {
  if (target.kind === 'hosted-exchange') return target.transfer ?? target.graph;
  throw new MigrationError('ROUTE_UNAVAILABLE', 'An Exchange Server has no applications.');
}

export function imapOpener(imap: MailConnector, secrets: Secrets, options: ImapConnectorOptions): RouteOpener {
  return {
    openTarget: (account, signal, more) => imap.openTarget(account, signal, more),
    openProbe: (account, signal, more): Promise<ProbeSession> => openImapProbe(secrets, options, account, signal, more),
  };
}

/** One connector for each application, since the token of an endpoint with `auth: oauth` is that of the plan. */
export function ewsOpener(options: Omit<EwsConnectorOptions, 'tokens'>, tokens: TokenPool): RouteOpener {
  const connectors = new Map<string, EwsConnector>();
  const connectorOf = (account: HostedAccount): EwsConnector => {
    const application = account.hosted.target.kind === 'hosted-exchange' ? transferOf(account) : null;
    const key = JSON.stringify(application);
    const more = application === null ? {} : { tokens: () => tokens(application, EXCHANGE_SCOPE) };
    const made = connectors.get(key) ?? createEwsConnector({ ...options, ...more });
    connectors.set(key, made);
    return made;
  };
  return {
    openTarget: (account, signal, more) =>
      connectorOf(account).openTarget(endpointOf(account), account.hosted.address, signal, more),
    openProbe: (account, signal, more) =>
      connectorOf(account).openProbe(endpointOf(account), account.hosted.address, signal, more),
  };
}

/** Both ways of Microsoft Graph share one connector, and with it their connections and tokens. */
export function graphOpener(connector: GraphMailConnector, route: GraphRoute): RouteOpener {
  return {
    openTarget: (account, signal, more) =>
      connector.openTarget(transferOf(account), account.hosted.address, route, signal, more),
    openProbe: (account, signal, more) =>
      connector.openProbe(transferOf(account), account.hosted.address, route, signal, more),
  };
}

function endpointOf({ hosted: { target } }: HostedAccount): EwsEndpoint {
  if (target.ews != null) return target.ews;
  throw new MigrationError('ROUTE_UNAVAILABLE', 'The plan names no `target.ews`.');
}
