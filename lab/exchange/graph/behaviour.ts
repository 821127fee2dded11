/** What differs between tenants, times, or is not known of Graph's mail API. A test changes `tenant.graph` at any time. */
export interface GraphBehaviour {
  /** Whether `importMime` is there at all: beta, and not in every cloud (exchange.md §1.5). */
  importMime: boolean;
  /** UNKNOWN in exchange.md §1.5: what an imported message has for a date, and whether it is read. */
  importedReceived: 'now' | 'date-header';
  importedIsRead: boolean;
  /** MIME that makes a draft is taken apart and put together again (exchange.md §1.1); importMime keeps it. */
  reencodes: boolean;
  /** UNKNOWN in exchange.md §9.8: whether 0x007D of a JSON create comes back in `internetMessageHeaders`. */
  showsHeaderBlock: boolean;
  /** From then on, changes to sensitive properties of a non-draft need `Mail-Advanced.ReadWrite` (exchange.md §1.4). */
  sensitiveFrom: Date;
  /** UNKNOWN in exchange.md §1.4: whether 0x0E06 and named properties are sensitive then, and (§1.6) attachments. */
  propertiesAreSensitive: boolean;
  attachmentsAreSensitive: boolean;
  /** Lists, filters and delta do not see a new message before so long has passed; by its id it is there at once (exchange.md §9.4). */
  visibleAfterMs: number;
  /** UNKNOWN in exchange.md §6.3: how Graph puts it that nothing can be purged while retention is held. False: it is gone to the eye. */
  holdRefusesPurge: boolean;
  /** UNKNOWN: whether the undocumented name `archivemsgfolderroot` shows the in-place archive; public code has seen both. */
  showsArchive: boolean;
  /** Of a mailbox; null: it is never full. */
  quotaBytes: number | null;
  /** Each call takes so long and holds its place among the concurrent ones. */
  latencyMs: number;
  /** Per application and mailbox (exchange.md §3). */
  readonly limits: {
    concurrent: number;
    requests: number;
    requestWindowMs: number;
    uploadBytes: number;
    uploadWindowMs: number;
    /** Of `Retry-After` where too many calls run at once; fractions as Exchange gives them. */
    retryAfterSeconds: number;
  };
}

export function defaultGraphBehaviour(): GraphBehaviour {
  return {
    importMime: true,
    importedReceived: 'now',
    importedIsRead: false,
    reencodes: true,
    showsHeaderBlock: true,
    sensitiveFrom: new Date('2026-12-31T00:00:00Z'),
    propertiesAreSensitive: false,
    attachmentsAreSensitive: false,
    visibleAfterMs: 0,
    holdRefusesPurge: false,
    showsArchive: false,
    quotaBytes: null,
    latencyMs: 0,
    limits: {
      concurrent: 4,
      requests: 10_000,
      requestWindowMs: 600_000,
      uploadBytes: 150 * 1024 * 1024,
      uploadWindowMs: 300_000,
      retryAfterSeconds: 2.128,
    },
  };
}
