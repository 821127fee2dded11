import { domainOf, isWithin, readAddress, readHostname } from './address.ts';
import type { FaultAt } from './plan-yaml.ts';

/** What the mailbox list is held against; read leniently, so that faults of both files show at once. */
export interface PlanFrame {
  readonly domains: readonly string[];
  /** Addresses have to lie in the client's domains: true where the tenant makes the mailboxes. */
  readonly ownDomainsOnly: boolean;
}

/** Checks that span several fields of plan.yaml. */
export function checkPlan(raw: unknown, faultAt: FaultAt): PlanFrame {
  const domains = list(field(field(raw, 'client'), 'domains'))
    .map((domain) => (typeof domain === 'string' ? readHostname(domain) : null))
    .filter((domain) => domain !== null);
  domains.forEach((domain, index) => {
    if (domains.indexOf(domain) !== index)
      faultAt(['client', 'domains', index], `client.domains[${index}] is named twice.`);
  });

  const target = field(raw, 'target');
  const hosted = field(target, 'kind') === 'hosted-exchange';
  if (hosted && (field(raw, 'dns') ?? null) === null) {
    faultAt(['dns'], 'dns is missing: a move to hosted-exchange has to know the records that the target wants.');
  }
  if (hosted) checkRoutes(target, faultAt);
  const follows = field(field(raw, 'policy'), 'deletions') === 'follow';
  const records = field(raw, 'dns') ?? null;
  if (follows && records !== null && (field(records, 'path') ?? 'direct') === 'direct') {
    faultAt(
      ['policy', 'deletions'],
      'policy.deletions is `follow`, but with dns.path `direct` MX moves (A7) before the first transfer: nothing may be deleted after that.',
    );
  }
  checkContacts(list(field(raw, 'contacts')), domains, faultAt);
  return { domains, ownDomainsOnly: hosted };
}

/** What a route needs has to be in the plan, where the route is named; the usual order passes over routes that lack it. */
function checkRoutes(target: unknown, faultAt: FaultAt): void {
  const named = list(field(target, 'routes'));
  if (named.includes('ews') && (field(target, 'ews') ?? null) === null) {
    faultAt(['target', 'routes'], 'target.routes names ews, and target.ews is missing.');
  }
}

function checkContacts(contacts: readonly unknown[], domains: readonly string[], faultAt: FaultAt): void {
  const ids: unknown[] = [];
  contacts.forEach((contact, index) => {
    const id = field(contact, 'id');
    if (typeof id === 'string' && ids.includes(id)) {
      faultAt(
        ['contacts', index, 'id'],
        `contacts[${index}].id is taken by another contact; each person has an id of their own.`,
      );
    }
    ids.push(id);
    for (const key of ['email', 'codeEmail'] as const) {
      const value = field(contact, key);
      const address = typeof value === 'string' ? readAddress(value.trim()) : null;
      // The approver's own mailbox is the thing being moved: a link that must be read to go on may not lie in it.
      if (address !== null && isWithin(domainOf(address), domains)) {
        faultAt(
          ['contacts', index, key],
          `contacts[${index}].${key} lies in a domain that moves; links and codes need an address outside it, or nobody may be able to approve.`,
        );
      }
    }
  });
  if (contacts.length > 0 && !contacts.some((contact) => (field(contact, 'party') ?? 'client') === 'client')) {
    faultAt(['contacts'], 'contacts names nobody of party client; the gates need at least one.');
  }
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
