import type { ProvisioningJournal } from '../../domain/provisioning/made.ts';
import { type MailboxSettings, type SettingChange, settingOf } from '../../domain/provisioning/settings.ts';
import { effectOrLook } from '../graph/outcome.ts';
import { type CmdletRow, textOf, textsOf } from './cmdlets.ts';
import { makeJournaled } from './journaled.ts';
import type { Tenant } from './tenant.ts';

/** @returns null where there is no mailbox */
export async function findSettings(
  tenant: Tenant,
  wantedAddress: string,
  signal: AbortSignal,
): Promise<MailboxSettings | null> {
  const address = wantedAddress.toLowerCase();
  const { cmdlets } = tenant;
  const mailbox = await cmdlets.find('Get-Mailbox', address, signal);
  if (mailbox === null) return null;
  const rules = await cmdlets.run('Get-InboxRule', { Mailbox: address }, signal);
  const junk = await cmdlets.find('Get-MailboxJunkEmailConfiguration', address, signal);
  return {
    ...limitsOf(mailbox),
    address,
    retentionHold: mailbox['RetentionHoldEnabled'] === true,
    retentionPolicy: textOf(mailbox, 'RetentionPolicy') || null,
    forwardsTo: ['ForwardingAddress', 'ForwardingSmtpAddress']
      .map((field) => textOf(mailbox, field).replace(/^smtp:/i, ''))
      .filter((target) => target !== ''),
    rules: rules
      .filter(
        (rule) => rule['Enabled'] === true && (textsOf(rule, 'ForwardTo').length > 0 || rule['DeleteMessage'] === true),
      )
      .map((rule) => textOf(rule, 'Name')),
    junkFilter: junk?.['Enabled'] === true,
    blockedSenders: junk === null ? 0 : textsOf(junk, 'BlockedSendersAndDomains').length,
  };
}

/** Octets of one message that a mailbox takes; that of the default plan where it is not there yet. */
export async function findMessageLimit(
  { cmdlets }: Tenant,
  address: string,
  signal: AbortSignal,
): Promise<number | null> {
  const mailbox = await cmdlets.find('Get-Mailbox', address.toLowerCase(), signal);
  const plans = mailbox === null ? await cmdlets.run('Get-MailboxPlan', {}, signal) : [];
  const found = mailbox ?? plans.find((plan) => plan['IsDefault'] === true) ?? plans[0];
  if (found === undefined) return null;
  const { maxReceiveBytes } = limitsOf(found);
  return Number.isFinite(maxReceiveBytes) ? maxReceiveBytes : null;
}

/** Changes one setting and remembers what it was; twice is the same as once. */
export async function changeSetting(
  tenant: Tenant,
  address: string,
  { name, before, after }: SettingChange,
  journal: ProvisioningJournal,
  signal: AbortSignal,
): Promise<void> {
  await makeJournaled(
    journal,
    { kind: 'setting', address: address.toLowerCase(), detail: name },
    () => setOne(tenant, address, name, after, signal),
    async () => await isSet(tenant, address, name, after, signal),
    before,
  );
}

/** Puts one setting to a value; twice is the same as once. */
export async function putSetting(
  tenant: Tenant,
  address: string,
  name: SettingChange['name'],
  value: string,
  signal: AbortSignal,
): Promise<void> {
  await effectOrLook(
    () => setOne(tenant, address, name, value, signal),
    () => isSet(tenant, address, name, value, signal),
  );
}

async function isSet(tenant: Tenant, address: string, name: SettingChange['name'], value: string, signal: AbortSignal) {
  const settings = await findSettings(tenant, address, signal);
  return settings !== null && settingOf(name, settings) === value;
}

async function setOne(tenant: Tenant, address: string, name: string, value: string, signal: AbortSignal) {
  const parameter =
    value === 'true' || value === 'false' ? value === 'true' : value === 'Infinity' ? 'Unlimited' : value;
  await tenant.cmdlets.run('Set-Mailbox', { Identity: address.toLowerCase(), [name]: parameter }, signal);
}

function limitsOf(row: CmdletRow): { maxReceiveBytes: number; maxSendBytes: number } {
  return { maxReceiveBytes: bytesOf(row, 'MaxReceiveSize'), maxSendBytes: bytesOf(row, 'MaxSendSize') };
}

/** Exchange writes `36 MB (37,748,736 bytes)` or `Unlimited`. */
function bytesOf(row: CmdletRow, field: string): number {
  const bytes = /\(([\d,]+) bytes\)/.exec(textOf(row, field))?.[1];
  return bytes === undefined ? Number.POSITIVE_INFINITY : Number(bytes.replaceAll(',', ''));
}
