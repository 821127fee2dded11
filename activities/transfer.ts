import { Context } from '@temporalio/activity';
import { copyMailbox } from '../domain/copy-mailbox.ts';
import { MigrationError } from '../domain/errors.ts';
import { hasWork } from '../domain/look-at-mailbox.ts';
import type { Pass } from '../domain/passes.ts';
import type { Ledger } from '../domain/ports/ledger.ts';
import type { MailAccount, MailConnector } from '../domain/ports/mail.ts';
import type { MigrationStore, StoredMailbox } from '../domain/ports/store.ts';
import { preflightMailbox } from '../domain/preflight-mailbox.ts';
import { HOSTED_EXCHANGE } from '../domain/target-limits.ts';
import { verifyMailbox } from '../domain/verify-mailbox.ts';
import { mailAccounts } from './mail-accounts.ts';
import { nextPosition } from './mailbox-pages.ts';
import type { ProbePorts } from './probes.ts';
import { createProbeActivities } from './probes.ts';

export interface TransferPorts extends ProbePorts {
  readonly store: MigrationStore;
  readonly connector: MailConnector;
  readonly ledger: Ledger;
  /** Names this process in leases. */
  readonly holder: string;
}

export type TransferActivities = ReturnType<typeof createTransferActivities>;

/** What touches mail. Messages go from source to target inside these and never through Temporal. */
export function createTransferActivities(ports: TransferPorts) {
  const { store, connector, ledger, holder } = ports;

  const accountsOf = async (mailbox: StoredMailbox): Promise<{ source: MailAccount; target: MailAccount }> => {
    const { plan } = await store.getMigration(mailbox.migrationId);
    return mailAccounts(plan, mailbox);
  };

  /** Leaves a mailbox alone that this pass need not or may not touch; true means: there is work, or a reason to look closer. */
  const look = async (mailboxId: string, pass: Pass): Promise<boolean> => {
    const mailbox = await store.getMailbox(mailboxId);
    if (mailbox.status === 'dropped') return false;
    if (pass.kind === 'initial' || mailbox.status === 'held') return true;
    const { source: account } = await accountsOf(mailbox);
    try {
      const source = await connector.openSource(account, Context.current().cancellationSignal);
      try {
        return (await hasWork(source, ledger, mailboxId)).work;
      } finally {
        await source.close();
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
      for (const mailbox of page) {
        const accounts = mailAccounts(plan, mailbox);
        // A hosted mailbox does not exist yet at A2, so only a plain target is tried.
        const target = plan.target.kind === 'imap' ? accounts.target : null;
        const verdict = await preflightMailbox({
          connector,
          source: accounts.source,
          target,
          mapping: mailbox.mapping,
          ...(target === null ? { limits: HOSTED_EXCHANGE } : {}),
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
    }): Promise<{ moved: number; refused: number; vanished: number }> {
      const context = Context.current();
      const signal = context.cancellationSignal;
      const mailbox = await store.getMailbox(input.mailboxId);
      if (mailbox.status === 'dropped') return { moved: 0, refused: 0, vanished: 0 }; // between the look and the copy
      const accounts = await accountsOf(mailbox);
      await store.recordMailboxStatus(mailbox.id, 'copying', null);
      const lease = await ledger.takeLease(mailbox.id, holder);
      const source = await connector.openSource(accounts.source, signal);
      try {
        const target = await connector.openTarget(accounts.target, signal);
        try {
          const report = await copyMailbox({
            source,
            target,
            ledger,
            lease,
            mailbox: { id: mailbox.id, mapping: mailbox.mapping },
            pass: input.pass,
            signal,
            onProgress: (progress) => context.heartbeat(progress.foldersDone),
            // Limits may have been raised since: what was refused before gets another try with each later pass.
            retryRefused: input.pass.kind !== 'initial',
          });
          return { moved: report.moved, refused: report.refused, vanished: report.vanished };
        } finally {
          await target.close();
        }
      } finally {
        await source.close();
      }
    },

    /** Re-reads the target on a connection of its own; ends the pass for the mailbox when nothing is lost or doubled. */
    async verifyMailbox(input: { migrationId: string; mailboxId: string; pass: Pass }): Promise<{ moved: number }> {
      const signal = Context.current().cancellationSignal;
      const mailbox = await store.getMailbox(input.mailboxId);
      if (mailbox.status === 'dropped') return { moved: 0 };
      const { target: account } = await accountsOf(mailbox);
      const lease = await ledger.takeLease(mailbox.id, holder);
      const target = await connector.openTarget(account, signal);
      try {
        const { lost, doubled } = await verifyMailbox({
          target,
          ledger,
          lease,
          mailboxId: mailbox.id,
          pass: input.pass,
          signal,
        });
        if (lost > 0 || doubled > 0) {
          throw new MigrationError(
            'VERIFY_FAILED',
            `re-reading the target found ${lost} lost and ${doubled} doubled messages`,
            {
              facts: { mailboxId: mailbox.id, lost, doubled },
            },
          );
        }
      } finally {
        await target.close();
      }
      const moved = await countDeliveredBy(ledger, mailbox.id, input.pass);
      await store.recordPassEnd(input.pass, [{ mailboxId: mailbox.id, moved }]);
      await store.recordMailboxStatus(mailbox.id, 'copied', null);
      return { moved };
    },
  };
}

/** What a pass brought, counted from the ledger: the tally of an attempt forgets what a killed one before it did. */
async function countDeliveredBy(ledger: Ledger, mailboxId: string, pass: Pass): Promise<number> {
  const targets = new Map(
    (await ledger.listFolders(mailboxId)).map(({ targetPath }) => [JSON.stringify(targetPath), targetPath]),
  );
  let count = 0;
  for (const targetPath of targets.values()) {
    const copies = await ledger.listDelivered(mailboxId, targetPath, 1);
    count += copies.filter((copy) => copy.passNumber === pass.number).length;
  }
  return count;
}
