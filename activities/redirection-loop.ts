import { MigrationError } from '../domain/errors.ts';
import type { Plan, SmtpEndpoint } from '../domain/plan.ts';
import type { DnsProbe } from '../domain/ports/dns.ts';
import type { Entrances } from '../domain/ports/entrances.ts';
import type { HostedTarget, WantedRedirection } from '../domain/ports/exchange-admin.ts';
import type { Json } from '../domain/ports/store.ts';
import type { RedirectionMeans } from '../domain/redirection.ts';
import { findLoop, type Place, refusedBy } from '../domain/redirection-loop.ts';

/** The others are like them, and an entrance that is asked for thousands takes that for a search for addresses. */
const ASKED = 20;
const SMTP_PORT = 25;

/**
 * Asks before redirection is switched on whether the old server takes mail for the people, and whether it is the tenant under
 * another name. What it does with a mail once it has it is shown by a probe.
 * @returns what was found, for the evidence
 * @throws REDIRECTION_LOOP, REDIRECTION_REFUSED, HOST_UNREACHABLE, CONNECTION_LOST, DNS_UNREACHABLE
 */
export async function assertNoLoop(
  { entrances, dns, probeFrom }: { entrances: Entrances; dns: DnsProbe; probeFrom: string },
  opened: {
    readonly plan: Plan;
    readonly target: HostedTarget;
    readonly means: RedirectionMeans;
    readonly mailboxes: readonly string[];
    readonly wanted: readonly WantedRedirection[];
  },
  signal: AbortSignal,
): Promise<Json> {
  const { plan, target, means, mailboxes, wanted } = opened;
  const place = async ({ host, port }: SmtpEndpoint): Promise<Place> => {
    return { host, port, addresses: await entrances.findAddresses(host) };
  };
  const recipients = means === 'relay' ? mailboxes : wanted.flatMap(({ forwards }) => forwards.map(({ to }) => to));
  if (means === 'forwarding') await assertRoutedElsewhere(dns, plan, target.redirectTo.routingDomain ?? null, signal);
  const asked = recipients.slice(0, ASKED);
  const old = await place(target.redirectTo);
  const oldAnswer = await entrances.ask(target.redirectTo, probeFrom, asked, signal);
  // Its own entrance may not be reachable from here, and then its name is not known: the rest is told all the same.
  const tenantAnswer = await entrances.ask(target.smtp, probeFrom, [], signal).catch(() => null);
  signal.throwIfAborted();
  const mx = (plan.dns?.mx ?? []).map(({ exchange }) => ({ host: exchange, port: SMTP_PORT }));
  const tenant = await Promise.all([target.smtp, ...mx].map(place));
  const why = findLoop({ old, oldAnswer, tenant, tenantName: tenantAnswer?.name ?? '' });
  if (why !== null) throw new MigrationError('REDIRECTION_LOOP', why, { facts: { smartHost: old.host } });
  const refused = refusedBy(oldAnswer);
  if (refused.length > 0) {
    const text = `the old server refuses ${refused.length} of ${oldAnswer.recipients.length} recipients that it was asked for`;
    throw new MigrationError('REDIRECTION_REFUSED', text, { facts: { status: refused[0]?.code ?? null } });
  }
  return {
    smartHost: `${old.host}:${old.port}`,
    addresses: [...old.addresses],
    name: oldAnswer.name,
    asked: oldAnswer.recipients.length,
    taken: oldAnswer.recipients.filter(({ code }) => code === 250).length,
  };
}

/** Copies go to the MX of the routing domain: with that of the tenant they would come back for ever. */
async function assertRoutedElsewhere(
  dns: DnsProbe,
  plan: Plan,
  routingDomain: string | null,
  signal: AbortSignal,
): Promise<void> {
  if (plan.dns === null || routingDomain === null) return;
  const ours = new Set(plan.dns.mx.map(({ exchange }) => exchange.toLowerCase()));
  for (const { exchange } of await dns.findMx(routingDomain, plan.dns, signal)) {
    if (!ours.has(exchange.toLowerCase())) continue;
    throw new MigrationError('REDIRECTION_LOOP', `the MX of ${routingDomain} is ${exchange}, the tenant's own`, {
      facts: { routingDomain },
    });
  }
}
