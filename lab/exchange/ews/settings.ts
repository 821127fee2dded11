export interface ServiceAccount {
  readonly password: string;
  /** Has the management role ApplicationImpersonation (exchange.md §4.2). */
  mayImpersonate: boolean;
}

/** What an administrator of the server can set, at any time. Given as Exchange Server has it at first (exchange.md §4.2). */
export class EwsSettings {
  /**
   * Null: EWS is on. Exchange Online turns it off tenant by tenant from 2026-10-01 (exchange.md §4.1); how the refusal looks is
   * told by clients only: HTTP 403, and ErrorAccessDenied in older servers. Both are there.
   */
  off: null | 'forbidden' | 'access-denied' = null;
  /** Where it is set, only these applications may call: `EwsAllowedAppIDs` (exchange.md §4.1). */
  allowedAppIds: readonly string[] | null = null;
  /** Accounts that sign in with a password, in lower case, beside the mailboxes' own. */
  readonly serviceAccounts = new Map<string, ServiceAccount>();
  /** `maxAllowedContentLength`, of the whole request (exchange.md §4.2). */
  maxRequestBytes = 67_108_864;
  /** `Set-TransportConfig -MaxReceiveSize` (exchange.md §4.2). */
  maxMessageBytes = 10 * 1024 * 1024;
  /** Of one mailbox; null = no limit. */
  quotaBytes: number | null = null;
  /** `EWSMaxConcurrency`: requests that one account may have open (exchange.md §4.2). */
  maxConcurrency = 27;
  /** `EWSFindCountLimit`: rows in one page, whatever was asked for (exchange.md §4.2). */
  maxRows = 1_000;
  /** So long a new message is not seen by FindItem (exchange.md §9.4). */
  visibleAfterMs = 0;
  /** GetItem gives MIME with its parts in another encoding, canonically equal; off, as MIME is kept (exchange.md §9.1). */
  reEncodes = false;
  /** Requests wait for it before they are answered; for tests of concurrency. */
  gate: Promise<void> | null = null;
}
