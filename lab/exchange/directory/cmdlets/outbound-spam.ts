import { inOrder, outboundSpamPolicies } from '../../flow/outbound-spam.ts';
import { badRequest } from '../../refusal.ts';
import type { TenantState } from '../state.ts';
import { alreadyThere, type Cmdlets, identityOf, notFound, type Values } from './cmdlet.ts';
import { getNamed, named } from './named.ts';

const POLICY = { AutoForwardingMode: 'text', AdminDisplayName: 'text' } as const;
const RULE = {
  From: 'texts',
  SenderDomainIs: 'texts',
  HostedOutboundSpamFilterPolicy: 'text',
  Priority: 'count',
  Comments: 'text',
} as const;
const rulesOf = (state: TenantState) => state.policies('HostedOutboundSpamFilterRule');

/** Who may forward out of the organisation: a policy, and rules that say for which senders it holds (exchange.md §6.3). */
export const OUTBOUND_SPAM: Cmdlets = {
  ...named('HostedOutboundSpamFilterPolicy', outboundSpamPolicies, POLICY),
  'New-HostedOutboundSpamFilterPolicy': {
    needs: { Name: 'text' },
    takes: POLICY,
    run: (state, values) => {
      const name = String(values['Name']);
      if (outboundSpamPolicies(state).has(name)) throw alreadyThere(name);
      const made = { AutoForwardingMode: 'Automatic', IsDefault: false, ...values };
      requireMode(made);
      outboundSpamPolicies(state).set(name, made);
      return [made];
    },
  },
  'Set-HostedOutboundSpamFilterPolicy': {
    needs: { Identity: 'text' },
    takes: POLICY,
    run: (state, { Identity, ...changes }) => {
      const policy = getNamed(outboundSpamPolicies(state), { Identity });
      requireMode({ ...policy, ...changes });
      Object.assign(policy, changes);
      return [];
    },
  },
  'Remove-HostedOutboundSpamFilterPolicy': {
    needs: { Identity: 'text' },
    takes: { Confirm: 'switch' },
    run: (state, values) => {
      const policy = getNamed(outboundSpamPolicies(state), values);
      // A guess: what is in use, or the default, cannot go.
      const isUsed = [...rulesOf(state).values()].some(
        (rule) => rule['HostedOutboundSpamFilterPolicy'] === policy['Name'],
      );
      if (policy['IsDefault'] === true || isUsed)
        throw badRequest('The policy is the default one or is used by a rule.');
      outboundSpamPolicies(state).delete(identityOf(values));
      return [];
    },
  },
  ...named('HostedOutboundSpamFilterRule', rulesOf, RULE),
  'New-HostedOutboundSpamFilterRule': {
    needs: { Name: 'text', HostedOutboundSpamFilterPolicy: 'text' },
    takes: { ...RULE, Enabled: 'switch' },
    run: (state, { Enabled, ...values }) => {
      const name = String(values['Name']);
      if (rulesOf(state).has(name)) throw alreadyThere(name);
      requireSenders(state, values);
      const others = inOrder(rulesOf(state));
      const rule: Record<string, unknown> = { ...values, State: Enabled === false ? 'Disabled' : 'Enabled' };
      const at = Number(values['Priority'] ?? others.length);
      for (const [place, each] of [...others.slice(0, at), rule, ...others.slice(at)].entries())
        each['Priority'] = place;
      rulesOf(state).set(name, rule);
      return [rule];
    },
  },
  'Set-HostedOutboundSpamFilterRule': {
    needs: { Identity: 'text' },
    takes: RULE,
    run: (state, { Identity, ...changes }) => {
      const rule = getNamed(rulesOf(state), { Identity });
      requireSenders(state, { ...rule, ...changes });
      Object.assign(rule, changes);
      return [];
    },
  },
};

function requireMode({ AutoForwardingMode: mode }: Values): void {
  if (!['Automatic', 'On', 'Off'].includes(String(mode)))
    throw badRequest(`AutoForwardingMode ${String(mode)} is unknown.`);
}

function requireSenders(state: TenantState, { From, HostedOutboundSpamFilterPolicy: policy }: Values): void {
  if (!outboundSpamPolicies(state).has(String(policy))) notFound(String(policy));
  for (const sender of [From ?? []].flat()) if (state.findMailbox(String(sender)) === null) notFound(String(sender));
}
