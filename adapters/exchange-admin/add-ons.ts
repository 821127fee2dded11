import { MigrationError } from '../../domain/errors.ts';
import { ADD_ONS, type AddOn } from '../../domain/plan.ts';
import type { Ensured } from '../../domain/ports/exchange-admin.ts';
import type { ProvisioningJournal } from '../../domain/provisioning/made.ts';
import { effectOrLook } from '../graph/outcome.ts';
import { type CmdletRow, textOf, textsOf } from './cmdlets.ts';
import { adoptJournaled, makeJournaled } from './journaled.ts';
import type { Tenant } from './tenant.ts';

interface AddOnKind {
  isOn(tenant: Tenant, address: string, mailbox: CmdletRow, signal: AbortSignal): Promise<boolean>;
  turnOn(tenant: Tenant, address: string, signal: AbortSignal): Promise<unknown>;
  /** Null: what is in it would be lost, so it stays. */
  readonly turnOff: ((tenant: Tenant, address: string, signal: AbortSignal) => Promise<unknown>) | null;
}

const KINDS: Readonly<Record<AddOn, AddOnKind>> = {
  activesync: {
    isOn: async ({ cmdlets }, address, _mailbox, signal) =>
      (await cmdlets.find('Get-CASMailbox', address, signal))?.['ActiveSyncEnabled'] === true,
    turnOn: ({ cmdlets }, address, signal) =>
      cmdlets.run('Set-CASMailbox', { Identity: address, ActiveSyncEnabled: true }, signal),
    turnOff: ({ cmdlets }, address, signal) =>
      cmdlets.run('Set-CASMailbox', { Identity: address, ActiveSyncEnabled: false }, signal),
  },
  archive: {
    isOn: (_tenant, _address, mailbox) => Promise.resolve(textOf(mailbox, 'ArchiveStatus') === 'Active'),
    turnOn: ({ cmdlets }, address, signal) =>
      cmdlets.run('Enable-Mailbox', { Identity: address, Archive: true }, signal),
    turnOff: null,
  },
  'spam-filter': policyRule('HostedContentFilter', 'Mailferry spam filter'),
  'advanced-security': policyRule('SafeLinks', 'Mailferry advanced security'),
};

export async function ensureAddOn(
  tenant: Tenant,
  address: string,
  addOn: AddOn,
  journal: ProvisioningJournal,
  signal: AbortSignal,
): Promise<Ensured> {
  const object = { kind: 'add-on', address: address.toLowerCase(), detail: addOn } as const;
  const isOn = async () => {
    const mailbox = await tenant.cmdlets.find('Get-Mailbox', address, signal);
    if (mailbox !== null) return await KINDS[addOn].isOn(tenant, address.toLowerCase(), mailbox, signal);
    throw new MigrationError('MAILBOX_NOT_READY', 'an add-on needs a mailbox that is still being made', {
      facts: { address, addOn },
    });
  };
  if (await isOn()) {
    await adoptJournaled(journal, object);
    return 'adopted';
  }
  await makeJournaled(journal, object, () => KINDS[addOn].turnOn(tenant, address.toLowerCase(), signal), isOn);
  return 'made';
}

/** @returns false where it stays, because what is in it would be lost */
export async function disableAddOn(
  tenant: Tenant,
  address: string,
  addOn: AddOn,
  signal: AbortSignal,
): Promise<boolean> {
  const { turnOff } = KINDS[addOn];
  if (turnOff === null) return false;
  await turnOff(tenant, address, signal);
  return true;
}

/** What is on for one mailbox, in the catalogue's order. */
export async function listAddOns(
  tenant: Tenant,
  address: string,
  mailbox: CmdletRow,
  signal: AbortSignal,
): Promise<AddOn[]> {
  const on: AddOn[] = [];
  for (const addOn of ADD_ONS) if (await KINDS[addOn].isOn(tenant, address, mailbox, signal)) on.push(addOn);
  return on;
}

/**
 * A protection policy of our own with one rule that names the mailboxes. A rule's `SentTo` is replaced as a whole, so two that add
 * to it at the same moment can lose one; the step reads all add-ons back and would be run again.
 */
function policyRule(family: 'HostedContentFilter' | 'SafeLinks', name: string): AddOnKind {
  const policy = `${family}Policy`;
  const rule = `${family}Rule`;
  const sentTo = (found: CmdletRow | null) => (found ? textsOf(found, 'SentTo').map((one) => one.toLowerCase()) : []);
  return {
    isOn: async ({ cmdlets }, address, _mailbox, signal) => {
      const found = await cmdlets.find(`Get-${rule}`, name, signal);
      return found !== null && textOf(found, 'State') === 'Enabled' && sentTo(found).includes(address);
    },
    turnOn: async ({ cmdlets }, address, signal) => {
      const found = await cmdlets.find(`Get-${rule}`, name, signal);
      if (found !== null) {
        return await cmdlets.run(`Set-${rule}`, { Identity: name, SentTo: [...sentTo(found), address] }, signal);
      }
      if ((await cmdlets.find(`Get-${policy}`, name, signal)) === null) {
        await effectOrLook(
          () => cmdlets.run(`New-${policy}`, { Name: name }, signal),
          async () => (await cmdlets.find(`Get-${policy}`, name, signal)) !== null,
        );
      }
      return await cmdlets.run(`New-${rule}`, { Name: name, [policy]: name, SentTo: [address] }, signal);
    },
    turnOff: async ({ cmdlets }, address, signal) => {
      const found = await cmdlets.find(`Get-${rule}`, name, signal);
      if (found === null || !sentTo(found).includes(address)) return;
      const others = sentTo(found).filter((one) => one !== address);
      // A rule without anybody would hold for everybody.
      if (others.length > 0) {
        await cmdlets.run(`Set-${rule}`, { Identity: name, SentTo: others }, signal);
        return;
      }
      await cmdlets.run(`Remove-${rule}`, { Identity: name, Confirm: false }, signal);
      if ((await cmdlets.find(`Get-${policy}`, name, signal)) !== null) {
        await cmdlets.run(`Remove-${policy}`, { Identity: name, Confirm: false }, signal);
      }
    },
  };
}
