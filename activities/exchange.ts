import { Context } from '@temporalio/activity';
import { MigrationError } from '../domain/errors.ts';
import type { Plan } from '../domain/plan.ts';
import type {
  ExchangeAdmin,
  ExchangeAdminConnector,
  HostedTarget,
  ProvisionedMailbox,
} from '../domain/ports/exchange-admin.ts';
import type { Secrets } from '../domain/ports/services.ts';
import type { Json, MigrationStore, StoredMailbox } from '../domain/ports/store.ts';
import { listAllMailboxes, nextPosition } from './mailbox-pages.ts';
import { createRedirectionActivities, type RedirectionPorts } from './redirection.ts';

export interface ExchangePorts extends RedirectionPorts {
  readonly store: MigrationStore;
  readonly admin: ExchangeAdminConnector;
  readonly secrets: Secrets;
}

export type ExchangeActivities = ReturnType<typeof createExchangeActivities>;

/** Administration of the hosted tenant (A3, A5, A6, C2). Each is idempotent: what exists and fits is taken over. */
export function createExchangeActivities(ports: ExchangePorts) {
  const { store, admin, secrets } = ports;
  const open = async (migrationId: string): Promise<{ plan: Plan; target: HostedTarget; tenant: ExchangeAdmin }> => {
    const { plan } = await store.getMigration(migrationId);
    if (plan.target.kind !== 'hosted-exchange')
      throw new MigrationError('NOT_NOW', 'the target of this plan has no administration');
    return { plan, target: plan.target, tenant: admin.open(plan.target) };
  };

  return {
    ...createRedirectionActivities(ports),

    /** Creates or adopts the mailboxes of one page; `lastPosition` null ends the row of pages. */
    async provisionPage(input: {
      migrationId: string;
      afterPosition: number;
      limit: number;
    }): Promise<{ lastPosition: number | null; made: number; adopted: number }> {
      const { tenant } = await open(input.migrationId);
      const signal = Context.current().cancellationSignal;
      const page = await store.pageMailboxes(input.migrationId, input.afterPosition, input.limit);
      const counts = { made: 0, adopted: 0 };
      let waiting: MigrationError | null = null;
      for (const { planned } of page) {
        const { address, displayName, aliases, targetSecret } = planned;
        const password = await secrets.resolve(targetSecret);
        try {
          counts[await tenant.ensureMailbox({ address, displayName, aliases, password }, signal)] += 1;
        } catch (error) {
          // Mailboxes appear minutes after their licences: all of a page are asked for before any is waited for.
          if (!(error instanceof MigrationError) || error.code !== 'MAILBOX_NOT_READY') throw error;
          waiting = error;
        }
      }
      if (waiting) throw waiting;
      return { lastPosition: nextPosition(page, input.limit), ...counts };
    },

    async provisionLists({ migrationId }: { migrationId: string }): Promise<{ made: number; adopted: number }> {
      const { tenant } = await open(migrationId);
      const signal = Context.current().cancellationSignal;
      const counts = { made: 0, adopted: 0 };
      for (const [address, members] of await wantedLists(store, migrationId)) {
        counts[await tenant.ensureList(address, members, signal)] += 1;
      }
      return counts;
    },

    /** What the tenant says there is, side by side with what was asked: the evidence of gate `accounts`. */
    async readBackAccounts({
      migrationId,
    }: {
      migrationId: string;
    }): Promise<{ evidenceId: string; differences: number }> {
      const { tenant } = await open(migrationId);
      const signal = Context.current().cancellationSignal;
      const mailboxes: Json[] = [];
      let differences = 0;
      for await (const mailbox of listAllMailboxes(store, migrationId)) {
        const found = await tenant.findMailbox(mailbox.planned.address, signal);
        if (!found?.ready) {
          throw new MigrationError('MAILBOX_NOT_READY', 'a mailbox that was provisioned is not ready yet', {
            facts: { mailboxId: mailbox.id },
            retryAfterMs: 5_000,
          });
        }
        const differs = differencesOf(mailbox, found);
        differences += differs.length;
        mailboxes.push({
          address: found.address,
          name: found.displayName,
          aliases: found.aliases,
          differences: differs,
        });
        await store.recordMailboxStatus(mailbox.id, mailbox.status === 'listed' ? 'ready' : mailbox.status, null);
      }
      const lists: Json[] = [];
      for (const [address, members] of await wantedLists(store, migrationId)) {
        const found = await tenant.findList(address, signal);
        const missing = members.filter((member) => !holds(found?.members ?? [], member));
        differences += found ? missing.length : 1;
        lists.push({ address, members: found?.members ?? [], missing: found ? missing : members });
      }
      const evidenceId = await store.recordEvidence(migrationId, 'A3', { mailboxes, lists });
      return { evidenceId, differences };
    },

    async enableAddOns({ migrationId }: { migrationId: string }): Promise<{ evidenceId: string; enabled: number }> {
      const { tenant } = await open(migrationId);
      const signal = Context.current().cancellationSignal;
      const rows: Json[] = [];
      let enabled = 0;
      for await (const { id, planned } of listAllMailboxes(store, migrationId)) {
        if (planned.addOns.length === 0) continue;
        for (const addOn of planned.addOns) await tenant.ensureAddOn(planned.address, addOn, signal);
        const found = await tenant.findMailbox(planned.address, signal);
        const missing = planned.addOns.filter((addOn) => !found?.addOns.includes(addOn));
        if (missing.length > 0) {
          throw new MigrationError(
            'TARGET_ADMIN_REFUSED',
            `the tenant does not show ${missing.join(', ')} as enabled`,
            { facts: { mailboxId: id } },
          );
        }
        enabled += planned.addOns.length;
        rows.push({ address: planned.address, addOns: found?.addOns ?? [] });
      }
      return { evidenceId: await store.recordEvidence(migrationId, 'A5', { mailboxes: rows }), enabled };
    },
  };
}

function differencesOf({ planned }: StoredMailbox, found: ProvisionedMailbox): string[] {
  const differs = planned.aliases
    .filter((alias) => !holds(found.aliases, alias))
    .map((alias) => `alias ${alias} is missing`);
  if (found.displayName !== planned.displayName)
    differs.push(`is named '${found.displayName}', asked was '${planned.displayName}'`);
  return differs;
}

/** Addresses compare without case: tenants write them their own way. */
function holds(addresses: readonly string[], wanted: string): boolean {
  return addresses.some((address) => address.toLowerCase() === wanted.toLowerCase());
}

async function wantedLists(store: MigrationStore, migrationId: string): Promise<Map<string, string[]>> {
  const lists = new Map<string, string[]>();
  for await (const { planned } of listAllMailboxes(store, migrationId)) {
    for (const list of planned.lists) lists.set(list, [...(lists.get(list) ?? []), planned.address]);
  }
  return lists;
}
