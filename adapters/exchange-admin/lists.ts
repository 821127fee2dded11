import { MigrationError } from '../../domain/errors.ts';
import type { Ensured, ProvisionedList } from '../../domain/ports/exchange-admin.ts';
import { effectOrLook } from '../graph/outcome.ts';
import { isRefusedAs, isStatus } from './cmdlets.ts';
import { conflict, findRecipient, primaryOf, requireNoGroup, type Tenant } from './tenant.ts';

/** Distribution lists are read-only in Graph, so they are made by cmdlets (exchange.md §6.1). */
export async function ensureList(
  tenant: Tenant,
  wantedAddress: string,
  wantedMembers: readonly string[],
  signal: AbortSignal,
): Promise<Ensured> {
  const address = wantedAddress.toLowerCase();
  const found = await findList(tenant, address, signal);
  if (found === null) await createList(tenant, address, signal);
  else if (found.address !== address) throw conflict('another list', address);
  for (const member of wantedMembers.map((one) => one.toLowerCase())) {
    if (!found?.members.includes(member)) await addMember(tenant, address, member, signal);
  }
  return found === null ? 'made' : 'adopted';
}

export async function findList(tenant: Tenant, address: string, signal: AbortSignal): Promise<ProvisionedList | null> {
  const { cmdlets } = tenant;
  const list = await cmdlets.find('Get-DistributionGroup', address, signal);
  if (list === null) return null;
  const members = await cmdlets.run('Get-DistributionGroupMember', { Identity: primaryOf(list) }, signal);
  return { address: primaryOf(list), members: members.map(primaryOf).toSorted() };
}

async function createList(tenant: Tenant, address: string, signal: AbortSignal): Promise<void> {
  if ((await findRecipient(tenant, address, signal)) !== null) throw conflict('another object', address);
  await requireNoGroup(tenant, address, signal);
  const parameters = {
    // Unique in the tenant, at most 64 characters.
    Name: address.slice(0, 64),
    DisplayName: address.replace(/@.*$/, ''),
    PrimarySmtpAddress: address,
    // The default refuses senders outside the organisation (exchange.md §6.3), who could write to the old list.
    RequireSenderAuthenticationEnabled: false,
  };
  await effectOrLook(
    () => tenant.cmdlets.run('New-DistributionGroup', parameters, signal),
    async () => (await tenant.cmdlets.find('Get-DistributionGroup', address, signal)) !== null,
  );
}

async function addMember(tenant: Tenant, list: string, member: string, signal: AbortSignal): Promise<void> {
  try {
    await effectOrLook(
      () => tenant.cmdlets.run('Add-DistributionGroupMember', { Identity: list, Member: member }, signal),
      async () => (await findList(tenant, list, signal))?.members.includes(member) ?? false,
    );
  } catch (error) {
    if (isRefusedAs(error, 'MemberAlreadyExistsException')) return;
    if (!isStatus(error, 404)) throw error;
    throw new MigrationError('MAILBOX_NOT_READY', 'a member of a list is not known to Exchange yet', {
      facts: { list, member },
      cause: error,
    });
  }
}
