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
  /** Whether the bytes under a signature come back as they were. Null or absent: nothing came back. */
  readonly keepsSignatures?: boolean | null;
  /** False where it could not be tried now (busy, out of reach), which says nothing of the route. Absent: it was. */
  readonly tried?: boolean;
}

/** What is known of the ways into one mailbox. */
export interface MailboxRoutes {
  /** One for each route that the plan allows, the best first. */
  readonly verdicts: readonly RouteVerdict[];
  /** RFC 3339 UTC. */
  readonly probedAt: string;
  /** A route failed since in a way that asks for another look; its sentence. */
  readonly doubt: string | null;
}

/** A week: interfaces change, and permissions too, but a pass should not cost a probe each time. */
const VALID_MS = 7 * 86_400_000;
/** Where a route could not be tried, it is tried again soon. */
const VALID_UNTRIED_MS = 3_600_000;

/** Whether the routes have to be looked at before mail moves. */
export function mustProbe(known: MailboxRoutes | null, allowed: readonly Route[], nowMs: number): boolean {
  if (known === null || known.doubt !== null) return true;
  if (known.verdicts.map(({ route }) => route).join() !== allowed.join()) return true;
  const validMs = known.verdicts.some(({ tried }) => tried === false) ? VALID_UNTRIED_MS : VALID_MS;
  return nowMs - Date.parse(known.probedAt) >= validMs;
}

/** The best route that is usable. */
export function findRoute({ verdicts }: MailboxRoutes): RouteVerdict | null {
  return verdicts.find(({ usable }) => usable) ?? null;
}

/** `imap (bytes)` or `no usable route`: for summaries. */
export function routeName(routes: MailboxRoutes): string {
  const chosen = findRoute(routes);
  return chosen === null ? 'no usable route' : `${chosen.route} (${chosen.fidelity})`;
}
