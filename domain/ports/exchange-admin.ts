import type { AddOn, PlannedTarget } from '../plan.ts';

/** What a migration wants of the tenant, per mailbox. */
export interface WantedMailbox {
  readonly address: string;
  readonly displayName: string;
  readonly aliases: readonly string[];
  /** Resolved first password of a new account. */
  readonly password: string;
}

/** What the tenant says there is: the read-back, never what was asked. */
export interface ProvisionedMailbox {
  readonly address: string;
  readonly displayName: string;
  readonly aliases: readonly string[];
  readonly addOns: readonly AddOn[];
  /** False until the mailbox behind a new account can be used. */
  readonly ready: boolean;
}

export interface ProvisionedList {
  readonly address: string;
  readonly members: readonly string[];
}

/** `made` by this call, `adopted` because it was there and fitted. */
export type Ensured = 'made' | 'adopted';

/**
 * Administration of the hosted tenant. Every `ensure…` is idempotent: what exists and fits is taken over, what exists and
 * does not fit is PROVISIONING_CONFLICT and is not touched.
 * All calls: @throws TARGET_ADMIN_REFUSED, TARGET_ADMIN_UNREACHABLE, OUTCOME_UNKNOWN, THROTTLED, CONSENT_REVOKED, TLS_UNTRUSTED,
 * SECRET_MISSING
 */
export interface ExchangeAdmin {
  /**
   * User, licence, mailbox, aliases. A conflict is found before the first change.
   * @throws PROVISIONING_CONFLICT, SEATS_EXHAUSTED; MAILBOX_NOT_READY when all but the aliases is done: they wait for the mailbox
   */
  ensureMailbox(wanted: WantedMailbox, signal: AbortSignal): Promise<Ensured>;
  /** @returns null when the tenant has no such mailbox. */
  findMailbox(address: string, signal: AbortSignal): Promise<ProvisionedMailbox | null>;
  /** Makes the list and adds the members that lack; never removes any. @throws PROVISIONING_CONFLICT, MAILBOX_NOT_READY */
  ensureList(address: string, members: readonly string[], signal: AbortSignal): Promise<Ensured>;
  findList(address: string, signal: AbortSignal): Promise<ProvisionedList | null>;
  /** @throws MAILBOX_NOT_READY */
  ensureAddOn(address: string, addOn: AddOn, signal: AbortSignal): Promise<Ensured>;
  /**
   * Mail filter redirection: mail for the domain that reaches the tenant goes on to `smartHost` (`host:port`) instead of
   * the mailboxes. `null` switches it off. Idempotent.
   */
  ensureRedirection(domain: string, smartHost: string | null, signal: AbortSignal): Promise<void>;
  /** The smart host that is set now, as the tenant reads it back; null when mail is delivered directly. */
  findRedirection(domain: string, signal: AbortSignal): Promise<string | null>;
  /** Domains for which the tenant accepts mail. */
  listAcceptedDomains(signal: AbortSignal): AsyncIterable<string>;
}

/** Builds the client of one tenant from the plan's endpoints. */
export interface ExchangeAdminConnector {
  open(target: HostedTarget): ExchangeAdmin;
}

export type HostedTarget = Extract<PlannedTarget, { kind: 'hosted-exchange' }>;
