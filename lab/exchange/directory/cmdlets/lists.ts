import { cmdletRefusal } from '../../refusal.ts';
import type { LabList } from '../objects.ts';
import type { TenantState } from '../state.ts';
import { alreadyThere, type Cmdlets, CONFIRM, switchOf, type Values } from './cmdlet.ts';
import { getList, listRow, recipientRow, requireFree } from './recipients.ts';

/** Distribution lists, which Graph can only read (exchange.md §6.1). */
export const LISTS: Cmdlets = {
  'Get-DistributionGroup': {
    takes: { Identity: 'text', ResultSize: 'text' },
    run: (state, values) =>
      values['Identity'] === undefined ? [...state.lists.values()].map(listRow) : [listRow(getList(state, values))],
  },
  'New-DistributionGroup': {
    needs: { Name: 'text' },
    takes: { DisplayName: 'text', PrimarySmtpAddress: 'text', RequireSenderAuthenticationEnabled: 'switch' },
    run: (state, values) => {
      const address = String(values['PrimarySmtpAddress'] ?? '').toLowerCase();
      requireFree(state, address, null);
      const name = String(values['Name']);
      if (name.length > 64) {
        throw cmdletRefusal(
          400,
          'Microsoft.Exchange.Data.DataValidationException',
          'The name is too long: at most 64.',
        );
      }
      if (state.findList(name)) throw alreadyThere(name);
      const list: LabList = {
        address,
        name,
        displayName: String(values['DisplayName'] ?? name),
        // The default refuses senders outside the organisation (exchange.md §6.3).
        outsidersMayWrite: values['RequireSenderAuthenticationEnabled'] === false,
        members: [],
        sendAs: new Set(),
      };
      state.lists.set(address, list);
      return [listRow(list)];
    },
  },
  'Set-DistributionGroup': {
    needs: { Identity: 'text' },
    takes: { RequireSenderAuthenticationEnabled: 'switch' },
    run: (state, values) => {
      const list = getList(state, values);
      list.outsidersMayWrite = !switchOf(values, 'RequireSenderAuthenticationEnabled', !list.outsidersMayWrite);
      return [];
    },
  },
  'Remove-DistributionGroup': {
    needs: { Identity: 'text' },
    takes: CONFIRM,
    run: (state, values) => {
      state.lists.delete(getList(state, values).address);
      return [];
    },
  },
  'Get-DistributionGroupMember': {
    needs: { Identity: 'text' },
    takes: { ResultSize: 'text' },
    run: (state, values) => getList(state, values).members.map((member) => recipientRow(state, member)),
  },
  'Add-DistributionGroupMember': {
    needs: { Identity: 'text', Member: 'text' },
    run: (state, values) => {
      const list = getList(state, values);
      const member = memberOf(state, values);
      // An error that callers have to take for success (exchange.md §6.3).
      if (list.members.includes(member)) {
        const text = `The recipient "${member}" is already a member of the group "${list.name}".`;
        throw cmdletRefusal(400, 'Microsoft.Exchange.Management.Tasks.MemberAlreadyExistsException', text);
      }
      list.members.push(member);
      return [];
    },
  },
  'Remove-DistributionGroupMember': {
    needs: { Identity: 'text', Member: 'text' },
    takes: CONFIRM,
    run: (state, values) => {
      const list = getList(state, values);
      const at = list.members.indexOf(memberOf(state, values));
      if (at < 0) {
        const text = `The recipient "${String(values['Member'])}" isn't a member of the group "${list.name}".`;
        throw cmdletRefusal(400, 'Microsoft.Exchange.Management.Tasks.MemberNotFoundException', text);
      }
      list.members.splice(at, 1);
      return [];
    },
  },
};

function memberOf(state: TenantState, values: Values): string {
  return String(recipientRow(state, String(values['Member']))['PrimarySmtpAddress']);
}
