import { inOrder } from '../../flow/outbound-spam.ts';
import { badRequest } from '../../refusal.ts';
import type { TenantState } from '../state.ts';
import { alreadyThere, type Cmdlets, identityOf, notFound, type ParameterKind, type Values } from './cmdlet.ts';
import { getNamed, named } from './named.ts';

const CONDITIONS: Readonly<Record<string, ParameterKind>> = {
  RecipientDomainIs: 'texts',
  SentTo: 'texts',
  SentToMemberOf: 'texts',
};
const FIELDS: Readonly<Record<string, ParameterKind>> = {
  ...CONDITIONS,
  RouteMessageOutboundConnector: 'text',
  Priority: 'count',
  Mode: 'text',
  Comments: 'text',
};

/** Mail flow rules (exchange.md §6.4): asked by priority, 0 first; a new one comes last unless it says otherwise. */
export const TRANSPORT_RULES: Cmdlets = {
  ...named('TransportRule', (state) => state.rules, FIELDS),
  'Get-TransportRule': {
    takes: { Identity: 'text' },
    run: (state, values) => (values['Identity'] === undefined ? inOrder(state.rules) : [getNamed(state.rules, values)]),
  },
  'New-TransportRule': {
    needs: { Name: 'text' },
    takes: { ...FIELDS, Enabled: 'switch' },
    run: (state, { Enabled, ...values }) => {
      const name = String(values['Name']);
      if (state.rules.has(name)) throw alreadyThere(name);
      requireConnector(state, values);
      const others = inOrder(state.rules);
      const rule = { Mode: 'Enforce', ...values, State: Enabled === false ? 'Disabled' : 'Enabled' };
      state.rules.set(name, rule);
      place(others, rule, values['Priority'] ?? others.length);
      return [rule];
    },
  },
  'Set-TransportRule': {
    needs: { Identity: 'text' },
    takes: FIELDS,
    run: (state, { Identity, ...changes }) => {
      const rule = getNamed(state.rules, { Identity });
      requireConnector(state, { ...rule, ...changes });
      const others = inOrder(state.rules).filter((each) => each !== rule);
      const priority = changes['Priority'] ?? rule['Priority'];
      Object.assign(rule, changes);
      place(others, rule, priority);
      return [];
    },
  },
  'Remove-TransportRule': {
    needs: { Identity: 'text' },
    takes: { Confirm: 'switch' },
    run: (state, values) => {
      getNamed(state.rules, values);
      state.rules.delete(identityOf(values));
      renumber(inOrder(state.rules));
      return [];
    },
  },
  'Enable-TransportRule': switched('Enabled'),
  'Disable-TransportRule': switched('Disabled'),
};

function switched(to: 'Enabled' | 'Disabled'): Cmdlets[string] {
  return {
    needs: { Identity: 'text' },
    takes: { Confirm: 'switch' },
    run: (state, values) => {
      getNamed(state.rules, values)['State'] = to;
      return [];
    },
  };
}

function requireConnector(state: TenantState, values: Values): void {
  const connector = values['RouteMessageOutboundConnector'];
  if (typeof connector !== 'string') throw badRequest('A rule needs an action.');
  if (!state.connectors.has(connector)) notFound(connector);
}

function place(others: readonly Record<string, unknown>[], rule: Record<string, unknown>, priority: unknown): void {
  const at = Number(priority);
  if (at < 0 || at > others.length) throw badRequest(`Priority ${at} is out of range.`);
  renumber([...others.slice(0, at), rule, ...others.slice(at)]);
}

function renumber(rules: readonly Record<string, unknown>[]): void {
  for (const [at, rule] of rules.entries()) rule['Priority'] = at;
}
