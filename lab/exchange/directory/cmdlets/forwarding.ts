import { forwardingOf } from '../../flow/forwarding.ts';
import { badRequest } from '../../refusal.ts';
import type { LabMailbox } from '../objects.ts';
import type { TenantState } from '../state.ts';
import { notFound, type ParameterKind, type Row, type Values } from './cmdlet.ts';

/** Parameters of `Set-Mailbox` that say where mail goes on to (exchange.md §6.3). */
export const FORWARDING = {
  ForwardingSmtpAddress: 'text',
  ForwardingAddress: 'text',
  DeliverToMailboxAndForward: 'switch',
} as const satisfies Readonly<Record<string, ParameterKind>>;

/** What is not named stays as it was; `$null` clears it. Both may be set, and then `ForwardingAddress` wins (Set-Mailbox). */
export function setForwarding(state: TenantState, mailbox: LabMailbox, values: Values): void {
  const { ForwardingSmtpAddress: smtp, ForwardingAddress: address, DeliverToMailboxAndForward: keeps } = values;
  if (smtp === undefined && address === undefined && keeps === undefined) return;
  const forwarding = { ...forwardingOf(state, mailbox.address) };
  if (smtp !== undefined) forwarding.smtpAddress = smtp === null || smtp === '' ? null : readAddress(String(smtp));
  if (address !== undefined) {
    const identity = address === null || address === '' ? null : String(address);
    const isKnown = identity === null || state.findMailbox(identity) || state.findContact(identity);
    if (!isKnown && state.findList(String(identity)) === null) notFound(String(identity));
    forwarding.address = identity;
  }
  if (keeps !== undefined) forwarding.keepsCopy = keeps === true;
  state.forwardings.set(mailbox.address, forwarding);
}

export function forwardingRow(state: TenantState, mailbox: string): Row {
  const { smtpAddress, address, keepsCopy } = forwardingOf(state, mailbox);
  return {
    ForwardingSmtpAddress: smtpAddress === null ? null : `smtp:${smtpAddress}`,
    ForwardingAddress: address,
    DeliverToMailboxAndForward: keepsCopy,
  };
}

function readAddress(value: string): string {
  const address = value.replace(/^smtp:/i, '').toLowerCase();
  if (!/^[^@\s]+@[^@\s]+$/.test(address)) throw badRequest(`${value} is no SMTP address.`);
  return address;
}
