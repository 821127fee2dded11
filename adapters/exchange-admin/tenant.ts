import { MigrationError } from '../../domain/errors.ts';
import { type Graph, odataText, segment } from '../graph/graph.ts';
import { type CmdletRow, type Cmdlets, textOf, textsOf } from './cmdlets.ts';

/** The two doors to one tenant. */
export interface Tenant {
  readonly graph: Graph;
  readonly cmdlets: Cmdlets;
}

/** Whoever receives mail under an address: mailbox, list, Microsoft 365 group, contact; aliases count. */
export async function findRecipient(tenant: Tenant, address: string, signal: AbortSignal): Promise<CmdletRow | null> {
  return await tenant.cmdlets.find('Get-Recipient', address, signal);
}

/**
 * Microsoft 365 and security groups, which Graph makes and Exchange may not show yet.
 * @throws PROVISIONING_CONFLICT when one has the address
 */
export async function requireNoGroup(tenant: Tenant, address: string, signal: AbortSignal): Promise<void> {
  const filter = segment(`mail eq ${odataText(address)}`);
  for await (const group of tenant.graph.list('list groups', `/groups?$filter=${filter}`, signal)) {
    // A distribution list is mail-enabled, no security group and not `Unified` (exchange.md §6.1).
    const { groupTypes, mailEnabled, securityEnabled } = group as CmdletRow;
    const isUnified = Array.isArray(groupTypes) && groupTypes.includes('Unified');
    if (isUnified || mailEnabled !== true || securityEnabled === true) throw conflict('a group', address);
  }
}

export function conflict(what: string, address: string): MigrationError {
  return new MigrationError('PROVISIONING_CONFLICT', `${address} is taken by ${what}`, { facts: { address } });
}

/** `SMTP:` marks the primary address, `smtp:` an alias; other kinds (`SIP:`, `X500:`) are no mail addresses. */
export function aliasesOf(row: CmdletRow): string[] {
  return textsOf(row, 'EmailAddresses')
    .filter((entry) => entry.startsWith('smtp:'))
    .map((entry) => entry.slice('smtp:'.length).toLowerCase())
    .toSorted();
}

export function primaryOf(row: CmdletRow): string {
  return textOf(row, 'PrimarySmtpAddress').toLowerCase();
}
