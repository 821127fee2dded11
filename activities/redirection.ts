import { Context } from '@temporalio/activity';
import { MigrationError } from '../domain/errors.ts';
import type { Plan } from '../domain/plan.ts';
import type { DnsProbe } from '../domain/ports/dns.ts';
import type { Entrances } from '../domain/ports/entrances.ts';
import type {
  ExchangeAdmin,
  ExchangeAdminConnector,
  HostedTarget,
  WantedRedirection,
} from '../domain/ports/exchange-admin.ts';
import type { Redirections } from '../domain/ports/redirection.ts';
import type { Json, MigrationStore } from '../domain/ports/store.ts';
import {
  chooseMeans,
  obstaclesOfForwards,
  planForwards,
  REDIRECTION_MEANS,
  type RedirectionMeans,
  type RedirectionObstacles,
} from '../domain/redirection.ts';
import { listAllMailboxes } from './mailbox-pages.ts';
import { assertNoLoop } from './redirection-loop.ts';

export interface RedirectionPorts {
  readonly store: MigrationStore;
  readonly admin: ExchangeAdminConnector;
  readonly redirections: Redirections;
  readonly entrances: Entrances;
  readonly dns: DnsProbe;
  /** Sender that old servers are asked with. */
  readonly probeFrom: string;
}

interface Opened {
  readonly plan: Plan;
  readonly target: HostedTarget;
  readonly tenant: ExchangeAdmin;
  readonly mailboxes: readonly string[];
  readonly wanted: readonly WantedRedirection[];
}

/** Mail filter redirection (A6, C2), and its end when the migration is cancelled. Each is idempotent. */
export function createRedirectionActivities(ports: RedirectionPorts) {
  const { store, admin, redirections } = ports;

  const open = async (migrationId: string): Promise<Opened> => {
    const { plan } = await store.getMigration(migrationId);
    const { target } = plan;
    if (target.kind !== 'hosted-exchange')
      throw new MigrationError('NOT_NOW', 'the target of this plan has no administration');
    const addresses: string[] = [];
    for await (const { planned } of listAllMailboxes(store, migrationId)) addresses.push(planned.address.toLowerCase());
    const { host, port, routingDomain = null, existing = 'stop' } = target.redirectTo;
    const wanted = plan.client.domains.map((domain) => ({
      domain,
      smartHost: `${host}:${port}`,
      forwards: planForwards(
        addresses.filter((address) => address.endsWith(`@${domain.toLowerCase()}`)),
        routingDomain,
      ),
      existing,
    }));
    return { plan, target, tenant: admin.open(target), mailboxes: addresses, wanted };
  };

  const switchOn = async (migrationId: string, opened: Opened): Promise<{ body: Json; means: RedirectionMeans }> => {
    const signal = Context.current().cancellationSignal;
    const { target, tenant, wanted } = opened;
    const means = chooseMeans(await meansAsked(redirections, migrationId, target), await obstaclesOf(opened, signal));
    const loop = await assertNoLoop(ports, { ...opened, means }, signal);
    const memory = redirections.memory(migrationId);
    const domains: Json[] = [];
    // Before the first change: from here on mail may come to the target by itself.
    await redirections.recordOn(migrationId, means);
    for (const each of wanted) {
      await tenant.ensureRedirection(means, each, memory, signal);
      // A plan that was changed may have been on by the other means before.
      const left: string[] = [];
      for (const other of REDIRECTION_MEANS)
        if (other !== means) left.push(...(await tenant.endRedirection(other, each, memory, signal)));
      const { smartHost, forwards } = await tenant.findRedirection(each, signal);
      const isOn =
        means === 'relay'
          ? smartHost?.toLowerCase() === each.smartHost.toLowerCase()
          : forwards.length === each.forwards.length && smartHost === null;
      if (!isOn) {
        throw new MigrationError('TARGET_ADMIN_REFUSED', `redirection was set and the tenant does not show it`, {
          facts: { domain: each.domain, means, smartHost, forwards: forwards.length },
        });
      }
      domains.push({ domain: each.domain, means, smartHost, forwards: forwards.length, left });
    }
    const recorded = await memory.list();
    return { means, body: { redirection: domains, loopCheck: loop, recorded: [...recorded] } };
  };

  const switchOff = async (migrationId: string, { tenant, wanted }: Opened): Promise<Json> => {
    const signal = Context.current().cancellationSignal;
    const memory = redirections.memory(migrationId);
    const recorded = await memory.list();
    const domains: Json[] = [];
    for (const each of wanted) {
      const left: string[] = [];
      for (const means of REDIRECTION_MEANS) left.push(...(await tenant.endRedirection(means, each, memory, signal)));
      const { smartHost, forwards } = await tenant.findRedirection(each, signal);
      // One that was there before us, and is the same, is not ours to take away; the probe tells whether it matters.
      const ours = forwards.filter(({ mailbox }) => recorded.includes(`forwarding of ${mailbox}`));
      if (smartHost !== null || ours.length > 0) {
        throw new MigrationError('TARGET_ADMIN_REFUSED', `redirection was switched off and the tenant still shows it`, {
          facts: { domain: each.domain, smartHost, forwards: ours.length },
        });
      }
      domains.push({ domain: each.domain, smartHost, forwards: forwards.length, left });
    }
    await redirections.recordOff(migrationId);
    const kept = new Set(await memory.list());
    return { redirection: domains, putBack: recorded.filter((object) => !kept.has(object)) };
  };

  return {
    /**
     * On: mail for the domains that reaches the tenant goes on to the old server, by the means that the plan or the tenant's policies
     * decide. Stored as the tenant reads it back.
     * @throws REDIRECTION_LOOP, REDIRECTION_REFUSED, REDIRECTION_CONFLICT before anything is changed
     */
    async setRedirection({
      migrationId,
      on,
    }: {
      migrationId: string;
      on: boolean;
    }): Promise<{ evidenceId: string; means: RedirectionMeans | null }> {
      const opened = await open(migrationId);
      if (!on) {
        const evidenceId = await store.recordEvidence(migrationId, 'C2', await switchOff(migrationId, opened));
        return { evidenceId, means: null };
      }
      const earlier = (await store.findEvidence(migrationId, 'A6'))?.body ?? null;
      const { body, means } = await switchOn(migrationId, opened);
      const loopProbe = isMap(earlier) ? (earlier['loopProbe'] ?? null) : null;
      const whole = { ...(isMap(body) ? body : {}), ...(loopProbe !== null && { loopProbe }) };
      return { evidenceId: await store.recordEvidence(migrationId, 'A6', whole), means };
    },

    /**
     * After the migration was cancelled: takes redirection away, unless MX leads to the tenant: then mail would come to mailboxes that
     * nobody uses, and it is left for a person to decide.
     */
    async rollBackRedirection({ migrationId }: { migrationId: string }): Promise<{ outcome: 'off' | 'left-on' }> {
      const opened = await open(migrationId);
      const why = await reasonToLeaveOn(ports, opened);
      const body = why === null ? await switchOff(migrationId, opened) : null;
      const rolledBack = why === null ? { outcome: 'off' } : { outcome: 'left-on', why };
      await store.recordEvidence(migrationId, 'A6', { ...(isMap(body) ? body : {}), rolledBack });
      return { outcome: why === null ? 'off' : 'left-on' };
    },
  };
}

