import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorCode, MigrationError } from '../domain/errors.ts';
import { DEFAULT_ROUTES, type Plan } from '../domain/plan.ts';
import type { MailAccount } from '../domain/ports/mail.ts';
import type { RouteProber } from '../domain/ports/route-probe.ts';
import type { MigrationStore, StoredMailbox } from '../domain/ports/store.ts';
import { probeRoutes } from '../domain/probe-route.ts';
import {
  type MailboxRoutes,
  mustProbe,
  type Route,
  type RouteVerdict,
  routeName,
  routesInUse,
  settleRoute,
} from '../domain/routes.ts';

export interface RoutePorts {
  readonly store: MigrationStore;
  readonly prober: RouteProber;
}

export interface RouteKeeper {
  /**
   * The account with the routes by which its mail goes, as far as they are known; a plain IMAP target as it is. No probe: for whoever
   * reads, or comes after a copy.
   */
  find(plan: Plan, mailbox: StoredMailbox, target: MailAccount): Promise<MailAccount>;
  /**
   * As {@link find}, after a probe where nothing is known, or what is known is old or in doubt. The caller holds the mailbox's lease.
   * @throws NO_ROUTE; what all routes fail with, where that is the same; what passes by itself
   */
  ensure(request: RouteRequest): Promise<MailAccount>;
  /**
   * What to throw in place of a failure of a route: ROUTE_LOST, once the doubt is recorded, so that the next attempt begins with a probe;
   * the failure itself where it says nothing of the route.
   */
  doubt(account: MailAccount, mailboxId: string, error: unknown, when: 'opening' | 'under way'): Promise<unknown>;
}

export interface RouteRequest {
  readonly plan: Plan;
  readonly mailbox: StoredMailbox;
  readonly target: MailAccount;
  readonly mayWrite: () => boolean;
  readonly signal: AbortSignal;
  /** Told when the route is another than before, or the first. */
  readonly onChange: (from: string | null, to: string) => void;
}

/** Of the routes that a plan allows, those whose interface it names. */
export function allowedRoutes({ target }: Plan): readonly Route[] {
  if (target.kind === 'imap') return [];
  return (target.routes ?? DEFAULT_ROUTES).filter((route) => route !== 'ews' || target.ews != null);
}

/** Knows by which ways mail gets into each mailbox of hosted Exchange (exchange.md §9.2). */
export function createRouteKeeper({ store, prober }: RoutePorts): RouteKeeper {
  return {
    find: async (plan, mailbox, target) => withRoutes(plan, mailbox, target, await store.findRoutes(mailbox.id)),
    async ensure({ plan, mailbox, target, mayWrite, signal, onChange }) {
      if (plan.target.kind === 'imap') return target;
      const allowed = allowedRoutes(plan);
      const before = await store.findRoutes(mailbox.id);
      if (before?.chosen != null && !mustProbe(before, allowed, Date.now())) {
        return withRoutes(plan, mailbox, target, before);
      }
      const account = withRoutes(plan, mailbox, target, null);
      const verdicts = await probeRoutes({
        routes: allowed,
        open: (route) => prober.openProbe(account, route, signal, { mayWrite }),
        mark: randomUUID().slice(0, 8),
        now: Date.now,
        pause: (ms) => delay(ms, undefined, { signal }),
        signal,
      });
      const chosen = settleRoute(verdicts, before, allowed);
      const routes: MailboxRoutes = { verdicts, chosen, probedAt: new Date().toISOString(), doubt: null };
      await store.recordRoutes(mailbox.id, routes);
      if (chosen === null) throw noRoute(verdicts);
      if (chosen !== before?.chosen) onChange(before === null ? null : routeName(before), routeName(routes));
      return withRoutes(plan, mailbox, target, routes);
    },
    async doubt(account, mailboxId, error, when) {
      const [main] = account.hosted?.routes ?? [];
      if (main === undefined || !(error instanceof MigrationError) || !isOfRoute(error.code, when)) return error;
      const routes = await store.findRoutes(mailboxId);
      if (routes === null) return error;
      await store.recordRoutes(mailboxId, { ...routes, doubt: `${error.code}: ${error.message}` });
      return new MigrationError('ROUTE_LOST', `Mail does not go by ${main.route} any more: ${error.message}`, {
        facts: { route: main.route, code: error.code },
        cause: error,
      });
    },
  };
}

function withRoutes(
  { target }: Plan,
  { planned }: StoredMailbox,
  account: MailAccount,
  routes: MailboxRoutes | null,
): MailAccount {
  if (target.kind === 'imap') return account;
  const inUse = routes === null ? [] : routesInUse(routes);
  return { ...account, hosted: { address: planned.address, target, routes: inUse } };
}

/** Failures that say of a way into a mailbox that it is closed, whether or not there is another. */
const AT_ANY_TIME: readonly ErrorCode[] = ['ROUTE_UNAVAILABLE', 'EWS_OFF', 'IMPERSONATION_DENIED', 'CONSENT_REVOKED'];
/** The source says these too, so they are the target's only where it alone was asked. */
const WHEN_OPENING: readonly ErrorCode[] = [
  'AUTH_FAILED',
  'BASIC_AUTH_OFF',
  'IMAP_OFF',
  'IMAP_APP_UNKNOWN',
  'IMAP_NOT_CONNECTED',
];

function isOfRoute(code: ErrorCode, when: 'opening' | 'under way'): boolean {
  return AT_ANY_TIME.includes(code) || (when === 'opening' && WHEN_OPENING.includes(code));
}

/** Where all routes fail alike, that is what a person has to mend; else the reason of each. */
function noRoute(verdicts: readonly RouteVerdict[]): MigrationError {
  const facts = { routes: verdicts.map(({ route }) => route).join(' ') };
  const [first] = verdicts;
  if (first?.hinderedBy && verdicts.every(({ hinderedBy }) => hinderedBy === first.hinderedBy)) {
    return new MigrationError(first.hinderedBy, first.findings[0] ?? first.hinderedBy, { facts });
  }
  const reasons = verdicts.map(({ route, findings: [reason = 'nothing was found out'] }) => `${route}: ${reason}`);
  return new MigrationError('NO_ROUTE', `No way into the mailbox can be used. ${reasons.join(' — ')}`, { facts });
}
