/** What a tenant says it has, before anything is made. Addresses are in lower case. */
export type HolderKind =
  | 'user' //           an account without a mailbox
  | 'user-mailbox'
  | 'shared-mailbox'
  | 'list'
  | 'group' //          a Microsoft 365 or security group
  | 'contact'
  | 'other';

/** Whoever has an address, as primary one or as alias. */
export interface FoundHolder {
  readonly kind: HolderKind;
  /** Its own primary address. */
  readonly primary: string;
  readonly displayName: string;
  readonly aliases: readonly string[];
  /** Nobody can sign in to it. */
  readonly blocked: boolean;
  /** Part numbers of the licences that bring a mailbox. */
  readonly licences: readonly string[];
  /** Who may send as it. */
  readonly sendAs: readonly string[];
}

export interface FoundList {
  readonly address: string;
  readonly members: readonly string[];
  /** Senders outside the organisation reach it. */
  readonly takesOutsiders: boolean;
}

/** Of the whole tenant. */
export interface TenantFacts {
  /** Licences that bring a mailbox, in the tenant's order. */
  readonly licences: readonly FoundLicence[];
  readonly domains: readonly FoundDomain[];
  /** Addresses of users and mailboxes that were deleted and can still be brought back. */
  readonly deleted: readonly string[];
}

export interface FoundLicence {
  /** `skuPartNumber`, e.g. `EXCHANGESTANDARD`. */
  readonly partNumber: string;
  readonly freeSeats: number;
}

export interface FoundDomain {
  readonly name: string;
  /** Its owner has proved that it is his, and mail for it is taken. */
  readonly verified: boolean;
}
