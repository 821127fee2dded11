import { MigrationError } from '../../domain/errors.ts';
import { DEFAULT_ROUTES } from '../../domain/plan.ts';
import type { EraserConnector } from '../../domain/ports/eraser.ts';
import type { HostedMailbox, MailAccount, MailConnector, MailTarget, TargetOptions } from '../../domain/ports/mail.ts';
import type { ProbeSession, RouteProber } from '../../domain/ports/route-probe.ts';
import { createRoutedTarget } from '../../domain/routed-target.ts';
import { type Route, type RouteOffer, type RouteVerdict, weakerOf } from '../../domain/routes.ts';

/** One way into mailboxes of hosted Exchange. */
export interface RouteOpener {
  /** @throws as MailConnector.openTarget */
  openTarget(account: HostedAccount, signal: AbortSignal, options?: TargetOptions): Promise<MailTarget>;
  /** @throws as MailConnector.openTarget */
  openProbe(account: HostedAccount, signal: AbortSignal, options?: TargetOptions): Promise<ProbeSession>;
}

export type HostedAccount = MailAccount & { readonly hosted: HostedMailbox };
export type RouteOpeners = Readonly<Partial<Record<Route, RouteOpener>>>;

/**
 * Mail to hosted Exchange by the route that a probe has chosen, with those beside it that take what it cannot hold, and to everything
 * else by `imap`. Before a probe has said anything, e.g.
 * when a test message is looked for, by the first route of the plan that opens.
 */
export function createHostedConnector(imap: MailConnector, openers: RouteOpeners): MailConnector & RouteProber {
  return {
    openSource: (account, signal) => imap.openSource(account, signal),
    async openTarget(account, signal, options) {
      if (!isHosted(account)) return await imap.openTarget(account, signal, options);
      const [main, ...others] = account.hosted.routes;
      if (main === undefined) return await openAny(openers, account, signal, options);
      const open = ({ route }: RouteVerdict) => openerOf(openers, route).openTarget(account, signal, options);
      const target = await open(main);
      const ways = others.filter(({ route }) => openers[route] !== undefined);
      return createRoutedTarget(
        target,
        offerOf(main, target.maxMessageBytes),
        ways.map((way) => ({ offer: offerOf(way, null), open: () => open(way), sameUids: true })),
      );
    },
    async openProbe(account, route, signal, options) {
      if (!isHosted(account)) throw new Error('unreachable: a plain IMAP target is not probed');
      return await openerOf(openers, route).openProbe(account, signal, options);
    },
  };
}

/** As the probe has seen it, which knows more of this server than the adapter does. */
function offerOf({ route, fidelity, keepsSignatures }: RouteVerdict, maxMessageBytes: number | null): RouteOffer {
  // What a JSON message cannot hold is not there to be seen, whatever became of the known one.
  const carries = weakerOf(fidelity ?? 'parts', route === 'graph-json' ? 'parts' : 'bytes');
  return {
    route,
    fidelity: carries,
    maxMessageBytes,
    keepsSignatures: carries !== 'parts' && keepsSignatures !== false,
  };
}

async function openAny(
  openers: RouteOpeners,
  account: HostedAccount,
  signal: AbortSignal,
  options: TargetOptions | undefined,
): Promise<MailTarget> {
  const { routes = DEFAULT_ROUTES, ews } = account.hosted.target;
  let first: unknown = null;
  for (const route of routes) {
    if (route === 'ews' && ews == null) continue;
    try {
      return await openerOf(openers, route).openTarget(account, signal, options);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof MigrationError)) throw error;
      first ??= error;
    }
  }
  throw first ?? new MigrationError('ROUTE_UNAVAILABLE', 'The plan names no route that could be used.');
}

function openerOf(openers: RouteOpeners, route: Route): RouteOpener {
  const opener = openers[route];
  if (opener !== undefined) return opener;
  throw new MigrationError('ROUTE_UNAVAILABLE', `This version has no route ${route}.`);
}

function isHosted(account: MailAccount): account is HostedAccount {
  return account.hosted != null;
}

/**
 * Erasers go by IMAP, whose UIDs are those of the ledger only where mail goes by it as well. Elsewhere nothing is removed, as on a
 * server that cannot remove exactly what it is told to.
 */
export function onlyByImap(erasers: EraserConnector): EraserConnector {
  return {
    async openEraser(proof, account, signal, options) {
      const [main] = account.hosted?.routes ?? [];
      if (account.hosted != null && main?.route !== 'imap') return null;
      return await erasers.openEraser(proof, account, signal, options);
    },
  };
}
