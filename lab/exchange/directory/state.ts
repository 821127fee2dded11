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
    return this.findMailbox(key) !== null || this.lists.has(key) || this.groups.some((group) => group.address === key);
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

  /** Where the domain's mail goes instead of the mailboxes, `host:port`; null = it is delivered (exchange.md §6.4). */
  redirection(domain: string): string | null {
    const key = domain.toLowerCase();
    for (const rule of this.rules.values()) {
      if (rule['State'] !== 'Enabled' || !textsIn(rule['RecipientDomainIs']).includes(key)) continue;
      const connector = this.connectors.get(String(rule['RouteMessageOutboundConnector']));
      const host = textsIn(connector?.['SmartHosts'])[0];
      if (connector?.['Enabled'] !== true || host === undefined) continue;
      return /:\d+$/.test(host) ? host : `${host}:25`;
    }
    return null;
  }
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

export function textsIn(value: unknown): string[] {
  const all: unknown[] = Array.isArray(value) ? value : [value];
  return all.filter((one) => typeof one === 'string').map((one) => one.toLowerCase());
}
