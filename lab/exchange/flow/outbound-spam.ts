import type { LabObjects } from '../directory/objects.ts';
import type { TenantState } from '../directory/state.ts';

/** Policies of the outbound spam filter. The default one is there from the start and lets nobody forward (exchange.md §6.3). */
export function outboundSpamPolicies(state: TenantState): LabObjects {
  const policies = state.policies('HostedOutboundSpamFilterPolicy');
  if (!policies.has('Default')) {
    policies.set('Default', { Name: 'Default', IsDefault: true, AutoForwardingMode: 'Automatic' });
  }
  return policies;
}

/** Rules that say for which senders a policy holds, the first to be asked first. */
export function outboundSpamRules(state: TenantState): readonly Record<string, unknown>[] {
  return inOrder(state.policies('HostedOutboundSpamFilterRule'));
}

/** By `Priority`: the lowest number is asked first. */
export function inOrder(objects: LabObjects): readonly Record<string, unknown>[] {
  return [...objects.values()].toSorted((one, other) => Number(one['Priority'] ?? 0) - Number(other['Priority'] ?? 0));
}
