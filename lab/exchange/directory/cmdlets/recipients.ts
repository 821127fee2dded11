import { cmdletRefusal } from '../../refusal.ts';
import type { LabList, LabMailbox } from '../objects.ts';
import type { TenantState } from '../state.ts';
import { type Cmdlets, identityOf, notFound, type Row, sizeText, type Values } from './cmdlet.ts';
import { contactRow } from './contacts.ts';
import { forwardingRow } from './forwarding.ts';

/** Whoever receives mail under an address: mailboxes, lists, groups, contacts. */
export const RECIPIENTS: Cmdlets = {
  'Get-Recipient': {
    needs: { Identity: 'text' },
    run: (state, values) => [recipientRow(state, identityOf(values))],
  },
};

export function recipientRow(state: TenantState, identity: string): Row {
  const mailbox = state.findMailbox(identity);
  if (mailbox) return mailboxRow(state, mailbox);
  const list = state.findList(identity);
  if (list) return listRow(list);
  const contact = state.findContact(identity);
  if (contact) return contactRow(contact);
  const group = state.groups.find(({ address, unified }) => unified && address === identity.toLowerCase());
  return group ? { PrimarySmtpAddress: group.address, RecipientTypeDetails: 'GroupMailbox' } : notFound(identity);
}

export function mailboxRow(state: TenantState, mailbox: LabMailbox): Row {
  const { address, aliases } = mailbox;
  return {
    Identity: address,
    DisplayName: state.findUser(address)?.displayName ?? address,
    PrimarySmtpAddress: address,
    EmailAddresses: [`SMTP:${address}`, ...aliases.map((alias) => `smtp:${alias}`)],
    RecipientTypeDetails: mailbox.kind,
    ArchiveStatus: mailbox.archive ? 'Active' : 'None',
    MaxReceiveSize: sizeText(mailbox.maxReceiveBytes),
    MaxSendSize: sizeText(mailbox.maxSendBytes),
    RetentionHoldEnabled: mailbox.retentionHold,
    RetentionPolicy: mailbox.retentionPolicy,
    ...forwardingRow(state, address),
  };
}

export function listRow({ address, name, displayName, outsidersMayWrite }: LabList): Row {
  return {
    Identity: name,
    Name: name,
    DisplayName: displayName,
    PrimarySmtpAddress: address,
    RecipientTypeDetails: 'MailUniversalDistributionGroup',
    RequireSenderAuthenticationEnabled: !outsidersMayWrite,
  };
}

export function getMailbox(state: TenantState, values: Values): LabMailbox {
  return state.findMailbox(identityOf(values)) ?? notFound(identityOf(values));
}

export function getList(state: TenantState, values: Values): LabList {
  return state.findList(identityOf(values)) ?? notFound(identityOf(values));
}

/** @throws Refusal when the domain is not the tenant's, or somebody other than `holder` has the address */
export function requireFree(state: TenantState, address: string, holder: LabMailbox | null): void {
  if (!/^[^@\s,;:"()<>[\]\\]{1,64}@[a-z0-9.-]+$/.test(address) || /^\.|\.\.|\.@/.test(address)) {
    throw cmdletRefusal(
      400,
      'Microsoft.Exchange.Data.DataValidationException',
      `The address "${address}" isn't a valid SMTP address.`,
    );
  }
  if (!state.isAccepted(address)) {
    const text = `You can't use the domain because it's not an accepted domain for your organization.`;
    throw cmdletRefusal(400, 'Microsoft.Exchange.Management.Tasks.NotAcceptedDomainException', text);
  }
  if (state.holderOf(address) === null) return;
  if (holder !== null && state.findMailbox(address) === holder) return;
  const text = `The proxy address "smtp:${address}" is already being used.`;
  throw cmdletRefusal(400, 'Microsoft.Exchange.Data.Directory.ProxyAddressExistsException', text);
}
