import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { MigrationError } from '../../domain/errors.ts';
import type { AdminEndpoint } from '../../domain/plan.ts';
import type { ExchangeAdmin, ExchangeAdminConnector } from '../../domain/ports/exchange-admin.ts';
import type { Secrets } from '../../domain/ports/services.ts';
import { NO_JOURNAL } from '../../domain/provisioning/made.ts';
import { createGraph, type Graph } from '../graph/graph.ts';
import { readBaseUrl } from '../graph/graph-client.ts';
import { createHttpsTransport } from '../graph/https-transport.ts';
import { createTokenSource } from '../graph/token-source.ts';
import { ensureAddOn } from './add-ons.ts';
import { type Cmdlets, createCmdlets } from './cmdlets.ts';
import { findHolder, readFacts } from './facts.ts';
import { ensureList, findList } from './lists.ts';
import { ensureMailbox, findMailbox } from './mailboxes.ts';
import { endRedirection, ensureRedirection, findObstacles, findRedirection } from './redirection.ts';
import { ensureSendAs } from './send-as.ts';
import { changeSetting, findMessageLimit, findSettings, putSetting } from './settings.ts';
import type { Tenant } from './tenant.ts';
import { findUse, removeMade } from './undo.ts';

export interface ExchangeAdminOptions {
  readonly secrets: Secrets;
  /** For one call. Exchange's own cmdlets may take most of a minute. */
  readonly timeoutMs?: number;
  readonly now?: () => number;
}

/**
 * Administration over Microsoft Graph and Exchange's cmdlets. Clients of the same endpoint share connections and access token over
 * all `open` calls of a process. A certificate file is read at each `open`, so a replaced one counts.
 */
export function createExchangeAdminConnector(options: ExchangeAdminOptions): ExchangeAdminConnector {
  const { secrets, timeoutMs = 60_000, now = Date.now } = options;
  const graphs = new Map<string, Graph>();
  const cmdlets = new Map<string, Cmdlets>();

  const wire = (endpoint: AdminEndpoint) => {
    const caPem = endpoint.caFile === null ? null : readAuthority(endpoint.caFile);
    return {
      key: createHash('sha256')
        .update(JSON.stringify([endpoint, caPem]))
        .digest('hex'),
      parts: () => {
        const send = createHttpsTransport(caPem);
        return { send, timeoutMs, now, tokens: createTokenSource({ endpoint, secrets, send, timeoutMs, now }) };
      },
    };
  };
  return {
    open(target) {
      const { graph: graphEndpoint, exchangeAdmin } = target;
      const toGraph = wire(graphEndpoint);
      const graph = orMake(graphs, toGraph.key, () =>
        createGraph({ ...toGraph.parts(), baseUrl: graphEndpoint.baseUrl }),
      );
      const toExchange = wire(exchangeAdmin);
      const commands = orMake(cmdlets, toExchange.key, () =>
        createCmdlets({
          ...toExchange.parts(),
          baseUrl: readBaseUrl(exchangeAdmin.baseUrl),
          tenantId: exchangeAdmin.tenantId,
        }),
      );
      return adminOf({ graph, cmdlets: commands });
    },
  };
}

function adminOf(tenant: Tenant): ExchangeAdmin {
  return {
    ensureMailbox: (wanted, signal, journal = NO_JOURNAL) => ensureMailbox(tenant, wanted, journal, signal),
    findMailbox: (address, signal) => findMailbox(tenant, address, signal),
    ensureList: (address, members, signal, journal = NO_JOURNAL) =>
      ensureList(tenant, address, members, journal, signal),
    findList: (address, signal) => findList(tenant, address.toLowerCase(), signal),
    ensureSendAs: (address, sender, signal, journal = NO_JOURNAL) =>
      ensureSendAs(tenant, address, sender, journal, signal),
    ensureAddOn: (address, addOn, signal, journal = NO_JOURNAL) => ensureAddOn(tenant, address, addOn, journal, signal),
    readFacts: (signal) => readFacts(tenant, signal),
    findHolder: (address, signal) => findHolder(tenant, address, signal),
    findSettings: (address, signal) => findSettings(tenant, address, signal),
    findMessageLimit: (address, signal) => findMessageLimit(tenant, address, signal),
    changeSetting: (address, change, signal, journal) => changeSetting(tenant, address, change, journal, signal),
    putSetting: (address, name, value, signal) => putSetting(tenant, address, name, value, signal),
    findUse: (address, signal) => findUse(tenant, address.toLowerCase(), signal),
    removeMade: (object, signal) => removeMade(tenant, object, signal),
    findObstacles: (wanted, signal) => findObstacles(tenant, wanted, signal),
    ensureRedirection: (means, wanted, memory, signal) => ensureRedirection(tenant, means, wanted, memory, signal),
    endRedirection: (means, wanted, memory, signal) => endRedirection(tenant, means, wanted, memory, signal),
    findRedirection: (wanted, signal) => findRedirection(tenant, wanted, signal),
    async *listAcceptedDomains(signal) {
      for await (const entry of tenant.graph.list('list domains', '/domains', signal)) {
        const { id, isVerified, supportedServices } = entry as Readonly<Record<string, unknown>>;
        const hasMail = Array.isArray(supportedServices) && supportedServices.includes('Email');
        if (typeof id === 'string' && isVerified === true && hasMail) yield id;
      }
    },
  };
}

function readAuthority(caFile: string): string {
  try {
    return readFileSync(caFile, 'utf8');
  } catch (cause) {
    throw new MigrationError('TLS_UNTRUSTED', 'the file of the certificate authority cannot be read', {
      facts: { caFile },
      cause,
    });
  }
}

function orMake<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}
