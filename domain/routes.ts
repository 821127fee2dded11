/** Ways by which a message gets into a mailbox of Exchange (exchange.md §9.1). A plain IMAP target has the first one only. */
export const ROUTES = ['imap', 'ews', 'graph-json', 'import-mime'] as const;
export type Route = (typeof ROUTES)[number];

/**
 * What comes back of a message that was written: the very `bytes`; the same `content` under another spelling (canonical fingerprint);
 * or only its `parts`, as a JSON message has one body, attachments and no structure.
 */
export type Fidelity = 'bytes' | 'content' | 'parts';

/** What one known message told of a route, when it was written into a hidden folder, read back and removed (exchange.md §9.2). */
export interface RouteVerdict {
  readonly route: Route;
  readonly usable: boolean;
  /** Null where nothing came back. */
  readonly fidelity: Fidelity | null;
  /** One plain sentence each: what was found, with what was asked for. No addresses. */
  readonly findings: readonly string[];
  /** RFC 3339 UTC. */
  readonly probedAt: string;
}
