import type { PlannedMailbox } from '../plan.ts';
import { faultOfAddress } from './exchange-names.ts';
import type { FoundHolder, FoundLicence, FoundList, TenantFacts } from './found.ts';

export type ConflictCode =
  | 'NO_SEAT'
  | 'LICENCE_UNKNOWN'
  | 'ADDRESS_TAKEN'
  | 'DOMAIN_NOT_VERIFIED'
  | 'NAME_ILLEGAL'
  | 'ALIAS_DOUBLED'
  | 'SOFT_DELETED'
  | 'OTHER_KIND'
  | 'USER_BLOCKED'
  | 'SENDER_MISSING';

export interface Conflict {
  readonly code: ConflictCode;
  /** What is in the way and what to do, one sentence. */
  readonly text: string;
}

/** - `create`: not there - `adopt`: there and fits - `change`: there, and something is added - `conflict`: not touched */
export type Verdict = 'create' | 'adopt' | 'change' | 'conflict';

export interface PlannedObject {
  readonly object: 'mailbox' | 'list';
  readonly address: string;
  readonly verdict: Verdict;
  /** What will be done, in order. */
  readonly changes: readonly string[];
  readonly conflicts: readonly Conflict[];
  /** What is there and is not as asked for; it is told and not touched. */
  readonly differences: readonly string[];
  /** Part number of the licence that it will take; null: none. */
  readonly licence: string | null;
}

export interface ProvisioningInput {
  readonly mailboxes: readonly PlannedMailbox[];
  /** All mailboxes of the list, when `mailboxes` is a part of it: aliases and senders are held against them. Absent: the same. */
  readonly everybody?: readonly PlannedMailbox[];
  readonly facts: TenantFacts;
  /** Who has an address now: every primary address and alias of `mailboxes`, in lower case. */
  readonly holders: ReadonlyMap<string, FoundHolder | null>;
}

/**
 * What will be made, taken over or left alone, mailbox by mailbox. Seats are dealt out in the order of the list. Everything that is
 * in the way is named at once, and whoever has a conflict is not touched at all.
 */
export function planMailboxes(input: ProvisioningInput): PlannedObject[] {
  const { mailboxes, everybody = mailboxes, facts, holders } = input;
  const seats = new Map(facts.licences.map(({ partNumber, freeSeats }) => [partNumber, freeSeats]));
  const world: World = { ...input, everybody, seats, aliasOwners: aliasOwnersOf(everybody) };
  return mailboxes.map((mailbox) => planMailbox(mailbox, holders.get(lower(mailbox.address)) ?? null, world));
}

/** A list with those who should be in it. `holder` has the list's address now. */
export function planList(
  wantedAddress: string,
  members: readonly string[],
  found: { readonly list: FoundList | null; readonly holder: FoundHolder | null },
  facts: TenantFacts,
): PlannedObject {
  const address = lower(wantedAddress);
  const conflicts = [...faultsOfName(address, 'further'), ...faultsOfDomain(address, facts)];
  const { list, holder } = found;
  if (holder !== null && (holder.kind !== 'list' || holder.primary !== address)) conflicts.push(taken(address, holder));
  const missing = members.map(lower).filter((member) => !list?.members.includes(member));
  const changes = [
    ...(list === null ? ['make the list, open to senders outside'] : []),
    ...missing.map((member) => `add the member ${member}`),
  ];
  const differences = list?.takesOutsiders === false ? ['refuses senders outside the organisation'] : [];
  return decide('list', address, list === null, conflicts, changes, differences, null);
}

interface World extends Required<ProvisioningInput> {
  /** Free seats that nobody before has taken, by part number. */
  readonly seats: Map<string, number>;
  readonly aliasOwners: ReadonlyMap<string, readonly string[]>;
}

