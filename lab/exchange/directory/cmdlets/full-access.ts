import { cmdletRefusal } from '../../refusal.ts';
import type { TenantState } from '../state.ts';
import { alreadyThere, type Cmdlets, CONFIRM, identityOf, notFound, type Row, type Values } from './cmdlet.ts';

/** Which applications Exchange knows and which mailboxes they may open: the two steps before app-only IMAP (exchange.md §5.1). */
export const FULL_ACCESS: Cmdlets = {
  'New-ServicePrincipal': {
    needs: { AppId: 'text', ObjectId: 'text' },
    takes: { ...CONFIRM, DisplayName: 'text' },
    // Whether the object id is that of the enterprise application is not looked at: a wrong one is taken, and no sign-in works.
    run: ({ mailboxRights }, values) => {
      const [appId, objectId] = [String(values['AppId']), String(values['ObjectId'])];
      if (mailboxRights.principals.has(appId)) throw alreadyThere(appId);
      const displayName = String(values['DisplayName'] ?? appId);
      mailboxRights.addPrincipal({ appId, objectId, displayName });
      return [principalRow(appId, objectId, displayName)];
    },
  },
  'Get-ServicePrincipal': {
    takes: { Identity: 'text' },
    run: ({ mailboxRights }, values) => {
      const wanted = values['Identity'] === undefined ? null : identityOf(values);
      const found = wanted === null ? [...mailboxRights.principals.values()] : [mailboxRights.findPrincipal(wanted)];
      return found.map((one) => {
        if (one === null) return notFound(wanted ?? '');
        return principalRow(one.appId, one.objectId, one.displayName);
      });
    },
  },
  'Remove-ServicePrincipal': {
    needs: { Identity: 'text' },
    takes: CONFIRM,
    run: ({ mailboxRights }, values) => {
      const found = mailboxRights.findPrincipal(identityOf(values)) ?? notFound(identityOf(values));
      mailboxRights.principals.delete(found.appId);
      return [];
    },
  },
  'Add-MailboxPermission': {
    needs: { Identity: 'text', User: 'text', AccessRights: 'texts' },
    takes: { ...CONFIRM, AutoMapping: 'switch', InheritanceType: 'text' },
    run: (state, values, warn) => {
      const { mailbox, user } = rightOf(state, values);
      if (!state.mailboxRights.grantFullAccess(mailbox, user)) {
        warn('The appropriate access control entry is already present on the object.');
        return [];
      }
      return [permissionRow(mailbox, user)];
    },
  },
  'Get-MailboxPermission': {
    needs: { Identity: 'text' },
    takes: { User: 'text' },
    run: (state, values) => {
      const mailbox = mailboxOf(state, values);
      const user = values['User'] === undefined ? null : holderOf(state, String(values['User']));
      const granted = [...state.mailboxRights.fullAccessOf(mailbox)];
      return granted.filter((one) => user === null || one === user).map((one) => permissionRow(mailbox, one));
    },
  },
  'Remove-MailboxPermission': {
    needs: { Identity: 'text', User: 'text', AccessRights: 'texts' },
    takes: CONFIRM,
    run: (state, values, warn) => {
      const { mailbox, user } = rightOf(state, values);
      if (!state.mailboxRights.removeFullAccess(mailbox, user)) {
        warn("Can't remove the access control entry because it isn't present on the object.");
      }
      return [];
    },
  },
};

function rightOf(state: TenantState, values: Values): { mailbox: string; user: string } {
  const rights = [values['AccessRights']].flat();
  if (rights.length !== 1 || rights[0] !== 'FullAccess') {
    throw cmdletRefusal(
      400,
      'System.Management.Automation.ParameterBindingException',
      `Cannot process argument transformation on parameter 'AccessRights'.`,
    );
  }
  return { mailbox: mailboxOf(state, values), user: holderOf(state, String(values['User'])) };
}

function mailboxOf(state: TenantState, values: Values): string {
  return (state.findMailbox(identityOf(values)) ?? notFound(identityOf(values))).address;
}

/** A service principal by any of its names, or a person. */
function holderOf(state: TenantState, name: string): string {
  return state.mailboxRights.findPrincipal(name)?.appId ?? state.findMailbox(name)?.address ?? notFound(name);
}

function principalRow(AppId: string, ObjectId: string, DisplayName: string): Row {
  return { Identity: ObjectId, AppId, ObjectId, DisplayName };
}

function permissionRow(Identity: string, User: string): Row {
  return { Identity, User, AccessRights: ['FullAccess'], Deny: false, IsInherited: false };
}
