import type { FoundHolder, HolderKind, TenantFacts } from '../../domain/provisioning/found.ts';
import { odataText, segment } from '../graph/graph.ts';
import { type CmdletRow, textOf } from './cmdlets.ts';
import { listMailboxSkus } from './licences.ts';
import { listSenders } from './send-as.ts';
import { aliasesOf, findRecipient, primaryOf, type Tenant } from './tenant.ts';
import { findUser } from './users.ts';

/** Licences, domains and bins: what every object of a list is held against. */
export async function readFacts(tenant: Tenant, signal: AbortSignal): Promise<TenantFacts> {
  const { graph, cmdlets } = tenant;
  const domains: { name: string; verified: boolean }[] = [];
  for await (const entry of graph.list('list domains', '/domains', signal)) {
    const { id, isVerified, supportedServices } = entry as CmdletRow;
    const hasMail = Array.isArray(supportedServices) && supportedServices.includes('Email');
    if (typeof id === 'string') domains.push({ name: id.toLowerCase(), verified: isVerified === true && hasMail });
  }
  const deleted = new Set<string>();
  const bin = '/directory/deletedItems/microsoft.graph.user?$select=id,userPrincipalName';
  for await (const entry of graph.list('list deleted users', bin, signal)) {
    const { id, userPrincipalName } = entry as CmdletRow;
    // The name in the bin has the id in front of it, without dashes.
    const name = String(userPrincipalName).toLowerCase();
    deleted.add(name.replace(String(id).replaceAll('-', '').toLowerCase(), ''));
  }
  for (const row of await cmdlets.run('Get-Mailbox', { SoftDeletedMailbox: true }, signal)) {
    for (const address of [primaryOf(row), ...aliasesOf(row)]) deleted.add(address);
  }
  const licences = (await listMailboxSkus(graph, signal)).map(({ partNumber, freeSeats }) => ({
    partNumber,
    freeSeats,
  }));
  return { licences, domains, deleted: [...deleted].filter((address) => address !== '').toSorted() };
}

/** Whoever has an address, as primary one or as alias. @returns null where it is free */
export async function findHolder(
  tenant: Tenant,
  wantedAddress: string,
  signal: AbortSignal,
): Promise<FoundHolder | null> {
  const address = wantedAddress.toLowerCase();
  const recipient = await findRecipient(tenant, address, signal);
  if (recipient === null) {
    const user = await findUser(tenant, address, signal);
    if (user === null) return await findGroup(tenant, address, signal);
    const { displayName, accountEnabled } = user;
    const licences = await licencesOf(tenant, user.assignedLicenses, signal);
    return { ...NOBODY, kind: 'user', primary: address, displayName, blocked: !accountEnabled, licences };
  }
  const kind = KINDS[textOf(recipient, 'RecipientTypeDetails')] ?? 'other';
  const primary = primaryOf(recipient);
  const found = {
    ...NOBODY,
    kind,
    primary,
    displayName: textOf(recipient, 'DisplayName'),
    aliases: aliasesOf(recipient),
  };
  if (kind !== 'user-mailbox' && kind !== 'shared-mailbox') return found;
  const user = await findUser(tenant, primary, signal);
  // A mailbox whose user has another name cannot be taken over by this one.
  if (user === null) return { ...found, kind: 'other' };
  return {
    ...found,
    displayName: user.displayName,
    blocked: !user.accountEnabled,
    licences: await licencesOf(tenant, user.assignedLicenses, signal),
    sendAs: await listSenders(tenant, primary, signal),
  };
}

const NOBODY = { displayName: '', aliases: [], blocked: false, licences: [], sendAs: [] } as const;

/** learn.microsoft.com, Get-Recipient -RecipientTypeDetails. */
const KINDS: Readonly<Record<string, HolderKind>> = {
  UserMailbox: 'user-mailbox',
  SharedMailbox: 'shared-mailbox',
  MailUniversalDistributionGroup: 'list',
  MailUniversalSecurityGroup: 'group',
  DynamicDistributionGroup: 'group',
  GroupMailbox: 'group',
  MailContact: 'contact',
  MailUser: 'contact',
};

/** Groups that Graph knows and Exchange does not show (yet). */
async function findGroup({ graph }: Tenant, address: string, signal: AbortSignal): Promise<FoundHolder | null> {
  const filter = segment(`mail eq ${odataText(address)}`);
  for await (const group of graph.list('list groups', `/groups?$filter=${filter}`, signal)) {
    const { groupTypes, mailEnabled, securityEnabled } = group as CmdletRow;
    const isList = mailEnabled === true && securityEnabled !== true && !isUnified(groupTypes);
    return { ...NOBODY, kind: isList ? 'list' : 'group', primary: address };
  }
  return null;
}

function isUnified(groupTypes: unknown): boolean {
  return Array.isArray(groupTypes) && groupTypes.includes('Unified');
}

async function licencesOf(
  { graph }: Tenant,
  assigned: readonly { skuId: string }[],
  signal: AbortSignal,
): Promise<string[]> {
  if (assigned.length === 0) return [];
  const skus = await listMailboxSkus(graph, signal);
  return assigned.flatMap(({ skuId }) => skus.find((sku) => sku.skuId === skuId)?.partNumber ?? []);
}