function planMailbox(planned: PlannedMailbox, holder: FoundHolder | null, world: World): PlannedObject {
  const address = lower(planned.address);
  const wantsShared = planned.kind === 'shared';
  const hasMailbox = holder?.kind === 'user-mailbox' || holder?.kind === 'shared-mailbox';
  const conflicts = [
    ...faultsOfName(address, 'sign-in'),
    ...faultsOfDomain(address, world.facts),
    ...faultsOfHolder(address, holder, wantsShared),
    ...faultsOfBin(address, hasMailbox, world.facts),
    ...planned.aliases.flatMap((alias) => faultsOfAlias(lower(alias), address, world)),
    ...faultsOfSenders(planned, world),
  ];
  const licence =
    wantsShared || holder?.kind === 'user-mailbox' ? null : chooseLicence(planned, holder, world, conflicts);
  const aliases = planned.aliases.map(lower).filter((alias) => !holder?.aliases.includes(alias));
  const senders = (planned.sendAs ?? []).map(lower).filter((sender) => !holder?.sendAs.includes(sender));
  const changes = [
    ...(holder === null ? [wantsShared ? 'make a shared mailbox' : 'make a user'] : []),
    ...(licence === null ? [] : [`give the licence ${licence}`]),
    ...aliases.map((alias) => `add the alias ${alias}`),
    ...senders.map((sender) => `let ${sender} send as it`),
  ];
  const row = decide('mailbox', address, holder === null, conflicts, changes, differencesOf(planned, holder), licence);
  if (row.verdict !== 'conflict' && licence !== null) world.seats.set(licence, (world.seats.get(licence) ?? 0) - 1);
  return row;
}

function decide(
  object: PlannedObject['object'],
  address: string,
  isNew: boolean,
  conflicts: readonly Conflict[],
  changes: readonly string[],
  differences: readonly string[],
  licence: string | null,
): PlannedObject {
  if (conflicts.length > 0) {
    return { object, address, verdict: 'conflict', changes: [], conflicts, differences, licence: null };
  }
  const verdict = isNew ? 'create' : changes.length > 0 ? 'change' : 'adopt';
  return { object, address, verdict, changes, conflicts, differences, licence };
}

function faultsOfName(address: string, use: 'sign-in' | 'further'): Conflict[] {
  const fault = faultOfAddress(address, use);
  return fault === null ? [] : [{ code: 'NAME_ILLEGAL', text: `${address} ${fault}.` }];
}

function faultsOfDomain(address: string, { domains }: TenantFacts): Conflict[] {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  if (domains.some(({ name, verified }) => verified && lower(name) === domain)) return [];
  const known = domains.some(({ name }) => lower(name) === domain);
  const why = known ? 'is not verified in the tenant yet' : 'is no domain of the tenant';
  return [{ code: 'DOMAIN_NOT_VERIFIED', text: `${domain} ${why}; add and verify it there.` }];
}

function faultsOfHolder(address: string, holder: FoundHolder | null, wantsShared: boolean): Conflict[] {
  if (holder === null) return [];
  const { kind, primary, blocked } = holder;
  const isAccount = kind === 'user' || kind === 'user-mailbox' || kind === 'shared-mailbox';
  if (!isAccount || primary !== address) return [taken(address, holder)];
  if (wantsShared !== (kind === 'shared-mailbox')) {
    const [is, asked] = wantsShared ? ['a user', 'a shared mailbox'] : ['a shared mailbox', 'a user'];
    return [
      { code: 'OTHER_KIND', text: `${address} is ${is}, and ${asked} is asked for; convert it or change the list.` },
    ];
  }
  if (!blocked || kind === 'shared-mailbox') return [];
  return [{ code: 'USER_BLOCKED', text: `${address} is a user who may not sign in; unblock it or change the list.` }];
}

function faultsOfBin(address: string, hasMailbox: boolean, { deleted }: TenantFacts): Conflict[] {
  if (hasMailbox || !deleted.some((one) => lower(one) === address)) return [];
  const text = `${address} was deleted and can still be brought back, with its old mail; restore it or delete it for good.`;
  return [{ code: 'SOFT_DELETED', text }];
}

