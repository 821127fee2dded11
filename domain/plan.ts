import type { LabelPolicy } from './gmail-labels.ts';
import type { RedirectionMeans } from './redirection.ts';
import type { Route } from './routes.ts';
import type { GateParty } from './steps.ts';

/**
 * A migration's plan after it was read and checked: what a person wrote in plan.yaml and the mailbox list, with defaults
 * filled in. It holds references to secrets, never secrets. Durations are milliseconds.
 */
export interface Plan {
  readonly client: PlannedClient;
  /** Persons who decide. At least one of party `client`. */
  readonly contacts: readonly PlannedContact[];
  readonly source: PlannedSource;
  readonly target: PlannedTarget;
  readonly dns: PlannedDns | null;
  readonly cutover: { readonly at: string | null; readonly timeZone: string };
  readonly policy: Policy;
  /** The agreed text of A1. */
  readonly agreement: { readonly text: string; readonly agreedBy: string; readonly agreedAt: string };
}

export interface PlannedClient {
  /** Short id, `[a-z0-9-]`: it stands in search attributes and fairness keys. */
  readonly id: string;
  readonly name: string;
  /** The organisation's mail domains; the first is the main one. */
  readonly domains: readonly string[];
}

export interface PlannedContact {
  /** Short id, `[a-z0-9-]`, distinct for each person. */
  readonly id: string;
  readonly name: string;
  readonly party: GateParty;
  /** Where links go. Must lie outside the domains that move (facts: the approver's own mailbox moves). */
  readonly email: string;
  /** Where one-time codes go: the second channel. */
  readonly codeEmail: string;
}

/** `tls` is implicit TLS; `starttls` requires STARTTLS; `none` needs allowInsecure. */
export type ConnectionSecurity = 'tls' | 'starttls' | 'none';

export interface ImapEndpoint {
  readonly host: string;
  readonly port: number;
  readonly security: ConnectionSecurity;
  /** Plain text was asked for in so many words. */
  readonly allowInsecure: boolean;
  /** File with PEM certificates of the authority to trust besides the system's; null = the system's only. */
  readonly caFile: string | null;
  /** Connections at the same time, over all workers. */
  readonly maxConnections: number;
  /** `xoauth2`: a token of the plan's `transfer` application in place of a password. Absent: `password`. */
  readonly auth?: 'password' | 'xoauth2';
}

/** What is absent has its default: plans that were stored before have none of these. */
export interface PlannedSource extends ImapEndpoint {
  /** Gmail sources: one copy a message, or one a label; `one-folder` by default. */
  readonly labels?: LabelPolicy;
  /** Gmail sources: labels that go before the others, `/` between levels; the others follow in the order of the alphabet. */
  readonly labelOrder?: readonly string[];
  /** Megabytes (10⁶) that may be read of one account in 24 hours; null: what is known of the server. */
  readonly dailyLimitMb?: number | null;
}

export type PlannedTarget =
  | { readonly kind: 'imap'; readonly imap: ImapEndpoint }
  | {
      /** One that the provider runs: its mailboxes exist already, and mail goes in by EWS or IMAP. */
      readonly kind: 'exchange-server';
      readonly imap: ImapEndpoint;
      readonly ews: EwsEndpoint;
      readonly routes: readonly Route[];
    }
  | {
      readonly kind: 'hosted-exchange';
      readonly imap: ImapEndpoint;
      readonly graph: AdminEndpoint;
      readonly exchangeAdmin: AdminEndpoint;
      /** The application that moves mail: not the one that provisions (exchange.md §9.6). Absent: `graph`. */
      readonly transfer?: AdminEndpoint | null;
      /** Exchange Web Services of an Exchange Server; Exchange Online has them off (exchange.md §4.1). */
      readonly ews?: EwsEndpoint | null;
      /** Routes that may be used, the best first; the probe decides which of them can. Absent: the order of DEFAULT_ROUTES. */
      readonly routes?: readonly Route[];
      /** Whether signed and encrypted mail may go by a route that breaks its signature. Absent: `keep`. */
      readonly signedMail?: 'keep' | 'may-break';
      /** Where the tenant receives mail from the internet; probes are sent there. */
      readonly smtp: SmtpEndpoint;
      /** Where redirected mail goes while the migration runs: the old server's SMTP entrance. */
      readonly redirectTo: RedirectTarget;
    };

/** Microsoft Graph or Exchange administration over HTTPS, with OAuth2 client credentials. */
export interface AdminEndpoint {
  readonly baseUrl: string;
  readonly tenantId: string;
  readonly clientId: string;
  /** Null with a certificate. */
  readonly clientSecret: SecretRef | null;
  /** PEM with private key and certificate, whose assertion stands for a secret (RFC 7523); absent or null: the secret. */
  readonly clientCertificate?: SecretRef | null;
  /** OAuth2 token endpoint. */
  readonly tokenUrl: string;
  readonly caFile: string | null;
}

