/** What is in a tenant. Addresses and domains are in lower case throughout; times are RFC 3339 in UTC. */
export interface LabUser {
  readonly id: string;
  readonly userPrincipalName: string;
  displayName: string;
  readonly mailNickname: string;
  accountEnabled: boolean;
  usageLocation: string | null;
  readonly password: string;
  /** Ids of the licences it has. */
  readonly licences: Set<string>;
  readonly createdAt: string;
  /** Null: nobody has signed in yet. */
  lastSignInAt: string | null;
}

export interface LabMailbox {
  /** Primary address. */
  address: string;
  readonly aliases: string[];
  kind: 'UserMailbox' | 'SharedMailbox';
  activeSync: boolean;
  imap: boolean;
  archive: boolean;
  maxReceiveBytes: number;
  maxSendBytes: number;
  retentionHold: boolean;
  retentionPolicy: string | null;
  readonly inboxRules: LabInboxRule[];
  junk: LabJunk;
  /** Who may send as this one. */
  readonly sendAs: Set<string>;
  /** Whoever opened it last, by whatever means; null: nobody. */
  lastLogonAt: string | null;
}

export interface LabInboxRule {
  readonly name: string;
  enabled: boolean;
  readonly forwardTo: readonly string[];
  readonly deletesMessage: boolean;
}

export interface LabJunk {
  enabled: boolean;
  trusted: readonly string[];
  blocked: readonly string[];
}

export interface LabList {
  readonly address: string;
  readonly name: string;
  readonly displayName: string;
  outsidersMayWrite: boolean;
  readonly members: string[];
  readonly sendAs: Set<string>;
}

/** A Microsoft 365 or security group: Graph shows it, cmdlets for distribution lists do not. */
export interface LabGroup {
  readonly address: string;
  readonly unified: boolean;
}

/** A recipient whose mail goes out of the tenant: a mail user has an account in it, a contact has not (exchange.md §6.4). */
export interface LabContact {
  readonly kind: 'MailContact' | 'MailUser';
  readonly name: string;
  readonly address: string;
  /** In lower case. */
  readonly external: string;
}

export interface LabSku {
  readonly skuId: string;
  readonly partNumber: string;
  /** How many were bought. */
  seats: number;
  /** `EXCHANGE_S_…` among them bring a mailbox. */
  readonly servicePlans: readonly string[];
}

/** Connectors, rules and policies: what was asked for, under the object's name. */
export type LabObjects = Map<string, Record<string, unknown>>;

/** Default of Exchange Online: 35 MB to send, 36 MB to receive (Set-MailboxPlan; exchange.md §1.6 has 35). */
export const DEFAULT_SEND_BYTES = 35 * 1_048_576;
export const DEFAULT_RECEIVE_BYTES = 36 * 1_048_576;
/** The ceiling that the licence sets (exchange.md §1.6). */
export const CEILING_BYTES = 150 * 1_048_576;

/** Exchange's own policy that tidies mailboxes up; a mailbox has it from its beginning. */
export const DEFAULT_RETENTION = 'Default MRM Policy';

export function newMailbox(address: string, fields: Partial<LabMailbox> = {}): LabMailbox {
  return {
    address,
    aliases: [],
    kind: 'UserMailbox',
    activeSync: true,
    imap: true,
    archive: false,
    maxReceiveBytes: DEFAULT_RECEIVE_BYTES,
    maxSendBytes: DEFAULT_SEND_BYTES,
    retentionHold: false,
    retentionPolicy: DEFAULT_RETENTION,
    inboxRules: [],
    junk: { enabled: true, trusted: [], blocked: [] },
    sendAs: new Set(),
    lastLogonAt: null,
    ...fields,
  };
}
