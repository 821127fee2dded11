import { MigrationError } from '../../domain/errors.ts';
import type { RedirectionState, WantedRedirection } from '../../domain/ports/exchange-admin.ts';
import type { RedirectionMemory } from '../../domain/ports/redirection.ts';
import type { RedirectionMeans, RedirectionObstacles } from '../../domain/redirection.ts';
import { endForwarding, ensureForwarding, findForwards, obstaclesOfForwarding } from './redirection-forwarding.ts';
import { endRelay, ensureRelay, findRelay, obstaclesOfRelay } from './redirection-relay.ts';
import { obstaclesOfRules, putAsideRules, putBackRules } from './redirection-rules.ts';
import type { Tenant } from './tenant.ts';

/** Two means behind one port (exchange.md §6.4). Rules of somebody else that are in the way concern both. */
export async function findObstacles(
  tenant: Tenant,
  wanted: WantedRedirection,
  signal: AbortSignal,
): Promise<RedirectionObstacles> {
  const rules = await obstaclesOfRules(tenant, wanted, signal);
  return {
    relay: [...rules, ...(await obstaclesOfRelay(tenant, wanted, signal))],
    forwarding: [...rules, ...(await obstaclesOfForwarding(tenant, wanted, signal))],
  };
}

export async function ensureRedirection(
  tenant: Tenant,
  means: RedirectionMeans,
  wanted: WantedRedirection,
  memory: RedirectionMemory,
  signal: AbortSignal,
): Promise<void> {
  const rules = await obstaclesOfRules(tenant, wanted, signal);
  const obstaclesOf = means === 'relay' ? obstaclesOfRelay : obstaclesOfForwarding;
  const obstacles = [...rules, ...(await obstaclesOf(tenant, wanted, signal))];
  if (obstacles.length > 0) {
    throw new MigrationError('REDIRECTION_CONFLICT', obstacles.join('; '), { facts: { domain: wanted.domain, means } });
  }
  await putAsideRules(tenant, wanted, memory, signal);
  if (means === 'relay') await ensureRelay(tenant, wanted, memory, signal);
  else await ensureForwarding(tenant, wanted, memory, signal);
}

export async function endRedirection(
  tenant: Tenant,
  means: RedirectionMeans,
  wanted: WantedRedirection,
  memory: RedirectionMemory,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const left =
    means === 'relay'
      ? await endRelay(tenant, wanted, memory, signal)
      : await endForwarding(tenant, wanted, memory, signal);
  // Rules that were in the way of one means are in the way of the other.
  const isOver = (await findRedirectionOf(tenant, wanted, signal)).every((each) => !each);
  if (isOver) await putBackRules(tenant, wanted, memory, signal);
  return left;
}

export async function findRedirection(
  tenant: Tenant,
  wanted: WantedRedirection,
  signal: AbortSignal,
): Promise<RedirectionState> {
  return {
    smartHost: await findRelay(tenant, wanted.domain, signal),
    forwards: await findForwards(tenant, wanted, signal),
  };
}

async function findRedirectionOf(tenant: Tenant, wanted: WantedRedirection, signal: AbortSignal): Promise<boolean[]> {
  const { smartHost, forwards } = await findRedirection(tenant, wanted, signal);
  return [smartHost !== null, forwards.length > 0];
}