function faultsOfAlias(alias: string, address: string, { facts, holders, aliasOwners }: World): Conflict[] {
  const conflicts = [...faultsOfName(alias, 'further'), ...faultsOfDomain(alias, facts)];
  const owners = (aliasOwners.get(alias) ?? []).filter((owner) => owner !== address);
  if (alias === address || owners.length > 0) {
    const who = alias === address ? 'its own address' : owners.join(' and ');
    conflicts.push({
      code: 'ALIAS_DOUBLED',
      text: `The alias ${alias} is also asked for as ${who}; keep one of them.`,
    });
  }
  const holder = holders.get(alias) ?? null;
  if (holder !== null && holder.primary !== address) conflicts.push(taken(alias, holder));
  if (facts.deleted.some((one) => lower(one) === alias) && holder === null) {
    const text = `The alias ${alias} belongs to a deleted mailbox that can still be brought back; delete it for good.`;
    conflicts.push({ code: 'SOFT_DELETED', text });
  }
  return conflicts;
}

function faultsOfSenders({ address, sendAs = [] }: PlannedMailbox, { everybody }: World): Conflict[] {
  const known = new Set(everybody.map((mailbox) => lower(mailbox.address)));
  return sendAs
    .map(lower)
    .filter((sender) => !known.has(sender))
    .map((sender) => ({
      code: 'SENDER_MISSING',
      text: `${sender}, who should send as ${lower(address)}, is no mailbox of the list.`,
    }));
}

/** The licence of a user who has none that brings a mailbox; null where one is there, or none can be had. */
function chooseLicence(
  { address, licence: wanted = null }: PlannedMailbox,
  holder: FoundHolder | null,
  { facts, seats }: World,
  conflicts: Conflict[],
): string | null {
  if (holder !== null && holder.licences.length > 0) return null;
  const isFree = ({ partNumber }: FoundLicence) => (seats.get(partNumber) ?? 0) > 0;
  if (wanted === null) {
    const free = facts.licences.find(isFree);
    if (free) return free.partNumber;
    conflicts.push({ code: 'NO_SEAT', text: `No licence with a mailbox is left for ${address}; buy or free one.` });
    return null;
  }
  const found = facts.licences.find(({ partNumber }) => partNumber.toUpperCase() === wanted.toUpperCase());
  if (!found) {
    const text = `The tenant has no licence ${wanted} that brings a mailbox; buy it or change the list.`;
    conflicts.push({ code: 'LICENCE_UNKNOWN', text });
    return null;
  }
  if (isFree(found)) return found.partNumber;
  conflicts.push({ code: 'NO_SEAT', text: `No seat of ${wanted} is left for ${address}; buy or free one.` });
  return null;
}

function differencesOf({ displayName, licence = null }: PlannedMailbox, holder: FoundHolder | null): string[] {
  if (holder === null) return [];
  const differences: string[] = [];
  if (holder.displayName !== displayName) {
    differences.push(`is named '${holder.displayName}', asked was '${displayName}'`);
  }
  const { licences } = holder;
  if (licence !== null && licences.length > 0 && !licences.includes(licence)) {
    differences.push(`has the licence ${licences.join(', ')}, asked was ${licence}`);
  }
  return differences;
}

const HOLDER_WORDS: Readonly<Record<FoundHolder['kind'], string>> = {
  user: 'the user',
  'user-mailbox': 'the mailbox',
  'shared-mailbox': 'the shared mailbox',
  list: 'the distribution list',
  group: 'the group',
  contact: 'the contact',
  other: 'another object',
};

function taken(address: string, { kind, primary }: FoundHolder): Conflict {
  const as = primary === address ? '' : ` as an alias`;
  const who = primary === address ? HOLDER_WORDS[kind] : `${HOLDER_WORDS[kind]} ${primary}`;
  return { code: 'ADDRESS_TAKEN', text: `${address} belongs to ${who}${as}; free it there or change the list.` };
}

/** Alias or primary address → who of the list asks for it. */
function aliasOwnersOf(mailboxes: readonly PlannedMailbox[]): Map<string, string[]> {
  const owners = new Map<string, string[]>();
  for (const { address, aliases } of mailboxes) {
    for (const one of [address, ...aliases].map(lower)) owners.set(one, [...(owners.get(one) ?? []), lower(address)]);
  }
  return owners;
}

function lower(address: string): string {
  return address.toLowerCase();
}
