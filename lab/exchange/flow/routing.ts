import { domainOf, type TenantState, textsIn } from '../directory/state.ts';
import { inOrder } from './outbound-spam.ts';

/** A way out of the tenant. */
export interface Way {
  /** Name of the connector; null = the MX of the recipient's domain. */
  readonly connector: string | null;
  /** `host` or `host:port`; empty = the MX of the recipient's domain. */
  readonly smartHosts: readonly string[];
}

/**
 * The way that a transport rule sends mail for a recipient, though its mailbox may exist; null where no rule takes it (exchange.md §6.4).
 * The first rule by priority that has a connector which can be used decides; what a second one would change is a guess.
 */
export function wayByRule(state: TenantState, recipient: string): Way | null {
  for (const rule of inOrder(state.rules)) {
    if (rule['State'] !== 'Enabled' || (rule['Mode'] ?? 'Enforce') !== 'Enforce') continue;
    if (rule['RouteMessageOutboundConnector'] === undefined || !conditionsHold(state, rule, recipient)) continue;
    const name = String(rule['RouteMessageOutboundConnector']);
    const connector = state.connectors.get(name);
    if (connector?.['Enabled'] === true && connector['IsTransportRuleScoped'] === true) return wayOf(name, connector);
  }
  return null;
}

/** The way to a recipient whom the tenant does not have: a connector that names the domain, else its MX. */
export function wayOut(state: TenantState, recipient: string): Way {
  const domain = domainOf(recipient);
  for (const [name, connector] of state.connectors) {
    // Those for rules serve nothing else (New-OutboundConnector, IsTransportRuleScoped).
    if (connector['Enabled'] !== true || connector['IsTransportRuleScoped'] === true) continue;
    const isForAll = connector['AllAcceptedDomains'] === true && state.domains.has(domain);
    if (isForAll || textsIn(connector['RecipientDomains']).some((pattern) => covers(pattern, domain)))
      return wayOf(name, connector);
  }
  return { connector: null, smartHosts: [] };
}

/** All conditions of a rule have to hold, each for any of its values. A rule without one takes every mail. */
function conditionsHold(state: TenantState, rule: Record<string, unknown>, recipient: string): boolean {
  const holds = (name: string, holdsFor: (value: string) => boolean) =>
    rule[name] === undefined || rule[name] === null || textsIn(rule[name]).some(holdsFor);
  const address = state.findMailbox(recipient)?.address ?? recipient;
  return (
    holds('RecipientDomainIs', (domain) => domain === domainOf(recipient)) &&
    holds('SentTo', (value) => (state.findMailbox(value)?.address ?? value) === address) &&
    holds('SentToMemberOf', (list) => state.resolve(state.findList(list)?.address ?? list).includes(address))
  );
}

function wayOf(connector: string, { UseMXRecord, SmartHosts }: Record<string, unknown>): Way {
  return { connector, smartHosts: UseMXRecord === true ? [] : textsIn(SmartHosts) };
}

/** `*`, `example.test` or `*.example.test`. */
function covers(pattern: string, domain: string): boolean {
  return pattern === '*' || pattern === domain || (pattern.startsWith('*.') && domain.endsWith(pattern.slice(1)));
}