/** Exchange Web Services, signed in to as a service account that may impersonate (exchange.md §4.2). */
export interface EwsEndpoint {
  /** e.g. `https://mail.example.test/EWS/Exchange.asmx` */
  readonly url: string;
  /** `basic`: user and secret; `oauth`: a token of `transfer`. */
  readonly auth: 'basic' | 'oauth';
  readonly user: string | null;
  readonly secret: SecretRef | null;
  readonly caFile: string | null;
}

export interface SmtpEndpoint {
  readonly host: string;
  readonly port: number;
}

/** What is absent has its default: plans that were stored before have none of these. */
export interface RedirectTarget extends SmtpEndpoint {
  /** Absent: `auto`, chosen by what the tenant allows. */
  readonly means?: 'auto' | RedirectionMeans;
  /** A domain that only the old server receives mail for, under which it knows the same people. Absent or null: no forwarding. */
  readonly routingDomain?: string | null;
  /** What to do with forwarding and rules of somebody else that are in the way. Absent: `stop`. */
  readonly existing?: 'stop' | 'replace';
}

/** `file:relative/or/absolute/path` or `env:NAME`; resolved only inside activities. */
export type SecretRef = string;

/** Targets of which a probe says by which routes mail goes in. */
export type ExchangeTarget = Extract<PlannedTarget, { kind: 'hosted-exchange' | 'exchange-server' }>;

/** Ways into an Exchange Server, which knows no Graph. */
export const SERVER_ROUTES: readonly Route[] = ['ews', 'imap'];

/** Without `target.routes` (ADR 7). */
export const DEFAULT_ROUTES: readonly Route[] = ['ews', 'imap', 'import-mime', 'graph-json'];

export type DnsPath = 'direct' | 'third-party-filter';

export interface PlannedDns {
  readonly path: DnsPath;
  /** Exactly the MX set that Hosted Exchange wants, e.g. `[{exchange: 'mx.hosted.example', preference: 0}]`. */
  readonly mx: readonly MxRecord[];
  /** With a third-party filter: the MX set that must stay as it is. */
  readonly filterMx: readonly MxRecord[];
  /** Target of `autodiscover.<domain>` CNAME. */
  readonly autodiscover: string;
  /** Mechanism that SPF has to include, e.g. `include:spf.hosted.example`. */
  readonly spfMechanism: string;
  /** Where the delegation is asked for; null = the system's resolver. `host:port`. */
  readonly resolver: string | null;
  /** Port of authoritative servers; 53 outside a lab. */
  readonly port: number;
}

export interface MxRecord {
  readonly exchange: string;
  readonly preference: number;
}

export interface Policy {
  /** Support ends when the old server was quiet for so long. */
  readonly quietMs: number;
  readonly stragglerEveryMs: number;
  readonly deltaEveryMs: number;
  readonly dnsEveryMs: number;
  /** Added to TTL arithmetic before propagation counts as proved. */
  readonly propagationGraceMs: number;
  /** How long a probe message may take. */
  readonly probeTimeoutMs: number;
  /** The cutover may not be nearer than this. */
  readonly cutoverLeadMs: number;
  readonly gateReminderEveryMs: number;
  /** Mailboxes that are copied at the same time, per migration. */
  readonly window: number;
  /**
   * Whether deltas take away at the target what was deleted at the source since it was copied. Absent, in plans that were stored
   * before: `keep`.
   */
  readonly deletions?: 'keep' | 'follow';
}

export const DEFAULT_POLICY: Required<Policy> = {
  quietMs: 7 * 86_400_000,
  stragglerEveryMs: 86_400_000,
  deltaEveryMs: 86_400_000,
  dnsEveryMs: 300_000,
  propagationGraceMs: 3_600_000,
  probeTimeoutMs: 900_000,
  cutoverLeadMs: 3_600_000,
  gateReminderEveryMs: 86_400_000,
  window: 4,
  deletions: 'keep',
};

export const ADD_ONS = ['activesync', 'archive', 'spam-filter', 'advanced-security'] as const;
export type AddOn = (typeof ADD_ONS)[number];

/** One line of the mailbox list. */
export interface PlannedMailbox {
  /** Primary address at the target. */
  readonly address: string;
  readonly displayName: string;
  readonly sourceUser: string;
  readonly sourceSecret: SecretRef;
  readonly targetUser: string;
  readonly targetSecret: SecretRef;
  readonly aliases: readonly string[];
  /** Addresses of distribution lists it belongs to. */
  readonly lists: readonly string[];
  readonly addOns: readonly AddOn[];
  /** `shared`: needs no licence, nobody signs in to it. Absent: `user`. */
  readonly kind?: 'user' | 'shared';
  /** Part number of the licence (`skuPartNumber`), e.g. `EXCHANGESTANDARD`. Absent or null: any that brings a mailbox. */
  readonly licence?: string | null;
  /** Mailboxes of the list whose owners may send as this one. */
  readonly sendAs?: readonly string[];
}

/** A fault of a plan file; line and column count from 1. */
export interface PlanFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}
