import { CEILING_BYTES, DEFAULT_RECEIVE_BYTES, DEFAULT_SEND_BYTES, type LabMailbox } from '../objects.ts';
import type { TenantState } from '../state.ts';
import {
  bytesOf,
  type Cmdlets,
  changeOf,
  type ListChange,
  sizeText,
  switchOf,
  taskRefusal,
  textOf,
  type Values,
} from './cmdlet.ts';
import { FORWARDING, forwardingRow, setForwarding } from './forwarding.ts';
import { getMailbox, requireFree } from './recipients.ts';

/** What a mailbox is told after it is there (exchange.md §6.3). */
export const MAILBOX_SETTINGS: Cmdlets = {
  'Set-Mailbox': {
    needs: { Identity: 'text' },
    takes: {
      EmailAddresses: 'changes',
      MaxReceiveSize: 'size',
      MaxSendSize: 'size',
      RetentionHoldEnabled: 'switch',
      RetentionPolicy: 'text',
      ...FORWARDING,
    },
    run: (state, values, warn) => {
      const mailbox = getMailbox(state, values);
      const look = () => JSON.stringify([mailbox, forwardingRow(state, mailbox.address)]);
      const before = look();
      // All is checked before anything is changed.
      const receive = sizeOf(values, 'MaxReceiveSize', mailbox.maxReceiveBytes);
      const send = sizeOf(values, 'MaxSendSize', mailbox.maxSendBytes);
      if (values['EmailAddresses'] !== undefined) setAddresses(state, mailbox, changeOf(values['EmailAddresses']));
      mailbox.maxReceiveBytes = receive;
      mailbox.maxSendBytes = send;
      mailbox.retentionHold = switchOf(values, 'RetentionHoldEnabled', mailbox.retentionHold);
      mailbox.retentionPolicy = textOf(values, 'RetentionPolicy', mailbox.retentionPolicy);
      setForwarding(state, mailbox, values);
      if (look() === before) {
        warn(`The command completed successfully but no settings of '${mailbox.address}' have been modified.`);
      }
      return [];
    },
  },
  'Get-MailboxPlan': {
    takes: { Identity: 'text' },
    run: () => [
      {
        Name: 'ExchangeOnlineEnterprise',
        IsDefault: true,
        MaxReceiveSize: sizeText(DEFAULT_RECEIVE_BYTES),
        MaxSendSize: sizeText(DEFAULT_SEND_BYTES),
      },
    ],
  },
  'Get-CASMailbox': {
    needs: { Identity: 'text' },
    run: (state, values) => {
      const { address, activeSync, imap } = getMailbox(state, values);
      return [{ PrimarySmtpAddress: address, ActiveSyncEnabled: activeSync, ImapEnabled: imap }];
    },
  },
  'Set-CASMailbox': {
    needs: { Identity: 'text' },
    takes: { ActiveSyncEnabled: 'switch', ImapEnabled: 'switch' },
    run: (state, values) => {
      const mailbox = getMailbox(state, values);
      mailbox.activeSync = switchOf(values, 'ActiveSyncEnabled', mailbox.activeSync);
      mailbox.imap = switchOf(values, 'ImapEnabled', mailbox.imap);
      return [];
    },
  },
  'Get-InboxRule': {
    needs: { Mailbox: 'text' },
    takes: { Identity: 'text' },
    run: (state, values) =>
      getMailbox(state, { Identity: values['Mailbox'] }).inboxRules.map((rule) => ({
        Name: rule.name,
        Enabled: rule.enabled,
        ForwardTo: rule.forwardTo,
        DeleteMessage: rule.deletesMessage,
      })),
  },
  'Get-MailboxJunkEmailConfiguration': {
    needs: { Identity: 'text' },
    run: (state, values) => {
      const { address, junk } = getMailbox(state, values);
      return [
        {
          Identity: address,
          Enabled: junk.enabled,
          TrustedSendersAndDomains: junk.trusted,
          BlockedSendersAndDomains: junk.blocked,
        },
      ];
    },
  },
  'Set-MailboxJunkEmailConfiguration': {
    needs: { Identity: 'text' },
    takes: { Enabled: 'switch', TrustedSendersAndDomains: 'changes', BlockedSendersAndDomains: 'changes' },
    run: (state, values) => {
      const mailbox = getMailbox(state, values);
      const { enabled, trusted, blocked } = mailbox.junk;
      mailbox.junk = {
        enabled: switchOf(values, 'Enabled', enabled),
        trusted: changed(trusted, values['TrustedSendersAndDomains']),
        blocked: changed(blocked, values['BlockedSendersAndDomains']),
      };
      return [];
    },
  },
  'Get-RetentionPolicy': {
    takes: { Identity: 'text' },
    run: (state) => [...state.policies('RetentionPolicy').values()],
  },
};

function sizeOf(values: Values, name: string, before: number): number {
  if (values[name] === undefined) return before;
  const bytes = bytesOf(values[name]);
  if (bytes <= CEILING_BYTES) return bytes;
  throw taskRefusal(`The value of ${name} exceeds the maximum of ${sizeText(CEILING_BYTES)} that the license allows.`);
}

function changed(before: readonly string[], value: unknown): readonly string[] {
  if (value === undefined) return before;
  const { replace, add, remove } = changeOf(value);
  return [...new Set([...(replace ?? before), ...add])].filter((one) => !remove.includes(one));
}

/** Upper-case `SMTP:` is the primary address; a plain list replaces all (exchange.md §6.3). */
function setAddresses(state: TenantState, mailbox: LabMailbox, { replace, add, remove }: ListChange): void {
  const entries = replace ?? add;
  const primaries = entries.filter((entry) => entry.startsWith('SMTP:'));
  if (primaries.length > 1) throw taskRefusal('There are multiple primary SMTP addresses.');
  if (replace !== null && primaries.length === 0) throw taskRefusal('There is no primary SMTP address.');
  const bare = (entry: string) => entry.replace(/^smtp:/i, '').toLowerCase();
  for (const entry of entries) requireFree(state, bare(entry), mailbox);
  const gone = new Set(remove.map(bare));
  if (gone.has(mailbox.address) && primaries.length === 0) {
    throw taskRefusal("The primary SMTP address can't be removed.");
  }
  const before = replace === null ? [mailbox.address, ...mailbox.aliases] : [];
  const [primary] = primaries;
  const wanted = new Set([...before, ...entries.map(bare)].filter((address) => !gone.has(address)));
  const first = primary === undefined ? mailbox.address : bare(primary);
  wanted.delete(first);
  mailbox.aliases.splice(0, mailbox.aliases.length, ...wanted);
  if (first !== mailbox.address) state.renameMailbox(mailbox, first);
}
