import type { TenantState } from '../directory/state.ts';
import { textsIn } from '../directory/state.ts';
import { outboundSpamPolicies, outboundSpamRules } from './outbound-spam.ts';

/** What `Set-Mailbox` says of mail that arrives at a mailbox (exchange.md §6.3). Nothing is set at first. */
export interface Forwarding {
  /** Any address, `ForwardingSmtpAddress` without its `smtp:`. */
  smtpAddress: string | null;
  /** A recipient of the tenant by its name or address, `ForwardingAddress`: it wins where both are set. */
  address: string | null;
  /** `DeliverToMailboxAndForward`. */
  keepsCopy: boolean;
}

export function forwardingOf(state: TenantState, mailbox: string): Forwarding {
  return state.forwardings.get(mailbox) ?? { smtpAddress: null, address: null, keepsCopy: false };
}

/** Where mail for a mailbox goes on to; null where nothing is set. */
export function forwardTargetOf(state: TenantState, mailbox: string): string | null {
  const { smtpAddress, address } = forwardingOf(state, mailbox);
  if (address === null) return smtpAddress;
  const contact = state.findContact(address);
  return contact?.external ?? state.findMailbox(address)?.address ?? address;
}

/**
 * Whether a mailbox may forward out of the organisation: the policy of the first rule that names it, else the default one, and
 * `Automatic` has come to mean the same as `Off` (defender-docs, outbound-spam-policies-external-email-forwarding.md).
 */
export function mayForwardOutside(state: TenantState, mailbox: string): boolean {
  const rule = outboundSpamRules(state)
    .filter(({ State }) => State === 'Enabled')
    .find((each) => {
      const isSender = textsIn(each['From']).some((from) => state.findMailbox(from)?.address === mailbox);
      return isSender || textsIn(each['SenderDomainIs']).includes(mailbox.replace(/^.*@/, ''));
    });
  const name = rule === undefined ? 'Default' : String(rule['HostedOutboundSpamFilterPolicy']);
  return outboundSpamPolicies(state).get(name)?.['AutoForwardingMode'] === 'On';
}
