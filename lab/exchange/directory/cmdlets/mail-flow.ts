import { badRequest } from '../../refusal.ts';
import type { TenantState } from '../state.ts';
import { type Cmdlets, identityOf, notFound, type ParameterKind, type Row, type Values } from './cmdlet.ts';
import { getNamed, named } from './named.ts';

const ROUTE: Readonly<Record<string, ParameterKind>> = {
  Enabled: 'switch',
  UseMXRecord: 'switch',
  SmartHosts: 'texts',
  RecipientDomains: 'texts',
  IsTransportRuleScoped: 'switch',
};

/** Accepted domains, connectors and transport rules (exchange.md §6.4). */
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
  ...named('OutboundConnector', (state) => state.connectors, { ConnectorType: 'text', ...ROUTE }),
  ...named('TransportRule', (state) => state.rules, {
    Enabled: 'switch',
    RecipientDomainIs: 'texts',
    RouteMessageOutboundConnector: 'text',
  }),
  'Enable-TransportRule': {
    needs: { Identity: 'text' },
    run: (state, values) => {
      getNamed(state.rules, values)['State'] = 'Enabled';
      return [];
    },
  },
};

function domainRow(state: TenantState, values: Values): Row {
  const domain = identityOf(values).toLowerCase();
  return { DomainName: domain, DomainType: state.domains.get(domain) ?? notFound(domain) };
}