/** What was on stays the means, so that a repeat does not change it under way. */
async function meansAsked(redirections: Redirections, migrationId: string, { redirectTo }: HostedTarget) {
  const { means = 'auto' } = redirectTo;
  if (means !== 'auto') return means;
  const on = (await redirections.listPeriods(migrationId)).findLast(({ until }) => until === null);
  return on?.means ?? 'auto';
}

/** One means for all domains: what stands in its way for one of them does for all. */
async function obstaclesOf({ target, tenant, wanted }: Opened, signal: AbortSignal): Promise<RedirectionObstacles> {
  const { routingDomain = null } = target.redirectTo;
  const forwards = wanted.flatMap((each) => each.forwards);
  const found = { relay: [] as string[], forwarding: [...obstaclesOfForwards(forwards, routingDomain)] };
  for (const each of wanted) {
    const { relay, forwarding } = await tenant.findObstacles(each, signal);
    found.relay.push(...relay);
    if (routingDomain !== null && each.forwards.length > 0) found.forwarding.push(...forwarding);
  }
  return found;
}

async function reasonToLeaveOn({ dns }: RedirectionPorts, { plan }: Opened): Promise<string | null> {
  if (plan.dns === null) return null;
  if (plan.dns.path === 'third-party-filter')
    return 'a mail filter stands in front and may already deliver to the tenant; where it delivers to cannot be read from DNS';
  const ours = new Set(plan.dns.mx.map(({ exchange }) => exchange.toLowerCase()));
  for (const domain of plan.client.domains) {
    const found = await dns.findMx(domain, plan.dns, Context.current().cancellationSignal);
    if (found.some(({ exchange }) => ours.has(exchange.toLowerCase())))
      return `the MX of ${domain} leads to the tenant: set it back, then remove the redirection`;
  }
  return null;
}

function isMap(value: Json | null): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
