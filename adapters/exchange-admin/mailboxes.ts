import { MigrationError } from '../../domain/errors.ts';
import type { Ensured, ProvisionedMailbox, WantedMailbox } from '../../domain/ports/exchange-admin.ts';
import type { ProvisioningJournal } from '../../domain/provisioning/made.ts';
import { segment } from '../graph/graph.ts';
import { listAddOns } from './add-ons.ts';
import { added } from './cmdlets.ts';
import { adoptJournaled, makeJournaled } from './journaled.ts';
import { chooseSku, listMailboxSkus, usageLocationOf } from './licences.ts';
import { listSenders } from './send-as.ts';
import { aliasesOf, conflict, findRecipient, primaryOf, requireNoGroup, type Tenant } from './tenant.ts';
import { createUser, findUser, nicknameOf, type User } from './users.ts';

/** A mailbox appears minutes after its licence (exchange.md §6.1, recalled); asking more often than this only costs calls. */
const READY_POLL_MS = 5_000;

/**
 * User, licence, mailbox, aliases, in this order; each is looked for before it is made. All conflicts are found before the first
 * change.
 * @throws PROVISIONING_CONFLICT, SEATS_EXHAUSTED, MAILBOX_NOT_READY (aliases need the mailbox; everything before them is done)
 */
export async function ensureMailbox(
  tenant: Tenant,
  wanted: WantedMailbox,
  journal: ProvisioningJournal,
  signal: AbortSignal,
): Promise<Ensured> {
  const address = wanted.address.toLowerCase();
  const aliases = wanted.aliases.map((alias) => alias.toLowerCase());
  const isShared = wanted.kind === 'shared';
  const known = await findUser(tenant, address, signal);
  const hasMailbox = await requireNoConflict(tenant, address, aliases, known, isShared, signal);
  const before = isShared
    ? await ensureShared(tenant, address, wanted, hasMailbox, journal, signal)
    : await ensureLicensed(tenant, address, wanted, known, hasMailbox, journal, signal);
  const addedAliases = aliases.length > 0 && (await ensureAliases(tenant, address, aliases, journal, signal));
  return before === 'adopted' && !addedAliases ? 'adopted' : 'made';
}

export async function findMailbox(
  tenant: Tenant,
  wantedAddress: string,
  signal: AbortSignal,
): Promise<ProvisionedMailbox | null> {
  const address = wantedAddress.toLowerCase();
  const user = await findUser(tenant, address, signal);
  if (user === null) return null;
  const inbox = await tenant.graph.find('get inbox', `/users/${segment(user.id)}/mailFolders/inbox`, signal);
  const mailbox = await tenant.cmdlets.find('Get-Mailbox', address, signal);
  const { displayName } = user;
  if (mailbox === null) {
    return { address, kind: 'user', displayName, aliases: [], licences: [], sendAs: [], addOns: [], ready: false };
  }
  const skus = await listMailboxSkus(tenant.graph, signal);
  return {
    address: primaryOf(mailbox),
    kind: mailbox['RecipientTypeDetails'] === 'SharedMailbox' ? 'shared' : 'user',
    displayName,
    aliases: aliasesOf(mailbox),
    licences: user.assignedLicenses.flatMap(({ skuId }) => skus.find((sku) => sku.skuId === skuId)?.partNumber ?? []),
    sendAs: await listSenders(tenant, address, signal),
    addOns: await listAddOns(tenant, address, mailbox, signal),
    ready: inbox !== null,
  };
}

/** @returns whether the address has a mailbox already */
async function requireNoConflict(
  tenant: Tenant,
  address: string,
  aliases: readonly string[],
  user: User | null,
  isShared: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const wantedType = isShared ? 'SharedMailbox' : 'UserMailbox';
  if (!isShared && user?.accountEnabled === false) throw conflict('a blocked user', address);
  const owner = await findRecipient(tenant, address, signal);
  if (owner !== null && (primaryOf(owner) !== address || owner['RecipientTypeDetails'] !== wantedType)) {
    throw conflict(`another object (${String(owner['RecipientTypeDetails'])})`, address);
  }
  if (owner !== null && user === null) throw conflict('a mailbox whose user has another name', address);
  if (owner === null && user !== null && isShared) throw conflict('a user', address);
  if (owner === null) await requireNoGroup(tenant, address, signal);
  for (const alias of aliases) {
    const holder = await findRecipient(tenant, alias, signal);
    if (holder !== null && primaryOf(holder) !== address) throw conflict('another object', alias);
  }
  return owner !== null;
}

