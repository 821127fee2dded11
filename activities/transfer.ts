import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { ByteBudget } from '../domain/byte-budget.ts';
import { copyMailbox } from '../domain/copy-mailbox.ts';
import { MigrationError } from '../domain/errors.ts';
import { hasWork } from '../domain/look-at-mailbox.ts';
import type { Pass } from '../domain/passes.ts';
import type { DailyReads, HostConnections } from '../domain/ports/connections.ts';
import type { ExchangeAdminConnector } from '../domain/ports/exchange-admin.ts';
import type { Ledger } from '../domain/ports/ledger.ts';
import type { MailConnector } from '../domain/ports/mail.ts';
import type { Redirections } from '../domain/ports/redirection.ts';
import type { MigrationStore, StoredMailbox } from '../domain/ports/store.ts';
import type { TenantAccess } from '../domain/ports/tenant-access.ts';
import { preflightMailbox } from '../domain/preflight-mailbox.ts';
import { EXCHANGE_SERVER, HOSTED_EXCHANGE } from '../domain/target-limits.ts';
import { checkAccess } from './check-access.ts';
import { type DeletionPorts, followDeletionsOfPass, followsDeletions, hasRemovable } from './deletions.ts';
import { hostedLimits } from './hosted-limits.ts';
import { atMost, openFirstLane, openSpareLane } from './lanes.ts';
import { mailAccounts, mostSessions } from './mail-accounts.ts';
import { nextPosition } from './mailbox-pages.ts';
import { createRouteKeeper, type RoutePorts } from './mailbox-routes.ts';
import type { ProbePorts } from './probes.ts';
import { createProbeActivities } from './probes.ts';
import { labelRulesOf, readsOf } from './source-limits.ts';
import { createSourceSessions } from './source-sessions.ts';
import { takeTenure } from './tenure.ts';
import { verifyByReading } from './verification.ts';

export interface TransferPorts extends ProbePorts, DeletionPorts, RoutePorts {
  /** Tells the tenant's limits to the preflight; absent: they are assumed. */
  readonly admin?: ExchangeAdminConnector;
  readonly access: TenantAccess;
  readonly store: MigrationStore;
  readonly connector: MailConnector;
  readonly ledger: Ledger;
  readonly hosts: HostConnections;
  readonly dailyReads: DailyReads;
  readonly redirections: Redirections;
  /** Bytes in flight of this process. */
  readonly budget: ByteBudget;
  /** Names this process in leases. */
  readonly holder: string;
}

export type TransferActivities = ReturnType<typeof createTransferActivities>;

