import { MigrationError } from '../../domain/errors.ts';
import type { Ensured } from '../../domain/ports/exchange-admin.ts';
import type { FoundList } from '../../domain/provisioning/found.ts';
import type { MadeObject, ProvisioningJournal } from '../../domain/provisioning/made.ts';
import { isRefusedAs, isStatus } from './cmdlets.ts';
import { adoptJournaled, makeJournaled } from './journaled.ts';
import { conflict, findRecipient, primaryOf, requireNoGroup, type Tenant } from './tenant.ts';

/** Distribution lists are read-only in Graph, so they are made by cmdlets (exchange.md §6.1). */
export async function ensureList(
  tenant: Tenant,
  wantedAddress: string,
  wantedMembers: readonly string[],
  journal: ProvisioningJournal,
  signal: AbortSignal,
): Promise<Ensured> {
  const address = wantedAddress.toLowerCase();
  const found = await findList(tenant, address, signal);
  const list = { kind: 'list', address, detail: '' } as const;
  if (found === null) await createList(tenant, list, journal, signal);
  else if (found.address !== address) throw conflict('another list', address);
  else await adoptJournaled(journal, list);
  for (const member of wantedMembers.map((one) => one.toLowerCase())) {
    const object = { kind: 'member', address, detail: member } as const;
    if (found?.members.includes(member)) await adoptJournaled(journal, object);
    else await addMember(tenant, object, journal, signal);
  }
  return found === null ? 'made' : 'adopted';
}

export async function findList(tenant: Tenant, address: string, signal: AbortSignal): Promise<FoundList | null> {
  const { cmdlets } = tenant;
  const list = await cmdlets.find('Get-DistributionGroup', address, signal);
  if (list === null) return null;
  const members = await cmdlets.run('Get-DistributionGroupMember', { Identity: primaryOf(list) }, signal);
  const takesOutsiders = list['RequireSenderAuthenticationEnabled'] === false;
  return { address: primaryOf(list), members: members.map(primaryOf).toSorted(), takesOutsiders };
}

async function createList(
  tenant: Tenant,
  list: MadeObject,
  journal: ProvisioningJournal,
  signal: AbortSignal,
): Promise<void> {
  const { address } = list;
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
  await makeJournaled(
    journal,
    list,
    () => tenant.cmdlets.run('New-DistributionGroup', parameters, signal),
    async () => (await tenant.cmdlets.find('Get-DistributionGroup', address, signal)) !== null,
  );
}

async function addMember(
  tenant: Tenant,
  object: MadeObject,
  journal: ProvisioningJournal,
  signal: AbortSignal,
): Promise<void> {
  const { address: list, detail: member } = object;
  try {
    await makeJournaled(
      journal,
      object,
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
