import { MigrationError } from '../../domain/errors.ts';
import type { Ensured, ProvisionedMailbox, WantedMailbox } from '../../domain/ports/exchange-admin.ts';
import { segment } from '../graph/graph.ts';
import { effectOrLook } from '../graph/outcome.ts';
import { listAddOns } from './add-ons.ts';
import { added } from './cmdlets.ts';
import { chooseSku, listMailboxSkus, usageLocationOf } from './licences.ts';
import { aliasesOf, conflict, findRecipient, primaryOf, requireNoGroup, type Tenant } from './tenant.ts';

/** A mailbox appears minutes after its licence (exchange.md §6.1, recalled); asking more often than this only costs calls. */
const READY_POLL_MS = 5_000;

const USER_FIELDS = 'id,userPrincipalName,displayName,accountEnabled,usageLocation,assignedLicenses';

interface User {
  readonly id: string;
  readonly displayName: string;
  readonly accountEnabled: boolean;
  readonly usageLocation: string | null;
  readonly assignedLicenses: readonly { skuId: string }[];
}

/**
 * User, licence, mailbox, aliases, in this order; each is looked for before it is made. All conflicts are found before the first
 * change.
 * @throws PROVISIONING_CONFLICT, SEATS_EXHAUSTED, MAILBOX_NOT_READY (aliases need the mailbox; everything before them is done)
 */
export async function ensureMailbox(tenant: Tenant, wanted: WantedMailbox, signal: AbortSignal): Promise<Ensured> {
  const address = wanted.address.toLowerCase();
  const aliases = wanted.aliases.map((alias) => alias.toLowerCase());
  const known = await findUser(tenant, address, signal);
  const hasMailbox = await requireNoConflict(tenant, address, aliases, known, signal);
  const user = known ?? (await createUser(tenant, address, wanted, signal));
  const licensed = hasMailbox || (await ensureLicence(tenant, user, signal)) === 'adopted';
  if (aliases.length > 0) await ensureAliases(tenant, address, aliases, signal);
  return known !== null && licensed ? 'adopted' : 'made';
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
  if (mailbox === null) return { address, displayName: user.displayName, aliases: [], addOns: [], ready: false };
  return {
    address: primaryOf(mailbox),
    displayName: user.displayName,
    aliases: aliasesOf(mailbox),
    addOns: await listAddOns(tenant, address, mailbox, signal),
    ready: inbox !== null,
  };
}

async function findUser({ graph }: Tenant, address: string, signal: AbortSignal): Promise<User | null> {
  const found = await graph.find('get user', `/users/${segment(address)}?$select=${USER_FIELDS}`, signal);
  return found === null ? null : (found as User); // the fields are those that $select asks for
}

/** @returns whether the address has a mailbox already */
async function requireNoConflict(
  tenant: Tenant,
  address: string,
  aliases: readonly string[],
  user: User | null,
  signal: AbortSignal,
): Promise<boolean> {
  if (user?.accountEnabled === false) throw conflict('a blocked user', address);
  const owner = await findRecipient(tenant, address, signal);
  if (owner !== null && (primaryOf(owner) !== address || owner['RecipientTypeDetails'] !== 'UserMailbox')) {
    throw conflict(`another object (${String(owner['RecipientTypeDetails'])})`, address);
  }
  if (owner !== null && user === null) throw conflict('a mailbox whose user has another name', address);
  if (owner === null) await requireNoGroup(tenant, address, signal);
  for (const alias of aliases) {
    const holder = await findRecipient(tenant, alias, signal);
    if (holder !== null && primaryOf(holder) !== address) throw conflict('another object', alias);
  }
  return owner !== null;
}

async function createUser(tenant: Tenant, address: string, wanted: WantedMailbox, signal: AbortSignal): Promise<User> {
  const usageLocation = await usageLocationOf(tenant.graph, signal);
  const body = {
    accountEnabled: true,
    displayName: wanted.displayName,
    // Exchange allows few characters in it and 64 of them.
    mailNickname: address
      .replace(/@.*$/, '')
      .replaceAll(/[^\w.-]/g, '-')
      .slice(0, 64),
    userPrincipalName: address,
    usageLocation,
    // Clients sign in by IMAP and phone, where nobody can be asked for a new password.
    passwordProfile: { password: wanted.password, forceChangePasswordNextSignIn: false },
  };
  await effectOrLook(
    () => tenant.graph.post('create user', '/users', body, signal),
    async () => (await findUser(tenant, address, signal)) !== null,
  );
  const user = await findUser(tenant, address, signal);
  if (user !== null) return user;
  throw new MigrationError('OUTCOME_UNKNOWN', 'a user was made and the tenant does not show it yet', {
    facts: { call: 'create user' },
    retryAfterMs: READY_POLL_MS,
  });
}

async function ensureLicence(tenant: Tenant, user: User, signal: AbortSignal): Promise<Ensured> {
  const { graph } = tenant;
  const skus = await listMailboxSkus(graph, signal);
  const isLicensed = (one: User | null) =>
    one?.assignedLicenses.some(({ skuId }) => skus.some((sku) => sku.skuId === skuId)) ?? false;
  if (isLicensed(user)) return 'adopted';
  const path = `/users/${segment(user.id)}`;
  if (user.usageLocation === null) {
    const usageLocation = await usageLocationOf(graph, signal);
    await graph.patch('set usage location', path, { usageLocation }, signal);
  }
  const { skuId } = chooseSku(skus);
  const body = { addLicenses: [{ skuId, disabledPlans: [] }], removeLicenses: [] };
  await effectOrLook(
    () => graph.post('assign licence', `${path}/assignLicense`, body, signal),
    async () => isLicensed(await findUser(tenant, user.id, signal)),
  );
  return 'made';
}

async function ensureAliases(tenant: Tenant, address: string, aliases: readonly string[], signal: AbortSignal) {
  const { cmdlets } = tenant;
  const missing = async () => {
    const mailbox = await cmdlets.find('Get-Mailbox', address, signal);
    if (mailbox !== null) return aliases.filter((alias) => !aliasesOf(mailbox).includes(alias));
    throw new MigrationError('MAILBOX_NOT_READY', 'a new mailbox is still being made; its aliases wait for it', {
      facts: { address },
      retryAfterMs: READY_POLL_MS,
    });
  };
  const toAdd = await missing();
  if (toAdd.length === 0) return;
  const parameters = { Identity: address, EmailAddresses: added(toAdd.map((alias) => `smtp:${alias}`)) };
  await effectOrLook(
    () => cmdlets.run('Set-Mailbox', parameters, signal),
    async () => (await missing()).length === 0,
  );
}
