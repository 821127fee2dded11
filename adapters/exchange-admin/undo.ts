import { MigrationError } from '../../domain/errors.ts';
import { ADD_ONS } from '../../domain/plan.ts';
import type { MadeObject } from '../../domain/provisioning/made.ts';
import type { MailboxUse } from '../../domain/provisioning/plan-undo.ts';
import { segment } from '../graph/graph.ts';
import { effectOrLook } from '../graph/outcome.ts';
import { disableAddOn } from './add-ons.ts';
import { isRefusedAs, isStatus, removed } from './cmdlets.ts';
import { listMailboxSkus } from './licences.ts';
import { aliasesOf, type Tenant } from './tenant.ts';
import { findUser } from './users.ts';

/** @returns null where there is no mailbox */
export async function findUse(tenant: Tenant, address: string, signal: AbortSignal): Promise<MailboxUse | null> {
  const { cmdlets, graph } = tenant;
  const mailbox = await cmdlets.find('Get-Mailbox', address, signal);
  if (mailbox === null) return null;
  const statistics = await cmdlets.find('Get-MailboxStatistics', address, signal);
  const items = Number(statistics?.['ItemCount'] ?? 0);
  try {
    const path = `/users/${segment(address)}?$select=signInActivity`;
    const user = (await graph.find('get last sign-in', path, signal)) as {
      signInActivity?: { lastSignInDateTime?: unknown } | null;
    } | null;
    const at: unknown = user?.signInActivity?.lastSignInDateTime;
    return { items, lastSignInAt: typeof at === 'string' ? at : null };
  } catch (error) {
    // Needs AuditLog.Read.All and a tenant with Entra ID P1 (learn.microsoft.com/graph/api/resources/signinactivity).
    if (!(error instanceof MigrationError) || !['CONSENT_REVOKED', 'TARGET_ADMIN_REFUSED'].includes(error.code))
      throw error;
    return { items, lastSignInAt: 'unknown' };
  }
}

/**
 * Takes back one thing that this migration made; what is not there any more is as good as removed. A setting is put back by
 * whoever knows what it was.
 * @returns false where it stays, because what is in it would be lost
 */
export async function removeMade(tenant: Tenant, object: MadeObject, signal: AbortSignal): Promise<boolean> {
  try {
    return await remove(tenant, object, signal);
  } catch (error) {
    if (isStatus(error, 404) || isRefusedAs(error, 'MemberNotFoundException')) return true;
    throw error;
  }
}

async function remove(tenant: Tenant, { kind, address, detail }: MadeObject, signal: AbortSignal): Promise<boolean> {
  const { cmdlets, graph } = tenant;
  const confirmed = { Confirm: false };
  const gone = async (cmdlet: string) => (await cmdlets.find(cmdlet, address, signal)) === null;
  switch (kind) {
    case 'user': {
      const user = await findUser(tenant, address, signal);
      if (user === null) return true;
      await effectOrLook(
        () => graph.remove('delete user', `/users/${segment(user.id)}`, signal),
        async () => (await findUser(tenant, address, signal)) === null,
      );
      return true;
    }
    case 'shared-mailbox':
      await effectOrLook(
        () => cmdlets.run('Remove-Mailbox', { Identity: address, ...confirmed }, signal),
        () => gone('Get-Mailbox'),
      );
      return true;
    case 'licence': {
      const user = await findUser(tenant, address, signal);
      const sku = (await listMailboxSkus(graph, signal)).find(({ partNumber }) => partNumber === detail);
      if (user === null || sku === undefined) return true;
      const has = (one: typeof user | null) => one?.assignedLicenses.some(({ skuId }) => skuId === sku.skuId) ?? false;
      if (!has(user)) return true;
      const body = { addLicenses: [], removeLicenses: [sku.skuId] };
      await effectOrLook(
        () => graph.post('take licence away', `/users/${segment(user.id)}/assignLicense`, body, signal),
        async () => !has(await findUser(tenant, address, signal)),
      );
      return true;
    }
    case 'alias': {
      const has = async () => {
        const mailbox = await cmdlets.find('Get-Mailbox', address, signal);
        return mailbox !== null && aliasesOf(mailbox).includes(detail);
      };
      if (!(await has())) return true;
      const parameters = { Identity: address, EmailAddresses: removed([`smtp:${detail}`]) };
      await effectOrLook(
        () => cmdlets.run('Set-Mailbox', parameters, signal),
        async () => !(await has()),
      );
      return true;
    }
    case 'list':
      await effectOrLook(
        () => cmdlets.run('Remove-DistributionGroup', { Identity: address, ...confirmed }, signal),
        () => gone('Get-DistributionGroup'),
      );
      return true;
    case 'member':
      await cmdlets.run('Remove-DistributionGroupMember', { Identity: address, Member: detail, ...confirmed }, signal);
      return true;
    case 'send-as': {
      const right = { Identity: address, Trustee: detail, AccessRights: ['SendAs'], ...confirmed };
      await cmdlets.run('Remove-RecipientPermission', right, signal);
      return true;
    }
    case 'add-on': {
      const addOn = ADD_ONS.find((one) => one === detail);
      return addOn === undefined || (await disableAddOn(tenant, address, addOn, signal));
    }
    case 'setting':
      throw new Error('a setting is put back, not removed');
  }
}
