import type { Role } from '../../identity/roles.ts';
import { graphRefusal } from '../../refusal.ts';
import type { TenantState } from '../state.ts';
import { type GraphRoutes, type GraphWorld, notFound, page } from './route.ts';

const DOMAINS: readonly Role[] = [
  'Domain.Read.All',
  'Domain.ReadWrite.All',
  'Directory.Read.All',
  'Directory.ReadWrite.All',
];

/** Domains with the records that they want, groups, and the organisation itself (exchange.md §6.1). */
export const ORGANISATION: GraphRoutes = {
  'GET domains': {
    roles: DOMAINS,
    answer: (request, { state }) =>
      page(request, [
        ...[...state.domains.keys()].map((id) => ({ id, isVerified: true, supportedServices: ['Email'] })),
        ...[...state.unverifiedDomains].map((id) => ({ id, isVerified: false, supportedServices: [] })),
      ]),
  },
  'GET domains/{id}/serviceConfigurationRecords': {
    roles: DOMAINS,
    answer: (request, world, id) => {
      if (!world.state.domains.has(id.toLowerCase())) throw notFound(id);
      return page(request, recordsOf(world, id.toLowerCase()));
    },
  },
  'GET groups': {
    roles: ['Group.Read.All', 'Group.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
    answer: (request, { state }) => page(request, listGroups(state, request.query.get('$filter'))),
  },
  'GET organization': {
    roles: ['Organization.Read.All', 'Organization.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
    answer: (request, { countryCode }) => page(request, [{ id: 'org', countryLetterCode: countryCode }]),
  },
};

/** learn.microsoft.com/graph/api/domain-list-serviceconfigurationrecords: names and types of Exchange's records. */
function recordsOf({ mailHost }: GraphWorld, domain: string): object[] {
  const common = { isOptional: false, label: domain, ttl: 3_600, supportedService: 'Email' };
  return [
    {
      ...common,
      '@odata.type': '#microsoft.graph.domainDnsMxRecord',
      recordType: 'Mx',
      mailExchange: mailHost,
      preference: 0,
    },
    {
      ...common,
      '@odata.type': '#microsoft.graph.domainDnsTxtRecord',
      recordType: 'Txt',
      text: 'v=spf1 include:spf.protection.outlook.com -all',
    },
    {
      ...common,
      '@odata.type': '#microsoft.graph.domainDnsCnameRecord',
      label: `autodiscover.${domain}`,
      recordType: 'CName',
      canonicalName: 'autodiscover.outlook.com',
    },
  ];
}

/** Distribution lists can be read in Graph, not made (exchange.md §6.1). */
function listGroups(state: TenantState, filter: string | null): object[] {
  const mail = /^mail eq '((?:[^']|'')*)'$/
    .exec(filter ?? '')?.[1]
    ?.replaceAll("''", "'")
    .toLowerCase();
  if (filter !== null && mail === undefined) {
    throw graphRefusal(400, 'Request_UnsupportedQuery', 'Unsupported or invalid query filter clause.');
  }
  const lists = [...state.lists.values()].map(({ address }) => ({
    mail: address,
    groupTypes: [],
    securityEnabled: false,
  }));
  const groups = state.groups.map(({ address, unified }) => ({
    mail: address,
    groupTypes: unified ? ['Unified'] : [],
    securityEnabled: !unified,
  }));
  return [...lists, ...groups]
    .filter((group) => mail === undefined || group.mail === mail)
    .map((group) => ({ id: `group-${group.mail}`, mailEnabled: true, ...group }));
}
