import type { AddOn, PlannedTarget } from '../plan.ts';
import type { FoundHolder, FoundList, TenantFacts } from '../provisioning/found.ts';
import type { MadeObject, ProvisioningJournal } from '../provisioning/made.ts';
import type { MailboxUse } from '../provisioning/plan-undo.ts';
import type { MailboxSettings, SettingChange } from '../provisioning/settings.ts';
import type { Forward, RedirectionMeans, RedirectionObstacles } from '../redirection.ts';
import type { RedirectionMemory } from './redirection.ts';

/** What a migration wants of the tenant, per mailbox. */
export interface WantedMailbox {
  readonly address: string;
  readonly displayName: string;
  readonly aliases: readonly string[];
  /** Resolved first password of a new account. */
  readonly password: string;
  /** Absent: `user`. */
  readonly kind?: 'user' | 'shared';
  /** Part number; absent or null: any that brings a mailbox. */
  readonly licence?: string | null;
}

/** What the tenant says there is: the read-back, never what was asked. */
export interface ProvisionedMailbox {
  readonly address: string;
  readonly kind: 'user' | 'shared';
  readonly displayName: string;
  readonly aliases: readonly string[];
  /** Part numbers of those that bring a mailbox. */
  readonly licences: readonly string[];
  /** Who may send as it. */
  readonly sendAs: readonly string[];
  readonly addOns: readonly AddOn[];
  /** False until the mailbox behind a new account can be used. */
  readonly ready: boolean;
}

/** What is asked for one domain. */
export interface WantedRedirection {
  readonly domain: string;
  /** The old server's entrance, `host:port`. */
  readonly smartHost: string;
  /** Every mailbox of the domain; empty where forwarding is not planned. */
  readonly forwards: readonly Forward[];
  /** `stop`: somebody else's forwarding or rule is a conflict. `replace`: it is recorded, and put back in the end. */
  readonly existing: 'stop' | 'replace';
}

export interface RedirectionState {
  /** Where the domain's mail goes on to, `host:port`; null when it is delivered. */
  readonly smartHost: string | null;
  /** Those of the wanted forwards that are set, with a copy kept, and that the tenant's policies let out. */
  readonly forwards: readonly Forward[];
}

/** `made` by this call, `adopted` because it was there and fitted. */
export type Ensured = 'made' | 'adopted';

/**
 * Administration of the hosted tenant. Every `ensure…` is idempotent: what exists and fits is taken over, what exists and
 * does not fit is PROVISIONING_CONFLICT and is not touched. What is made is told to the journal before and after, so that it can be taken
 * back; without one nobody remembers.
 * All calls: @throws TARGET_ADMIN_REFUSED, TARGET_ADMIN_UNREACHABLE, OUTCOME_UNKNOWN, THROTTLED, CONSENT_REVOKED, TLS_UNTRUSTED,
 * SECRET_MISSING
 */
export interface ExchangeAdmin {
  /**
   * User, licence, mailbox, aliases. A conflict is found before the first change.
   * @throws PROVISIONING_CONFLICT, SEATS_EXHAUSTED; MAILBOX_NOT_READY when all but the aliases is done: they wait for the mailbox
   */
  ensureMailbox(wanted: WantedMailbox, signal: AbortSignal, journal?: ProvisioningJournal): Promise<Ensured>;
  /** @returns null when the tenant has no such mailbox. */
  findMailbox(address: string, signal: AbortSignal): Promise<ProvisionedMailbox | null>;
  /** Makes the list and adds the members that lack; never removes any. @throws PROVISIONING_CONFLICT, MAILBOX_NOT_READY */
  ensureList(
    address: string,
    members: readonly string[],
    signal: AbortSignal,
    journal?: ProvisioningJournal,
  ): Promise<Ensured>;
  findList(address: string, signal: AbortSignal): Promise<FoundList | null>;
  /** Lets the owner of `sender` send as `address`. @throws MAILBOX_NOT_READY */
  ensureSendAs(address: string, sender: string, signal: AbortSignal, journal?: ProvisioningJournal): Promise<Ensured>;
  /** @throws MAILBOX_NOT_READY */
  ensureAddOn(address: string, addOn: AddOn, signal: AbortSignal, journal?: ProvisioningJournal): Promise<Ensured>;
  /** Licences, domains, bins. */
  readFacts(signal: AbortSignal): Promise<TenantFacts>;
  /** Whoever has an address, as primary one or as alias; null where it is free. */
  findHolder(address: string, signal: AbortSignal): Promise<FoundHolder | null>;
  /** @returns null when the tenant has no such mailbox. */
  findSettings(address: string, signal: AbortSignal): Promise<MailboxSettings | null>;
  /** Octets of one message: of the mailbox, or of the default plan before it is there. Null: no limit, or none that is told. */
  findMessageLimit(address: string, signal: AbortSignal): Promise<number | null>;
  /** Idempotent; what it was before goes to the journal. */
  changeSetting(
    address: string,
    change: SettingChange,
    signal: AbortSignal,
    journal: ProvisioningJournal,
  ): Promise<void>;
  /** Puts a setting to a value. Idempotent. */
  putSetting(address: string, name: SettingChange['name'], value: string, signal: AbortSignal): Promise<void>;
  /** @returns null when the tenant has no such mailbox. */
  findUse(address: string, signal: AbortSignal): Promise<MailboxUse | null>;
  /** Takes back what was made, other than settings. Idempotent. @returns false where it stays, because what is in it would be lost */
  removeMade(object: MadeObject, signal: AbortSignal): Promise<boolean>;
  /** What of the tenant stands in the way of each means. Changes nothing. @throws TARGET_ADMIN_REFUSED for a domain that is not the tenant's */
  findObstacles(wanted: WantedRedirection, signal: AbortSignal): Promise<RedirectionObstacles>;
  /**
   * Mail filter redirection of one domain by one means (exchange.md §6.4). Idempotent. What is there and not ours is recorded in
   * `memory` before it is changed, and changed only with `existing: 'replace'`.
   * @throws REDIRECTION_CONFLICT before the first change when something else is there
   */
  ensureRedirection(
    means: RedirectionMeans,
    wanted: WantedRedirection,
    memory: RedirectionMemory,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Takes one means away again and puts back what `memory` knows. Idempotent, also where nothing was ever on. What somebody
   * changed meanwhile stays as it is.
   * @returns what was left alone, a sentence each
   */
  endRedirection(
    means: RedirectionMeans,
    wanted: WantedRedirection,
    memory: RedirectionMemory,
    signal: AbortSignal,
  ): Promise<readonly string[]>;
  /** As the tenant reads it back now, of the domain and of each of its mailboxes. */
  findRedirection(wanted: WantedRedirection, signal: AbortSignal): Promise<RedirectionState>;
  /** Domains for which the tenant accepts mail. */
  listAcceptedDomains(signal: AbortSignal): AsyncIterable<string>;
}

/** Builds the client of one tenant from the plan's endpoints. */
export interface ExchangeAdminConnector {
  open(target: HostedTarget): ExchangeAdmin;
}

export type HostedTarget = Extract<PlannedTarget, { kind: 'hosted-exchange' }>;
