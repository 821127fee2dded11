import type { WantedRedirection } from '../../domain/ports/exchange-admin.ts';
import type { RedirectionMemory } from '../../domain/ports/redirection.ts';
import { effectOrLook } from '../graph/outcome.ts';
import { type CmdletRow, isNotAllowed, textOf, textsOf } from './cmdlets.ts';
import type { Tenant } from './tenant.ts';

/** Objects of ours begin so. */
export const OURS = 'Mailferry redirection';

export function nameFor(domain: string): string {
  return `${OURS} ${domain}`;
}

/**
 * Rules of somebody else that send the domain's mail elsewhere: which of two rules wins is not documented, so none is trusted to lose.
 * With `existing: 'replace'` they are no obstacle, they are put aside.
 */
export async function obstaclesOfRules(
  tenant: Tenant,
  wanted: WantedRedirection,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (wanted.existing === 'replace') return [];
  return (await foreignRules(tenant, wanted, signal)).map(
    (rule) =>
      `the rule '${textOf(rule, 'Name')}' already sends mail of ${wanted.domain} through '${textOf(rule, 'RouteMessageOutboundConnector')}'`,
  );
}

/** Disables them; that they were enabled is recorded first. */
export async function putAsideRules(
  tenant: Tenant,
  wanted: WantedRedirection,
  memory: RedirectionMemory,
  signal: AbortSignal,
): Promise<void> {
  for (const rule of await foreignRules(tenant, wanted, signal)) {
    const name = textOf(rule, 'Name');
    await memory.record(objectOf(wanted, name), { state: 'Enabled' });
    await switchRule(tenant, name, 'Disabled', signal);
  }
}

export async function putBackRules(
  tenant: Tenant,
  wanted: WantedRedirection,
  memory: RedirectionMemory,
  signal: AbortSignal,
): Promise<void> {
  const prefix = objectOf(wanted, '');
  for (const object of await memory.list()) {
    if (!object.startsWith(prefix)) continue;
    const name = object.slice(prefix.length);
    // One that its owner has removed meanwhile stays removed.
    const isThere = (await tenant.cmdlets.find('Get-TransportRule', name, signal)) !== null;
    if (isThere) await switchRule(tenant, name, 'Enabled', signal);
    await memory.forget(object);
  }
}

async function switchRule(tenant: Tenant, name: string, to: 'Enabled' | 'Disabled', signal: AbortSignal) {
  const { cmdlets } = tenant;
  const isSo = async () => {
    const rule = await cmdlets.find('Get-TransportRule', name, signal);
    return rule !== null && textOf(rule, 'State') === to;
  };
  if (await isSo()) return;
  const cmdlet = to === 'Enabled' ? 'Enable-TransportRule' : 'Disable-TransportRule';
  await effectOrLook(() => cmdlets.run(cmdlet, { Identity: name, Confirm: false }, signal), isSo);
}

async function foreignRules(
  tenant: Tenant,
  { domain }: WantedRedirection,
  signal: AbortSignal,
): Promise<readonly CmdletRow[]> {
  let rules: readonly CmdletRow[];
  try {
    rules = await tenant.cmdlets.run('Get-TransportRule', {}, signal);
  } catch (error) {
    if (isNotAllowed(error)) return []; // told by the relay, which needs them; forwarding is proved by its probe
    throw error;
  }
  return rules.filter((rule) => {
    const domains = textsOf(rule, 'RecipientDomainIs').map((each) => each.toLowerCase());
    const isOurs = textOf(rule, 'Name').startsWith(OURS);
    const routes = textOf(rule, 'RouteMessageOutboundConnector') !== '';
    const isForDomain = domains.length === 0 || domains.includes(domain.toLowerCase());
    return !isOurs && textOf(rule, 'State') === 'Enabled' && routes && isForDomain;
  });
}

function objectOf({ domain }: WantedRedirection, name: string): string {
  return `rule in the way of ${domain.toLowerCase()}: ${name}`;
}
