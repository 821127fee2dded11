import { MigrationError } from '../../domain/errors.ts';
import type { WantedRedirection } from '../../domain/ports/exchange-admin.ts';
import type { RedirectionMemory } from '../../domain/ports/redirection.ts';
import { effectOrLook } from '../graph/outcome.ts';
import { isNotAllowed, textOf, textsOf } from './cmdlets.ts';
import { nameFor } from './redirection-rules.ts';
import type { Tenant } from './tenant.ts';

/**
 * Mail that reaches the tenant goes on to the old server (exchange.md §6.4): a connector to it, a transport rule that routes the
 * domain's mail through the connector although the mailboxes exist, and the domain as an internal relay, so that recipients
 * whom only the old server knows are not bounced. The rule comes last and goes first: it is what moves mail.
 */
export async function ensureRelay(
  tenant: Tenant,
  { domain, smartHost }: WantedRedirection,
  memory: RedirectionMemory,
  signal: AbortSignal,
): Promise<void> {
  await memory.record(objectOf(domain), { domainType: await domainType(tenant, domain, signal) });
  await switchOn(tenant, domain, exchangeHost(smartHost), signal);
}

/** Removes rule and connector, and gives the domain the type back that it had. */
export async function endRelay(
  tenant: Tenant,
  { domain }: WantedRedirection,
  memory: RedirectionMemory,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const before = await memory.find(objectOf(domain));
  const type = typeof before === 'object' && before !== null && 'domainType' in before ? before['domainType'] : null;
  await switchOff(tenant, domain, typeof type === 'string' ? type : null, signal);
  await memory.forget(objectOf(domain));
  return [];
}

/** The smart host only if all three parts say so: with one of them missing mail does not take that way. */
export async function findRelay(tenant: Tenant, domain: string, signal: AbortSignal): Promise<string | null> {
  try {
    const host = await connectedHost(tenant, domain, signal);
    const isOn = host !== null && (await isRouted(tenant, domain, signal)) && (await isRelay(tenant, domain, signal));
    return isOn ? withPort(host) : null;
  } catch (error) {
    if (isNotAllowed(error)) return null; // who may not see connectors has made none
    throw error;
  }
}

/** @throws TARGET_ADMIN_REFUSED for a domain that is not the tenant's */
export async function obstaclesOfRelay(
  tenant: Tenant,
  { domain }: WantedRedirection,
  signal: AbortSignal,
): Promise<readonly string[]> {
  await domainType(tenant, domain, signal);
  const lacking: string[] = [];
  for (const noun of ['OutboundConnector', 'TransportRule']) {
    try {
      await tenant.cmdlets.find(`Get-${noun}`, nameFor(domain), signal);
    } catch (error) {
      if (!isNotAllowed(error)) throw error;
      lacking.push(`the application may not use ${noun} cmdlets`);
    }
  }
  return lacking;
}

async function switchOn(tenant: Tenant, domain: string, host: string, signal: AbortSignal): Promise<void> {
  const { cmdlets } = tenant;
  const name = nameFor(domain);
  const route = { UseMXRecord: false, SmartHosts: [host], RecipientDomains: [domain], IsTransportRuleScoped: true };
  if ((await connectedHost(tenant, domain, signal)) !== host) {
    const isThere = (await cmdlets.find('Get-OutboundConnector', name, signal)) !== null;
    await effectOrLook(
      () =>
        isThere
          ? cmdlets.run('Set-OutboundConnector', { Identity: name, Enabled: true, ...route }, signal)
          : cmdlets.run(
              'New-OutboundConnector',
              { Name: name, ConnectorType: 'OnPremises', Enabled: true, ...route },
              signal,
            ),
      async () => (await connectedHost(tenant, domain, signal)) === host,
    );
  }
  await setDomainType(tenant, domain, 'InternalRelay', signal);
  if (await isRouted(tenant, domain, signal)) return;
  const rule = { RecipientDomainIs: [domain], RouteMessageOutboundConnector: name };
  const isThere = (await cmdlets.find('Get-TransportRule', name, signal)) !== null;
  await effectOrLook(
    async () => {
      if (!isThere) return await cmdlets.run('New-TransportRule', { Name: name, Enabled: true, ...rule }, signal);
      // Somebody may have switched it off, or pointed it elsewhere.
      await cmdlets.run('Set-TransportRule', { Identity: name, ...rule }, signal);
      return await cmdlets.run('Enable-TransportRule', { Identity: name }, signal);
    },
    () => isRouted(tenant, domain, signal),
  );
}

/** The connector goes last: while it is there, a run that was cut short knows that there is something left to do. */
async function switchOff(tenant: Tenant, domain: string, before: string | null, signal: AbortSignal): Promise<void> {
  const { cmdlets } = tenant;
  const name = nameFor(domain);
  const remove = async (kind: 'TransportRule' | 'OutboundConnector') => {
    const isThere = async () => (await cmdlets.find(`Get-${kind}`, name, signal)) !== null;
    if (!(await isThere())) return;
    await effectOrLook(
      () => cmdlets.run(`Remove-${kind}`, { Identity: name, Confirm: false }, signal),
      async () => !(await isThere()),
    );
  };
  try {
    await remove('TransportRule');
    if (before === null && (await cmdlets.find('Get-OutboundConnector', name, signal)) === null) return;
  } catch (error) {
    if (isNotAllowed(error) && before === null) return; // who may not see them has made none
    throw error;
  }
  await setDomainType(tenant, domain, before ?? 'Authoritative', signal);
  await remove('OutboundConnector');
}

async function setDomainType(tenant: Tenant, domain: string, type: string, signal: AbortSignal): Promise<void> {
  if ((await domainType(tenant, domain, signal)) === type) return;
  await effectOrLook(
    () => tenant.cmdlets.run('Set-AcceptedDomain', { Identity: domain, DomainType: type }, signal),
    async () => (await domainType(tenant, domain, signal)) === type,
  );
}

async function domainType(tenant: Tenant, domain: string, signal: AbortSignal): Promise<string> {
  const found = await tenant.cmdlets.find('Get-AcceptedDomain', domain, signal);
  if (found !== null) return textOf(found, 'DomainType');
  throw new MigrationError('TARGET_ADMIN_REFUSED', `the tenant does not accept mail for ${domain}`, {
    facts: { domain },
  });
}

async function isRelay(tenant: Tenant, domain: string, signal: AbortSignal): Promise<boolean> {
  return (await domainType(tenant, domain, signal)) === 'InternalRelay';
}

async function isRouted(tenant: Tenant, domain: string, signal: AbortSignal): Promise<boolean> {
  const rule = await tenant.cmdlets.find('Get-TransportRule', nameFor(domain), signal);
  if (rule === null || textOf(rule, 'State') !== 'Enabled') return false;
  return textOf(rule, 'RouteMessageOutboundConnector').toLowerCase() === nameFor(domain).toLowerCase();
}

async function connectedHost(tenant: Tenant, domain: string, signal: AbortSignal): Promise<string | null> {
  const connector = await tenant.cmdlets.find('Get-OutboundConnector', nameFor(domain), signal);
  return connector?.['Enabled'] === true ? (textsOf(connector, 'SmartHosts')[0] ?? null) : null;
}

function objectOf(domain: string): string {
  return `type of ${domain.toLowerCase()}`;
}

/** Exchange's connectors know port 25 only and take a bare host; another port is passed on for the lab and refused elsewhere. */
function exchangeHost(smartHost: string): string {
  return smartHost.replace(/:25$/, '');
}

function withPort(host: string): string {
  return /:\d+$/.test(host) ? host : `${host}:25`;
}
