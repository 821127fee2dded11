import type { Forwarding } from '../flow/forwarding.ts';

/** What is in the tenant. Addresses and domains are in lower case throughout. */
export interface LabUser {
  readonly id: string;
  readonly userPrincipalName: string;
  displayName: string;
  readonly mailNickname: string;
  accountEnabled: boolean;
  usageLocation: string | null;
  readonly password: string;
  readonly licences: Set<string>;
}

export interface LabMailbox {
  readonly address: string;
  readonly aliases: string[];
  activeSync: boolean;
  archive: boolean;
}

export interface LabList {
  readonly address: string;
  readonly name: string;
  readonly displayName: string;
  readonly outsidersMayWrite: boolean;
  readonly members: string[];
}

/** A recipient whose mail goes out of the tenant: a mail user has an account in it, a contact has not (exchange.md §6.4). */
export interface LabContact {
  readonly kind: 'MailContact' | 'MailUser';
  readonly name: string;
  readonly address: string;
  /** In lower case. */
  readonly external: string;
}

/** A Microsoft 365 or security group: Graph shows it, cmdlets for distribution lists do not. */
export interface LabGroup {
  readonly address: string;
  readonly unified: boolean;
}

/** Connectors, rules and policies: what was asked for, under the object's name. */
export type LabObjects = Map<string, Record<string, unknown>>;

export class TenantState {
  readonly users = new Map<string, LabUser>();
  readonly mailboxes = new Map<string, LabMailbox>();
  readonly lists = new Map<string, LabList>();
  readonly groups: LabGroup[] = [];
  readonly contacts = new Map<string, LabContact>();
  /** By the mailbox's primary address. */
  readonly forwardings = new Map<string, Forwarding>();
  readonly domains = new Map<string, 'Authoritative' | 'InternalRelay'>();
  readonly connectors: LabObjects = new Map();
  readonly rules: LabObjects = new Map();
  readonly #families = new Map<string, LabObjects>();
  /** Seats of the one licence on sale. */
  seats: number;

  constructor(domains: readonly string[], seats: number) {
    for (const domain of domains) this.domains.set(domain.toLowerCase(), 'Authoritative');
    this.seats = seats;
  }

  get seatsTaken(): number {
    return [...this.users.values()].filter((user) => user.licences.size > 0).length;
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

  isTaken(address: string): boolean {
    const key = address.toLowerCase();
    const isGroup = this.groups.some((group) => group.address === key);
    return isGroup || this.findMailbox(key) !== null || this.lists.has(key) || this.contacts.has(key);
  }

  findContact(identity: string): LabContact | null {
    const key = identity.toLowerCase();
    return this.contacts.get(key) ?? [...this.contacts.values()].find(({ name }) => name.toLowerCase() === key) ?? null;
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