/** Needs no licence, and has a user to whom nobody signs in (exchange.md §6.3). */
async function ensureShared(
  { cmdlets }: Tenant,
  address: string,
  wanted: WantedMailbox,
  isThere: boolean,
  journal: ProvisioningJournal,
  signal: AbortSignal,
): Promise<Ensured> {
  const object = { kind: 'shared-mailbox', address, detail: '' } as const;
  if (isThere) {
    await adoptJournaled(journal, object);
    return 'adopted';
  }
  const parameters = {
    // Unique in the tenant, at most 64 characters.
    Name: nicknameOf(address),
    Shared: true,
    DisplayName: wanted.displayName,
    PrimarySmtpAddress: address,
  };
  await makeJournaled(
    journal,
    object,
    () => cmdlets.run('New-Mailbox', parameters, signal),
    async () => (await cmdlets.find('Get-Mailbox', address, signal)) !== null,
  );
  return 'made';
}

async function ensureLicensed(
  tenant: Tenant,
  address: string,
  wanted: WantedMailbox,
  known: User | null,
  hasMailbox: boolean,
  journal: ProvisioningJournal,
  signal: AbortSignal,
): Promise<Ensured> {
  if (known !== null) await adoptJournaled(journal, { kind: 'user', address, detail: '' });
  const user = known ?? (await createUser(tenant, address, wanted, journal, signal));
  const licensed = hasMailbox ? 'adopted' : await ensureLicence(tenant, address, user, wanted, journal, signal);
  return known === null ? 'made' : licensed;
}

async function ensureLicence(
  tenant: Tenant,
  address: string,
  user: User,
  wanted: WantedMailbox,
  journal: ProvisioningJournal,
  signal: AbortSignal,
): Promise<Ensured> {
  const { graph } = tenant;
  const skus = await listMailboxSkus(graph, signal);
  const licenceOf = (one: User | null) =>
    one?.assignedLicenses.flatMap(({ skuId }) => skus.find((sku) => sku.skuId === skuId) ?? [])[0] ?? null;
  const found = licenceOf(user);
  if (found !== null) {
    await adoptJournaled(journal, { kind: 'licence', address, detail: found.partNumber });
    return 'adopted';
  }
  const path = `/users/${segment(user.id)}`;
  if (user.usageLocation === null) {
    const usageLocation = await usageLocationOf(graph, signal);
    await graph.patch('set usage location', path, { usageLocation }, signal);
  }
  const { skuId, partNumber } = chooseSku(skus, wanted.licence ?? null);
  const body = { addLicenses: [{ skuId, disabledPlans: [] }], removeLicenses: [] };
  await makeJournaled(
    journal,
    { kind: 'licence', address, detail: partNumber },
    () => graph.post('assign licence', `${path}/assignLicense`, body, signal),
    async () => licenceOf(await findUser(tenant, user.id, signal)) !== null,
  );
  return 'made';
}

/** @returns whether any was added */
async function ensureAliases(
  { cmdlets }: Tenant,
  address: string,
  aliases: readonly string[],
  journal: ProvisioningJournal,
  signal: AbortSignal,
): Promise<boolean> {
  const missing = async () => {
    const mailbox = await cmdlets.find('Get-Mailbox', address, signal);
    if (mailbox !== null) return aliases.filter((alias) => !aliasesOf(mailbox).includes(alias));
    throw new MigrationError('MAILBOX_NOT_READY', 'a new mailbox is still being made; its aliases wait for it', {
      facts: { address },
      retryAfterMs: READY_POLL_MS,
    });
  };
  const toAdd = await missing();
  const objects = aliases.map((alias) => ({ kind: 'alias', address, detail: alias }) as const);
  for (const object of objects) if (!toAdd.includes(object.detail)) await adoptJournaled(journal, object);
  if (toAdd.length === 0) return false;
  const parameters = { Identity: address, EmailAddresses: added(toAdd.map((alias) => `smtp:${alias}`)) };
  await makeJournaled(
    journal,
    objects.filter(({ detail }) => toAdd.includes(detail)),
    () => cmdlets.run('Set-Mailbox', parameters, signal),
    async () => (await missing()).length === 0,
  );
  return true;
}
