import { badRequest } from '../../refusal.ts';
import type { TenantState } from '../state.ts';
import {
  alreadyThere,
  type Cmdlets,
  identityOf,
  notFound,
  type ParameterKind,
  type Row,
  type Values,
} from './cmdlet.ts';
import { getNamed, named } from './named.ts';

const ROUTE: Readonly<Record<string, ParameterKind>> = {
  ConnectorType: 'text',
  Enabled: 'switch',
  UseMXRecord: 'switch',
  SmartHosts: 'texts',
  RecipientDomains: 'texts',
  AllAcceptedDomains: 'switch',
  IsTransportRuleScoped: 'switch',
  Comment: 'text',
};
/** What a connector is without being told (New-OutboundConnector). */
const CONNECTOR = {
  ConnectorType: 'Partner',
  Enabled: true,
  UseMXRecord: true,
  SmartHosts: [],
  RecipientDomains: [],
  AllAcceptedDomains: false,
  IsTransportRuleScoped: false,
  Comment: '',
};

/** Accepted domains and connectors (exchange.md §6.4). */
export const MAIL_FLOW: Cmdlets = {
  'Get-AcceptedDomain': {
    takes: { Identity: 'text' },
    run: (state, values) =>
      values['Identity'] === undefined
        ? [...state.domains.keys()].map((domain) => domainRow(state, { Identity: domain }))
        : [domainRow(state, values)],
  },
  'Set-AcceptedDomain': {
    needs: { Identity: 'text' },
    takes: { DomainType: 'text' },
    run: (state, values) => {
      const { DomainName: domain } = domainRow(state, values);
      const type = values['DomainType'];
      if (type !== 'Authoritative' && type !== 'InternalRelay')
        throw badRequest(`DomainType ${String(type)} is unknown.`);
      state.domains.set(String(domain), type);
      return [];
    },
  },
  ...named('OutboundConnector', (state) => state.connectors, ROUTE),
  'New-OutboundConnector': {
    needs: { Name: 'text' },
    takes: ROUTE,
    run: (state, values) => {
      const name = String(values['Name']);
      if (state.connectors.has(name)) throw alreadyThere(name);
      const made = requireWay({ ...CONNECTOR, ...values });
      state.connectors.set(name, made);
      return [made];
    },
  },
  'Set-OutboundConnector': {
    needs: { Identity: 'text' },
    takes: ROUTE,
    run: (state, { Identity, ...changes }) => {
      const connector = getNamed(state.connectors, { Identity });
      Object.assign(connector, requireWay({ ...connector, ...changes }));
      return [];
    },
  },
};

/** Smart hosts and MX are each other's alternative (New-OutboundConnector, UseMXRecord and SmartHosts). */
function requireWay(connector: Record<string, unknown>): Record<string, unknown> {
  const hosts = [connector['SmartHosts'] ?? []].flat().length;
  if (connector['UseMXRecord'] === true && hosts > 0)
    throw badRequest('SmartHosts cannot be used when UseMXRecord is true.');
  if (connector['UseMXRecord'] === false && hosts === 0)
    throw badRequest('SmartHosts is needed when UseMXRecord is false.');
  return connector;
}

function domainRow(state: TenantState, values: Values): Row {
  const domain = identityOf(values).toLowerCase();
  return { DomainName: domain, DomainType: state.domains.get(domain) ?? notFound(domain) };
}
