import type { Forwarding } from '../flow/forwarding.ts';
import { MailboxRights } from '../identity/mailbox-rights.ts';
import { bringsMailbox, soldByDefault } from './licences.ts';
import type { LabContact, LabGroup, LabList, LabMailbox, LabObjects, LabSku, LabUser } from './objects.ts';

/** Who has an address. */
export type Holder = 'user' | 'mailbox' | 'list' | 'group' | 'contact';

export class TenantState {
  readonly users = new Map<string, LabUser>();
  /** By primary address. */
  readonly mailboxes = new Map<string, LabMailbox>();
  readonly lists = new Map<string, LabList>();
  readonly groups: LabGroup[] = [];
  readonly contacts = new Map<string, LabContact>();
  /** By the mailbox's primary address. */
  readonly forwardings = new Map<string, Forwarding>();
  /** Users that were deleted less than 30 days ago, and mailboxes whose licence or user went: they come back with it. */
  readonly deletedUsers: LabUser[] = [];
  readonly deletedMailboxes: LabMailbox[] = [];
  readonly domains = new Map<string, 'Authoritative' | 'InternalRelay'>();
  /** Known to the directory, and nobody has proved yet that they are his. */
  readonly unverifiedDomains = new Set<string>();
  readonly connectors: LabObjects = new Map();
  readonly rules: LabObjects = new Map();
  readonly #families = new Map<string, LabObjects>();
  readonly skus: LabSku[];
  /** How many messages a mailbox has. */
  countItems: (address: string) => number = () => 0;
  /** What Exchange itself knows of applications and mailboxes. */
  mailboxRights = new MailboxRights(() => null);
  now: () => number = Date.now;
  /** A mailbox is there from now on; whoever listens gives it its IMAP account. */
  addMailbox: (mailbox: LabMailbox, password: string) => void = (mailbox) => {
    this.mailboxes.set(mailbox.address, mailbox);
  };

  constructor(domains: readonly string[], sold: number | LabSku[]) {
    for (const domain of domains) this.domains.set(domain.toLowerCase(), 'Authoritative');
    this.skus = typeof sold === 'number' ? soldByDefault(sold) : sold;
  }

  /** Of the licences that bring a mailbox: how many were bought. Set: of the first kind. */
  get seats(): number {
    return this.skus.filter(bringsMailbox).reduce((sum, { seats }) => sum + seats, 0);
  }
  set seats(count: number) {
    const first = this.skus.find(bringsMailbox);
    if (first) first.seats = count;
  }

  get seatsTaken(): number {
    return this.skus.filter(bringsMailbox).reduce((sum, { skuId }) => sum + this.takenOf(skuId), 0);
  }

  takenOf(skuId: string): number {
    return [...this.users.values()].filter(({ licences }) => licences.has(skuId)).length;
  }

  /** Whether one of the user's licences brings a mailbox. */
  mayHaveMailbox({ licences }: LabUser): boolean {
    return this.skus.some((sku) => licences.has(sku.skuId) && bringsMailbox(sku));
  }

  /** Policies and rules of one family, e.g. `SafeLinksRule`. */
  policies(family: string): LabObjects {
    const found = this.#families.get(family) ?? new Map<string, Record<string, unknown>>();
    this.#families.set(family, found);
    return found;
  }

  findUser(idOrName: string): LabUser | null {
    const key = idOrName.toLowerCase();
    return this.users.get(key) ?? [...this.users.values()].find(({ id }) => id === key) ?? null;
  }

  /** By primary address or alias. */
  findMailbox(identity: string): LabMailbox | null {
    const key = identity.toLowerCase();
    return this.mailboxes.get(key) ?? [...this.mailboxes.values()].find(({ aliases }) => aliases.includes(key)) ?? null;
  }

  findList(identity: string): LabList | null {
    const key = identity.toLowerCase();
    return this.lists.get(key) ?? [...this.lists.values()].find(({ name }) => name.toLowerCase() === key) ?? null;
  }

  findContact(identity: string): LabContact | null {
    const key = identity.toLowerCase();
    return this.contacts.get(key) ?? [...this.contacts.values()].find(({ name }) => name.toLowerCase() === key) ?? null;
  }

  /** Who receives mail under an address; a user without a mailbox holds its name all the same. */
  holderOf(address: string): Holder | null {
    const key = address.toLowerCase();
    if (this.findMailbox(key)) return 'mailbox';
    if (this.lists.has(key)) return 'list';
    if (this.groups.some((group) => group.address === key)) return 'group';
    if (this.contacts.has(key)) return 'contact';
    return this.users.has(key) ? 'user' : null;
  }

  /** Whether anybody receives mail under an address. */
  isTaken(address: string): boolean {
    const holder = this.holderOf(address);
    return holder !== null && holder !== 'user';
  }

  /** A mailbox gets another primary address; who may send as it, and who is in which list, stays. */
  renameMailbox(mailbox: LabMailbox, address: string): void {
    this.mailboxes.delete(mailbox.address);
    mailbox.address = address;
    this.mailboxes.set(address, mailbox);
  }

  /** The user goes to the bin, and its mailbox with it; both are kept for 30 days. Lists lose it. */
  deleteUser(user: LabUser): void {
    this.users.delete(user.userPrincipalName);
    this.deletedUsers.push(user);
    user.licences.clear();
    this.deleteMailbox(user.userPrincipalName);
  }

  deleteMailbox(address: string): void {
    const mailbox = this.mailboxes.get(address);
    if (!mailbox) return;
    this.mailboxes.delete(address);
    this.deletedMailboxes.push(mailbox);
    for (const { members, sendAs } of this.lists.values()) {
      const at = members.indexOf(address);
      if (at >= 0) members.splice(at, 1);
      sendAs.delete(address);
    }
    for (const { sendAs } of this.mailboxes.values()) sendAs.delete(address);
  }

  isAccepted(address: string): boolean {
    return this.domains.has(domainOf(address));
  }

  /** Mailboxes in which mail for an address ends: the mailbox of an alias, the members of a list, lists in lists. */
  resolve(recipient: string): string[] {
    const found = new Set<string>();
    const seen = new Set<string>();
    const visit = (address: string) => {
      if (seen.has(address)) return; // a list may hold itself
      seen.add(address);
      const mailbox = this.findMailbox(address);
      if (mailbox) found.add(mailbox.address);
      for (const member of this.lists.get(address)?.members ?? []) visit(member);
    };
    visit(recipient.toLowerCase());
    return [...found].toSorted();
  }
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

export function textsIn(value: unknown): string[] {
  const all: unknown[] = Array.isArray(value) ? value : [value];
  return all.filter((one) => typeof one === 'string').map((one) => one.toLowerCase());
}
