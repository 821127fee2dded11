import type { ErrorCode } from './errors.ts';

/** Ways by which a message gets into a mailbox of Exchange (exchange.md §9.1). A plain IMAP target has the first one only. */
export const ROUTES = ['imap', 'ews', 'graph-json', 'import-mime'] as const;
export type Route = (typeof ROUTES)[number];

/**
 * What comes back of a message that was written: the very `bytes`; the same `content` under another spelling (canonical fingerprint);
 * or only its `parts`, as a JSON message has one body, attachments and no structure.
 */
export type Fidelity = 'bytes' | 'content' | 'parts';

/** The one by which less is kept. */
export function weakerOf(one: Fidelity, other: Fidelity): Fidelity {
  const order: readonly Fidelity[] = ['parts', 'content', 'bytes'];
  return order.indexOf(one) < order.indexOf(other) ? one : other;
}

/** What one of several routes into a mailbox carries. */
export interface RouteOffer {
  readonly route: Route;
  /** `parts`: a message goes by it in its JSON form (domain/json-form.ts). */
  readonly fidelity: Fidelity;
  /** Null where it has no limit, or none that is known. */
  readonly maxMessageBytes: number | null;
  /** False where it writes anew what is signed, so that it does not verify any more. */
  readonly keepsSignatures: boolean;
}

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
  /** Other routes that showed the same messages under the same UIDs. Absent: none. */
  readonly agreesWith?: readonly Route[];
  /** The failure that kept the probe from its end. Absent: it came to its end. */
  readonly hinderedBy?: ErrorCode;
  /** False where it could not be tried now (busy, out of reach), which says nothing of the route. Absent: it was. */
  readonly tried?: boolean;
}

/** What is known of the ways into one mailbox. */
export interface MailboxRoutes {
  /** One for each route that the plan allows, the best first. */
  readonly verdicts: readonly RouteVerdict[];
  /** By which mail goes; null where none is usable. */
  readonly chosen: Route | null;
  /** RFC 3339 UTC. */
  readonly probedAt: string;
  /** What went wrong with a route since, so that all are looked at again. */
  readonly doubt: string | null;
}

/** A week: interfaces change, and permissions too, but a pass should not cost a probe each time. */
const VALID_MS = 7 * 86_400_000;
/** Where a route could not be tried, it is tried again soon. */
const VALID_UNTRIED_MS = 3_600_000;

/** Whether the routes have to be looked at before mail moves. */
export function mustProbe(known: MailboxRoutes | null, allowed: readonly Route[], nowMs: number): boolean {
  if (known === null || known.doubt !== null || !isSameOrder(known.verdicts, allowed)) return true;
  const validMs = known.verdicts.some(({ tried }) => tried === false) ? VALID_UNTRIED_MS : VALID_MS;
  return nowMs - Date.parse(known.probedAt) >= validMs;
}

/**
 * The route by which mail goes from now on. The one before stays while it is usable, though a better one may have become so: the UIDs that
 * the ledger knows are its. Another order in the plan is a wish, and the best one is taken.
 */
export function settleRoute(
  verdicts: readonly RouteVerdict[],
  before: MailboxRoutes | null,
  allowed: readonly Route[],
): Route | null {
  const usable = verdicts.filter((verdict) => verdict.usable).map(({ route }) => route);
  const kept = before !== null && isSameOrder(before.verdicts, allowed) ? before.chosen : null;
  return kept !== null && usable.includes(kept) ? kept : (usable[0] ?? null);
}

function isSameOrder(verdicts: readonly RouteVerdict[], allowed: readonly Route[]): boolean {
  return verdicts.map(({ route }) => route).join() === allowed.join();
}

/** The chosen route, and after it those that may take what it cannot hold: they see the same messages under the same UIDs. */
export function routesInUse({ verdicts, chosen }: MailboxRoutes): readonly RouteVerdict[] {
  const main = verdicts.find(({ route }) => route === chosen);
  if (main === undefined) return [];
  const others = verdicts.filter(({ route, usable, agreesWith = [] }) => {
    return usable && route !== main.route && (agreesWith.includes(main.route) || main.agreesWith?.includes(route));
  });
  return [main, ...others];
}

/** `imap (bytes)` or `no usable route`: for summaries. */
export function routeName({ verdicts, chosen }: MailboxRoutes): string {
  const main = verdicts.find(({ route }) => route === chosen);
  return main === undefined ? 'no usable route' : `${main.route} (${main.fidelity})`;
}
