import { cmdletRefusal } from '../../refusal.ts';
import type { TenantState } from '../state.ts';
import { type Cmdlets, CONFIRM, identityOf, notFound, type Values } from './cmdlet.ts';

/** Who may send as whom; full access is with the sign-in of applications. */
export const PERMISSIONS: Cmdlets = {
  'Get-RecipientPermission': {
    needs: { Identity: 'text' },
    takes: { Trustee: 'text' },
    run: (state, values) => {
      const rows = [...sendersOf(state, values)].map((trustee) => ({
        Identity: identityOf(values),
        Trustee: trustee,
        AccessControlType: 'Allow',
        AccessRights: ['SendAs'],
      }));
      const wanted = values['Trustee'];
      return typeof wanted === 'string' ? rows.filter(({ Trustee }) => Trustee === wanted.toLowerCase()) : rows;
    },
  },
  'Add-RecipientPermission': {
    needs: { Identity: 'text', Trustee: 'text', AccessRights: 'texts' },
    takes: CONFIRM,
    run: (state, values, warn) => {
      const trustee = trusteeOf(state, values);
      const senders = sendersOf(state, values);
      if (senders.has(trustee)) {
        warn('The appropriate access control entry is already present on the object.');
        return [];
      }
      senders.add(trustee);
      return [
        {
          Identity: identityOf(values),
          Trustee: trustee,
          AccessControlType: 'Allow',
          AccessRights: ['SendAs'],
        },
      ];
    },
  },
  'Remove-RecipientPermission': {
    needs: { Identity: 'text', Trustee: 'text', AccessRights: 'texts' },
    takes: CONFIRM,
    run: (state, values, warn) => {
      if (!sendersOf(state, values).delete(trusteeOf(state, values))) {
        warn("Can't remove the access control entry because it isn't present on the object.");
      }
      return [];
    },
  },
};

function sendersOf(state: TenantState, values: Values): Set<string> {
  const identity = identityOf(values);
  return (state.findMailbox(identity) ?? state.findList(identity) ?? notFound(identity)).sendAs;
}

/** Only `SendAs` is known here, and only a mailbox can do it. */
function trusteeOf(state: TenantState, values: Values): string {
  const rights = [values['AccessRights']].flat();
  if (rights.length !== 1 || rights[0] !== 'SendAs') {
    throw cmdletRefusal(
      400,
      'System.Management.Automation.ParameterBindingException',
      `Cannot process argument transformation on parameter 'AccessRights'.`,
    );
  }
  const trustee = String(values['Trustee']);
  return state.findMailbox(trustee)?.address ?? notFound(trustee);
}
