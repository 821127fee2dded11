import { cmdletRefusal } from '../../refusal.ts';
import type { LabList } from '../state.ts';
import { alreadyThere, type Cmdlets } from './cmdlet.ts';
import { getList, listRow, recipientRow, requireFree } from './recipients.ts';

/** Distribution lists, which Graph can only read (exchange.md §6.1). */
export const LISTS: Cmdlets = {
  'Get-DistributionGroup': {
    needs: { Identity: 'text' },
    run: (state, values) => [listRow(getList(state, values))],
  },
  'New-DistributionGroup': {
    needs: { Name: 'text' },
    takes: { DisplayName: 'text', PrimarySmtpAddress: 'text', RequireSenderAuthenticationEnabled: 'switch' },
    run: (state, values) => {
      const address = String(values['PrimarySmtpAddress']).toLowerCase();
      requireFree(state, address, null);
      const name = String(values['Name']);
      if (state.findList(name)) throw alreadyThere(name);
      const list: LabList = {
        address,
        name,
        displayName: String(values['DisplayName'] ?? name),
        // The default refuses senders outside the organisation (exchange.md §6.3).
        outsidersMayWrite: values['RequireSenderAuthenticationEnabled'] === false,
        members: [],
      };
      state.lists.set(address, list);
      return [listRow(list)];
    },
  },
  'Get-DistributionGroupMember': {
    needs: { Identity: 'text' },
    run: (state, values) => getList(state, values).members.map((member) => recipientRow(state, member)),
  },
  'Add-DistributionGroupMember': {
    needs: { Identity: 'text', Member: 'text' },
    run: (state, values) => {
      const list = getList(state, values);
      const member = String(recipientRow(state, String(values['Member']))['PrimarySmtpAddress']);
      // An error that callers have to take for success (exchange.md §6.3).
      if (list.members.includes(member)) {
        const text = `The recipient "${member}" is already a member of the group "${list.name}".`;
        throw cmdletRefusal(400, 'Microsoft.Exchange.Management.Tasks.MemberAlreadyExistsException', text);
      }
      list.members.push(member);
      return [];
    },
  },
};
