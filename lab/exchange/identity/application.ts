import { randomUUID, X509Certificate } from 'node:crypto';
import { type Resource, ROLES, type Role } from './roles.ts';

export interface ApplicationOptions {
  readonly clientId: string;
  readonly secrets?: readonly string[];
  /** PEM; the public half of what signs assertions. */
  readonly certificates?: readonly string[];
  /** What an administrator has granted; every role by default. */
  readonly roles?: readonly Role[];
  /** Addresses of the mailboxes that RBAC for Applications leaves it; all by default (exchange.md §9.6). */
  readonly mailboxes?: readonly string[];
}

/** A registration and its enterprise application. All of it may be changed at any time, and counts from the next call on. */
export class Application {
  readonly clientId: string;
  /** Of the enterprise application; what `New-ServicePrincipal -ObjectId` wants (exchange.md §5.1). */
  readonly principalId = randomUUID();
  /** Of the registration: the wrong one of the two, which people take by mistake. */
  readonly registrationId = randomUUID();
  readonly secrets: Set<string>;
  readonly certificates: X509Certificate[];
  readonly roles: Set<Role>;
  /** In lower case; null = all. */
  mailboxes: ReadonlySet<string> | null;
  /** What an administrator can take back: tokens are given all the same, and then lack every right. */
  consented = true;

  constructor(options: ApplicationOptions) {
    this.clientId = options.clientId;
    this.secrets = new Set(options.secrets);
    this.certificates = (options.certificates ?? []).map((pem) => new X509Certificate(pem));
    this.roles = new Set(options.roles ?? [...ROLES.graph, ...ROLES.exchange]);
    this.mailboxes = options.mailboxes ? new Set(options.mailboxes.map((address) => address.toLowerCase())) : null;
  }

  rolesFor(resources: readonly Resource[]): Role[] {
    if (!this.consented) return [];
    return resources.flatMap((resource) => ROLES[resource]).filter((role) => this.roles.has(role));
  }

  mayUse(mailbox: string): boolean {
    return this.mailboxes === null || this.mailboxes.has(mailbox.toLowerCase());
  }
}
