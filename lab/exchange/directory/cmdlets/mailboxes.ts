import { randomUUID } from 'node:crypto';
import { cmdletRefusal } from '../../refusal.ts';
import { type LabMailbox, newMailbox } from '../objects.ts';
import type { TenantState } from '../state.ts';
import {
  alreadyThere,
  type Cmdlets,
  CONFIRM,
  identityOf,
  notFound,
  type Row,
  taskRefusal,
  type Values,
} from './cmdlet.ts';
import { getMailbox, mailboxRow, requireFree } from './recipients.ts';

/** Mailboxes come and go (exchange.md §6.3). */
export const MAILBOXES: Cmdlets = {
  'Get-Mailbox': {
    takes: { Identity: 'text', SoftDeletedMailbox: 'switch', ResultSize: 'text' },
    run: getMailboxes,
  },
  'New-Mailbox': {
    needs: { Name: 'text' },
    takes: { Shared: 'switch', DisplayName: 'text', PrimarySmtpAddress: 'text', Alias: 'text' },
    run: newShared,
  },
  'Remove-Mailbox': {
    needs: { Identity: 'text' },
    takes: CONFIRM,
    run: (state, values) => {
      const mailbox = getMailbox(state, values);
      const user = state.findUser(mailbox.address);
      if (user) state.deleteUser(user);
      else state.deleteMailbox(mailbox.address);
      return [];
    },
  },
  'Enable-Mailbox': {
    needs: { Identity: 'text' },
    takes: { Archive: 'switch' },
    run: (state, values) => {
      const mailbox = getMailbox(state, values);
      if (mailbox.archive) throw taskRefusal('The mailbox already has an archive.');
      mailbox.archive = values['Archive'] === true;
      return [];
    },
  },
  'Get-MailboxStatistics': {
    needs: { Identity: 'text' },
    run: (state, values) => {
      const { address, lastLogonAt } = getMailbox(state, values);
      return [{ Identity: address, ItemCount: state.countItems(address), LastLogonTime: lastLogonAt }];
    },
  },
};

function getMailboxes(state: TenantState, values: Values): Row[] {
  const softDeleted = values['SoftDeletedMailbox'] === true;
  const all = softDeleted ? state.deletedMailboxes : [...state.mailboxes.values()];
  if (values['Identity'] === undefined) return all.map((mailbox) => mailboxRow(state, mailbox));
  if (!softDeleted) return [mailboxRow(state, getMailbox(state, values))];
  const wanted = identityOf(values).toLowerCase();
  const found = all.filter(({ address, aliases }) => address === wanted || aliases.includes(wanted));
  if (found.length === 0) notFound(wanted);
  return found.map((mailbox) => mailboxRow(state, mailbox));
}

/** Without a licence, and with a user to whom nobody can sign in (exchange.md §6.3, recalled). */
function newShared(state: TenantState, values: Values): Row[] {
  if (values['Shared'] !== true) {
    throw cmdletRefusal(
      400,
      'System.Management.Automation.ParameterBindingException',
      'Parameter set cannot be resolved using the specified named parameters.',
    );
  }
  const address = String(values['PrimarySmtpAddress'] ?? '').toLowerCase();
  const name = String(values['Name']);
  if (name.length > 64) throw taskRefusal('The length of the property is too long. The maximum length is 64.');
  requireFree(state, address, null);
  const sameName = [...state.mailboxes.values()].some((one) => state.findUser(one.address)?.mailNickname === name);
  if (sameName || state.findList(name)) throw alreadyThere(name);
  const mailbox: LabMailbox = newMailbox(address, { kind: 'SharedMailbox', activeSync: true });
  state.users.set(address, {
    id: randomUUID(),
    userPrincipalName: address,
    displayName: String(values['DisplayName'] ?? name),
    mailNickname: name,
    accountEnabled: false,
    usageLocation: null,
    password: randomUUID(),
    licences: new Set(),
    createdAt: new Date(state.now()).toISOString(),
    lastSignInAt: null,
  });
  state.addMailbox(mailbox, state.findUser(address)?.password ?? '');
  return [mailboxRow(state, mailbox)];
}