/** What touches mail. Messages go from source to target inside these and never through Temporal. */
export function createTransferActivities(ports: TransferPorts) {
  const { store, connector, ledger, holder } = ports;
  const sessions = createSourceSessions(connector, ports.hosts);
  const routes = createRouteKeeper(ports);

  const accountsOf = async (mailbox: StoredMailbox) => {
    const { plan } = await store.getMigration(mailbox.migrationId);
    const limits = LIMITS[plan.target.kind];
    return { ...mailAccounts(plan, mailbox), limits, plan };
  };

  /** Leaves a mailbox alone that this pass need not or may not touch; true means: there is work, or a reason to look closer. */
  const look = async (mailboxId: string, pass: Pass): Promise<boolean> => {
    const mailbox = await store.getMailbox(mailboxId);
    if (mailbox.status === 'dropped') return false;
    if (pass.kind === 'initial' || mailbox.status === 'held') return true;
    const { source: account, plan } = await accountsOf(mailbox);
    if (followsDeletions(plan, pass) && (await hasRemovable(ledger, mailboxId))) return true;
    try {
      const session = await sessions.open(account, Context.current().cancellationSignal);
      try {
        return (await hasWork(session.source, ledger, mailboxId, pass)).work;
      } finally {
        await session.close();
      }
    } catch (error) {
      if (!(error instanceof MigrationError)) throw error;
      return true; // its own pass meets the same error and reacts to it, without holding up its batch
    }
  };

  return {
    ...createProbeActivities(ports),

    /** A verdict for each mailbox of one page of the list; a mailbox that cannot be read has one too. */
    async preflightPage(input: {
      migrationId: string;
      afterPosition: number;
      limit: number;
    }): Promise<{ lastPosition: number | null; ok: number; failed: number }> {
      const { plan } = await store.getMigration(input.migrationId);
      const signal = Context.current().cancellationSignal;
      const page = await store.pageMailboxes(input.migrationId, input.afterPosition, input.limit);
      const counts = { ok: 0, failed: 0 };
      if (input.afterPosition < 0 && plan.target.kind === 'hosted-exchange') {
        const mailbox = page[0]?.planned.address ?? null;
        await store.recordAccess(input.migrationId, await checkAccess(ports.access, plan, mailbox, signal));
      }
      for (const mailbox of page) {
        const accounts = mailAccounts(plan, mailbox);
        // A hosted mailbox does not exist yet at A2, so only targets whose mailboxes do are tried.
        const isTried = plan.target.kind !== 'hosted-exchange';
        const target = isTried ? await routes.find(plan, mailbox, accounts.target) : null;
        const verdict = await preflightMailbox({
          connector,
          source: accounts.source,
          target,
          mapping: mailbox.mapping,
          placed: new Map((await ledger.listFolders(mailbox.id)).map((each) => [each.sourceId, each.targetPath])),
          labels: plan.source.labels ?? 'one-folder',
          dailyLimitMb: plan.source.dailyLimitMb ?? null,
          ...(target === null
            ? { limits: await hostedLimits(ports.admin, plan, mailbox.planned.address, signal) }
            : {}),
          clock: Date.now,
          signal,
        });
        await store.recordPreflight(mailbox.id, verdict);
        if (target !== null && mailbox.status === 'listed') await store.recordMailboxStatus(mailbox.id, 'ready', null);
        counts[verdict.ok ? 'ok' : 'failed'] += 1;
      }
      return { lastPosition: nextPosition(page, input.limit), ...counts };
    },

    /** One STATUS a folder for many mailboxes; those without anything new are through the pass at once. */
    async lookAtMailboxes(input: {
      migrationId: string;
      pass: Pass;
      mailboxIds: readonly string[];
    }): Promise<{ withWork: string[]; unchanged: number }> {
      const withWork: string[] = [];
      const unchanged: string[] = [];
      for (const mailboxId of input.mailboxIds)
        ((await look(mailboxId, input.pass)) ? withWork : unchanged).push(mailboxId);
      await store.recordPassEnd(
        input.pass,
        unchanged.map((mailboxId) => ({ mailboxId, moved: 0 })),
      );
      return { withWork, unchanged: unchanged.length };
    },

    async copyMailbox(input: {
      migrationId: string;
      mailboxId: string;
      pass: Pass;
    }): Promise<{ moved: number; refused: number; vanished: number; route?: string }> {
      const context = Context.current();
      const mailbox = await store.getMailbox(input.mailboxId);
      if (mailbox.status === 'dropped') return { moved: 0, refused: 0, vanished: 0 }; // between the look and the copy
      const accounts = await accountsOf(mailbox);
      await store.recordMailboxStatus(mailbox.id, 'copying', null);
      const tenure = await takeTenure(ledger, mailbox.id, holder);
      const signal = AbortSignal.any([context.cancellationSignal, tenure.signal]);
      let target = accounts.target;
      const openTarget = async () => {
        try {
          return await connector.openTarget(target, signal, { mayWrite: tenure.mayWrite });
        } catch (error) {
          throw await routes.doubt(target, mailbox.id, error, 'opening');
        }
      };
      try {
        target = await routes.ensure({
          ...{ plan: accounts.plan, mailbox, target, mayWrite: tenure.mayWrite, signal },
          onChange: (from, to) => context.log.info('mail goes by another route', { mailboxId: mailbox.id, from, to }),
        });
        const first = await openFirstLane(sessions, accounts.source, openTarget, signal);
        try {
          const report = await copyMailbox({
            source: first.source,
            target: first.target,
            ledger,
            lease: tenure.lease,
            mailbox: { id: mailbox.id, mapping: mailbox.mapping },
            pass: input.pass,
            signal,
            limits: accounts.limits,
            signedMail: accounts.plan.target.kind === 'hosted-exchange' ? accounts.plan.target.signedMail : undefined,
            labels: labelRulesOf(accounts.plan.source),
            mayRead: readsOf(ports.dailyReads, accounts.source, accounts.plan.source, first.source),
            failures: context.info.attempt - 1,
            forwardedIn: (await ports.redirections.listPeriods(input.migrationId)).filter(
              ({ means }) => means === 'forwarding',
            ),
            lanes: {
              // The first lane has one of them.
              open: atMost(mostSessions(target) - 1, () =>
                openSpareLane(sessions, accounts.source, openTarget, signal),
              ),
              pace: { now: () => performance.now(), pause: (ms) => delay(ms) },
            },
            budget: ports.budget,
            now: () => new Date().toISOString(),
            // Limits may have been raised since: what was refused before gets another try with each later pass.
            retryRefused: input.pass.kind !== 'initial',
          });
          await followDeletionsOfPass(ports, {
            ...{ mailbox, plan: accounts.plan, pass: input.pass, source: first.source, target: first.target, signal },
            ...{ targetAccount: target, lease: tenure.lease, mayWrite: tenure.mayWrite },
          });
          const [main] = target.hosted?.routes ?? [];
          const route = main && { route: `${main.route} (${main.fidelity})` };
          return { moved: report.moved, refused: report.refused, vanished: report.vanished, ...route };
        } finally {
          await first.close();
        }
      } catch (error) {
        throw await routes.doubt(target, mailbox.id, error, 'under way');
      } finally {
        await tenure.end();
      }
    },

    /** Re-reads the target on connections of its own; ends the pass for the mailbox when every copy is where and as it should be. */
    async verifyMailbox(input: { migrationId: string; mailboxId: string; pass: Pass }): Promise<{ moved: number }> {
      const mailbox = await store.getMailbox(input.mailboxId);
      if (mailbox.status === 'dropped') return { moved: 0 };
      const accounts = await accountsOf(mailbox);
      const { lease, ...tenure } = await takeTenure(ledger, mailbox.id, holder);
      const { cancellationSignal, log } = Context.current();
      const signal = AbortSignal.any([cancellationSignal, tenure.signal]);
      let { target } = accounts;
      try {
        target = await routes.ensure({
          ...{ plan: accounts.plan, mailbox, target, mayWrite: tenure.mayWrite, signal },
          onChange: (from, to) => log.info('mail is read by another route', { mailboxId: mailbox.id, from, to }),
        });
        const where = { sessions, ledger, lease, accounts: { ...accounts, target }, signal };
        const openTarget = async () => {
          try {
            return await connector.openTarget(target, signal);
          } catch (error) {
            throw await routes.doubt(target, mailbox.id, error, 'opening');
          }
        };
        await verifyByReading({ ...where, openTarget, mailboxId: mailbox.id, pass: input.pass });
      } catch (error) {
        throw await routes.doubt(target, mailbox.id, error, 'under way');
      } finally {
        await tenure.end();
      }
      const moved = await ledger.countMoved(mailbox.id, input.pass);
      await store.recordPassEnd(input.pass, [{ mailboxId: mailbox.id, moved }]);
      await store.recordMailboxStatus(mailbox.id, 'copied', null);
      return { moved };
    },
  };
}

/** Before a server has told its own. */
const LIMITS = { imap: undefined, 'exchange-server': EXCHANGE_SERVER, 'hosted-exchange': HOSTED_EXCHANGE } as const;
