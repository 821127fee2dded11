import { badRequest } from '../../refusal.ts';
import type { LabContact } from '../objects.ts';
import type { TenantState } from '../state.ts';
import { alreadyThere, type Cmdlets, identityOf, notFound, type Row, type Values } from './cmdlet.ts';

/** Recipients whose mail goes out of the tenant (exchange.md §6.4): a mail user has an account in it, a contact has not. */
export const CONTACTS: Cmdlets = { ...kind('MailContact'), ...kind('MailUser') };

export function contactRow({ kind, name, address, external }: LabContact): Row {
  return {
    Identity: name,
    Name: name,
    PrimarySmtpAddress: address,
    ExternalEmailAddress: `SMTP:${external}`,
    EmailAddresses: [`SMTP:${address}`],
    RecipientTypeDetails: kind,
  };
}

function kind(noun: LabContact['kind']): Cmdlets {
  const get = (state: TenantState, values: Values) => {
    const found = state.findContact(identityOf(values));
    return found?.kind === noun ? found : notFound(identityOf(values));
  };
  return {
    [`Get-${noun}`]: { needs: { Identity: 'text' }, run: (state, values) => [contactRow(get(state, values))] },
    [`New-${noun}`]: {
      needs: { Name: 'text', ExternalEmailAddress: 'text' },
      takes: { PrimarySmtpAddress: 'text' },
      run: (state, values) => {
        const external = String(values['ExternalEmailAddress'])
          .replace(/^smtp:/i, '')
          .toLowerCase();
        if (!external.includes('@')) throw badRequest('ExternalEmailAddress is no address.');
        const address = String(values['PrimarySmtpAddress'] ?? external).toLowerCase();
        const name = String(values['Name']);
        if (state.holderOf(address) !== null || state.findContact(name)) throw alreadyThere(name);
        const made = { kind: noun, name, address, external };
        state.contacts.set(address, made);
        return [contactRow(made)];
      },
    },
    [`Remove-${noun}`]: {
      needs: { Identity: 'text' },
      takes: { Confirm: 'switch' },
      run: (state, values) => {
        state.contacts.delete(get(state, values).address);
        return [];
      },
    },
  };
}
