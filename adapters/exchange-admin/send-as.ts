import { MigrationError } from '../../domain/errors.ts';
import type { Ensured } from '../../domain/ports/exchange-admin.ts';
import type { ProvisioningJournal } from '../../domain/provisioning/made.ts';
import { isStatus, textOf, textsOf } from './cmdlets.ts';
import { adoptJournaled, makeJournaled } from './journaled.ts';
import type { Tenant } from './tenant.ts';

/** Lets `sender` send as `address`; twice is the same as once. @throws MAILBOX_NOT_READY while one of them is being made */
export async function ensureSendAs(
  tenant: Tenant,
  wantedAddress: string,
  wantedSender: string,
  journal: ProvisioningJournal,
  signal: AbortSignal,
): Promise<Ensured> {
  const address = wantedAddress.toLowerCase();
  const sender = wantedSender.toLowerCase();
  const object = { kind: 'send-as', address, detail: sender } as const;
  const may = async () => (await listSenders(tenant, address, signal)).includes(sender);
  try {
    if (await may()) {
      await adoptJournaled(journal, object);
      return 'adopted';
    }
    const parameters = { Identity: address, Trustee: sender, AccessRights: ['SendAs'], Confirm: false };
    await makeJournaled(journal, object, () => tenant.cmdlets.run('Add-RecipientPermission', parameters, signal), may);
    return 'made';
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    throw new MigrationError('MAILBOX_NOT_READY', 'a right to send as another waits for a mailbox', {
      facts: { address, sender },
      cause: error,
    });
  }
}

/** Who was let in by name; `NT AUTHORITY\SELF` is the owner. */
export async function listSenders({ cmdlets }: Tenant, address: string, signal: AbortSignal): Promise<string[]> {
  const rows = await cmdlets.run('Get-RecipientPermission', { Identity: address }, signal);
  return rows
    .filter((row) => textsOf(row, 'AccessRights').includes('SendAs') && textOf(row, 'AccessControlType') !== 'Deny')
    .map((row) => textOf(row, 'Trustee').toLowerCase())
    .filter((trustee) => trustee.includes('@'))
    .toSorted();
}
