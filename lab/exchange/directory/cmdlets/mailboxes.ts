import { badRequest } from '../../refusal.ts';
import { type Cmdlets, changeOf, taskRefusal } from './cmdlet.ts';
import { FORWARDING, setForwarding } from './forwarding.ts';
import { getMailbox, mailboxRow, requireFree } from './recipients.ts';

export const MAILBOXES: Cmdlets = {
  'Get-Mailbox': {
    needs: { Identity: 'text' },
    run: (state, values) => [mailboxRow(state, getMailbox(state, values))],
  },
  'Set-Mailbox': {
    needs: { Identity: 'text' },
    takes: { EmailAddresses: 'changes', ...FORWARDING },
    run: (state, values) => {
      const mailbox = getMailbox(state, values);
      setForwarding(state, mailbox, values);
      if (values['EmailAddresses'] === undefined) return [];
      const { replace, add } = changeOf(values['EmailAddresses']);
      // A plain list would replace every address (exchange.md §6.3); nobody here wants that, so it is not made.
      if (replace !== null) throw badRequest('EmailAddresses is expected as a hashtable with Add.');
      const aliases = add.map((entry) => entry.replace(/^smtp:/, '').toLowerCase());
      for (const alias of aliases) requireFree(state, alias, mailbox);
      for (const alias of aliases) if (!mailbox.aliases.includes(alias)) mailbox.aliases.push(alias);
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
  'Get-CASMailbox': {
    needs: { Identity: 'text' },
    run: (state, values) => {
      const { address, activeSync } = getMailbox(state, values);
      return [{ PrimarySmtpAddress: address, ActiveSyncEnabled: activeSync, ImapEnabled: true }];
    },
  },
  'Set-CASMailbox': {
    needs: { Identity: 'text' },
    takes: { ActiveSyncEnabled: 'switch' },
    run: (state, values) => {
      getMailbox(state, values).activeSync = values['ActiveSyncEnabled'] === true;
      return [];
    },
  },
};
