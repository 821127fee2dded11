import { Context } from '@temporalio/activity';
import { MigrationError } from '../domain/errors.ts';
import type { PlannedMailbox } from '../domain/plan.ts';
import type { ExchangeAdmin, ExchangeAdminConnector } from '../domain/ports/exchange-admin.ts';
import type { ProvisioningStore } from '../domain/ports/provisioning-store.ts';
import type { Secrets } from '../domain/ports/services.ts';
import type { Json, MigrationStore, StoredMailbox } from '../domain/ports/store.ts';
import type { FoundHolder, TenantFacts } from '../domain/provisioning/found.ts';
import { type PlannedObject, planList, planMailboxes } from '../domain/provisioning/plan-objects.ts';
import { compareList, compareMailbox } from '../domain/provisioning/read-back.ts';
import { hostedTarget } from './hosted-target.ts';
import { listAllMailboxes, nextPosition } from './mailbox-pages.ts';
import { patiently } from './patiently.ts';

export interface ProvisioningPorts {
  readonly store: MigrationStore;
  readonly provisioning: ProvisioningStore;
  readonly admin: ExchangeAdminConnector;
  readonly secrets: Secrets;
}

/** How many of each verdict, and of each code of conflict. */
export interface PlanCounts {
  readonly create: number;
  readonly adopt: number;
  readonly change: number;
  readonly conflict: number;
  readonly codes: Readonly<Record<string, number>>;
}

/** Mailboxes, lists and rights in the hosted tenant (A3): a plan first, then the work, then what the tenant says. Each is idempotent. */
export function createProvisioningActivities({ store, provisioning, admin, secrets }: ProvisioningPorts) {
  const open = async (migrationId: string): Promise<ExchangeAdmin> =>
    admin.open(hostedTarget((await store.getMigration(migrationId)).plan));

  return {
    /** What would be made, taken over or left alone; changes nothing. The rows are in the ledger. */
    async planProvisioning({ migrationId }: { migrationId: string }): Promise<PlanCounts> {
      const tenant = await open(migrationId);
      const signal = Context.current().cancellationSignal;
      const everybody = await allPlanned(store, migrationId);
      const facts = await patiently(() => tenant.readFacts(signal), signal);
      const holders = await holdersOf(tenant, everybody, signal);
      const rows = planMailboxes({ mailboxes: everybody, facts, holders });
      for (const [address, members] of listsOf(everybody)) {
        const holder = await patiently(() => tenant.findHolder(address, signal), signal);
        const list = holder?.kind === 'list' ? await patiently(() => tenant.findList(address, signal), signal) : null;
        rows.push(planList(address, members, { list, holder }, facts));
      }
      await provisioning.recordReport(migrationId, 'plan', { rows: rows.map(rowOf) });
      return countsOf(rows);
    },

    /**
     * Creates or adopts the mailboxes of one page; `lastPosition` null ends the row of pages. Who has a conflict is left alone and
     * named by id, and does not stop the others.
     */
    async provisionPage(input: {
      migrationId: string;
      afterPosition: number;
      limit: number;
    }): Promise<{ lastPosition: number | null; made: number; adopted: number; conflicts?: readonly string[] }> {
      const { migrationId } = input;
      const tenant = await open(migrationId);
      const signal = Context.current().cancellationSignal;
      const journal = provisioning.journal(migrationId);
      const page = await store.pageMailboxes(migrationId, input.afterPosition, input.limit);
      const counts = { made: 0, adopted: 0 };
      const conflicts: string[] = [];
      const plan = await planPage(tenant, page, await allPlanned(store, migrationId), signal);
      let waiting: MigrationError | null = null;
      for (const { id, planned } of page) {
        if (plan.get(planned.address.toLowerCase())?.verdict === 'conflict') {
          conflicts.push(id);
          continue;
        }
        try {
          const wanted = await wantedOf(planned, secrets);
          counts[await patiently(() => tenant.ensureMailbox(wanted, signal, journal), signal)] += 1;
        } catch (error) {
          if (isConflict(error)) conflicts.push(id);
          // Mailboxes appear minutes after their licences: all of a page are asked for before any is waited for.
          else if (error instanceof MigrationError && error.code === 'MAILBOX_NOT_READY') waiting = error;
          else throw error;
        }
      }
      if (waiting) throw waiting;
      return { lastPosition: nextPosition(page, input.limit), ...counts, conflicts };
    },

    /** Lists with their members, and who may send as whom; those with a conflict are left out and left alone. */
    async provisionLists({ migrationId, without = [] }: { migrationId: string; without?: readonly string[] }): Promise<{
      made: number;
      adopted: number;
      conflicts?: number;
    }> {
      const tenant = await open(migrationId);
      const signal = Context.current().cancellationSignal;
      const journal = provisioning.journal(migrationId);
      const counts = { made: 0, adopted: 0, conflicts: 0 };
      const there: PlannedMailbox[] = [];
      for await (const { id, planned } of listAllMailboxes(store, migrationId)) {
        if (!without.includes(id)) there.push(planned);
      }
      const facts = await patiently(() => tenant.readFacts(signal), signal);
      for (const [address, members] of listsOf(there)) {
        const holder = await patiently(() => tenant.findHolder(address, signal), signal);
        if (planList(address, members, { list: null, holder }, facts).verdict === 'conflict') {
          counts.conflicts += 1;
          continue;
        }
        try {
          counts[await patiently(() => tenant.ensureList(address, members, signal, journal), signal)] += 1;
        } catch (error) {
          if (!isConflict(error)) throw error;
          counts.conflicts += 1;
        }
      }
      const known = new Set(there.map(({ address }) => address.toLowerCase()));
      for (const { address, sendAs = [] } of there) {
        for (const sender of sendAs.filter((one) => known.has(one.toLowerCase()))) {
          counts[await patiently(() => tenant.ensureSendAs(address, sender, signal, journal), signal)] += 1;
        }
      }
      return counts;
    },

    /** What the tenant says there is, side by side with what was asked: the evidence of gate `accounts`. */
    async readBackAccounts({ migrationId }: { migrationId: string }): Promise<{
      evidenceId: string;
      differences: number;
    }> {
      const tenant = await open(migrationId);
      const signal = Context.current().cancellationSignal;
      const mailboxes: Json[] = [];
      let differences = 0;
      const everybody: PlannedMailbox[] = [];
      for await (const mailbox of listAllMailboxes(store, migrationId)) {
        everybody.push(mailbox.planned);
        const found = await patiently(() => tenant.findMailbox(mailbox.planned.address, signal), signal);
        if (!found?.ready) {
          throw new MigrationError('MAILBOX_NOT_READY', 'a mailbox that was provisioned is not ready yet', {
            facts: { mailboxId: mailbox.id },
            retryAfterMs: 5_000,
          });
        }
        const row = compareMailbox(mailbox.planned, found);
        differences += row.differences.length;
        mailboxes.push({ ...row });
        await store.recordMailboxStatus(mailbox.id, mailbox.status === 'listed' ? 'ready' : mailbox.status, null);
      }
      const lists: Json[] = [];
      for (const [address, members] of listsOf(everybody)) {
        const row = compareList(address, members, await patiently(() => tenant.findList(address, signal), signal));
        differences += row.missing.length + row.differences.length;
        lists.push({ ...row });
      }
      const evidenceId = await store.recordEvidence(migrationId, 'A3', { mailboxes, lists });
      return { evidenceId, differences };
    },

    async enableAddOns({ migrationId }: { migrationId: string }): Promise<{ evidenceId: string; enabled: number }> {
      const tenant = await open(migrationId);
      const signal = Context.current().cancellationSignal;
      const journal = provisioning.journal(migrationId);
      const rows: Json[] = [];
      let enabled = 0;
      for await (const { id, planned } of listAllMailboxes(store, migrationId)) {
        if (planned.addOns.length === 0) continue;
        for (const addOn of planned.addOns) {
          await patiently(() => tenant.ensureAddOn(planned.address, addOn, signal, journal), signal);
        }
        const found = await patiently(() => tenant.findMailbox(planned.address, signal), signal);
        const missing = planned.addOns.filter((addOn) => !found?.addOns.includes(addOn));
        if (missing.length > 0) {
          throw new MigrationError(
            'TARGET_ADMIN_REFUSED',
            `the tenant does not show ${missing.join(', ')} as enabled`,
            { facts: { mailboxId: id } },
          );
        }
        enabled += planned.addOns.length;
        rows.push({ address: planned.address, asked: planned.addOns, addOns: found?.addOns ?? [] });
      }
      return { evidenceId: await store.recordEvidence(migrationId, 'A5', { mailboxes: rows }), enabled };
    },
  };
}

async function planPage(
  tenant: ExchangeAdmin,
  page: readonly StoredMailbox[],
  everybody: readonly PlannedMailbox[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, PlannedObject>> {
  const mailboxes = page.map(({ planned }) => planned);
  const facts: TenantFacts = await patiently(() => tenant.readFacts(signal), signal);
  const holders = await holdersOf(tenant, mailboxes, signal);
  return new Map(planMailboxes({ mailboxes, everybody, facts, holders }).map((row) => [row.address, row]));
}

async function holdersOf(tenant: ExchangeAdmin, mailboxes: readonly PlannedMailbox[], signal: AbortSignal) {
  const holders = new Map<string, FoundHolder | null>();
  for (const { address, aliases } of mailboxes) {
    for (const one of [address, ...aliases].map((each) => each.toLowerCase())) {
      if (!holders.has(one)) holders.set(one, await patiently(() => tenant.findHolder(one, signal), signal));
    }
  }
  return holders;
}

async function wantedOf(planned: PlannedMailbox, secrets: Secrets) {
  const { address, displayName, aliases, targetSecret, kind = 'user', licence = null } = planned;
  // Nobody signs in to a shared mailbox, so it needs no password.
  const password = kind === 'shared' ? '' : await secrets.resolve(targetSecret);
  return { address, displayName, aliases, password, kind, licence };
}

/** Found in the moment between the plan and the work. */
function isConflict(error: unknown): boolean {
  return (
    error instanceof MigrationError && (error.code === 'PROVISIONING_CONFLICT' || error.code === 'SEATS_EXHAUSTED')
  );
}

async function allPlanned(store: MigrationStore, migrationId: string): Promise<PlannedMailbox[]> {
  const all: PlannedMailbox[] = [];
  for await (const { planned } of listAllMailboxes(store, migrationId)) all.push(planned);
  return all;
}

/** Address of a list → its members of the mailbox list. */
function listsOf(mailboxes: readonly PlannedMailbox[]): Map<string, string[]> {
  const lists = new Map<string, string[]>();
  for (const { address, lists: each } of mailboxes) {
    for (const list of each.map((one) => one.toLowerCase())) lists.set(list, [...(lists.get(list) ?? []), address]);
  }
  return lists;
}

function rowOf({ object, address, verdict, changes, conflicts, differences }: PlannedObject): Json {
  return { object, address, verdict, changes, differences, conflicts: conflicts.map((one) => ({ ...one })) };
}

function countsOf(rows: readonly PlannedObject[]): PlanCounts {
  const codes: Record<string, number> = {};
  for (const { code } of rows.flatMap(({ conflicts }) => conflicts)) codes[code] = (codes[code] ?? 0) + 1;
  const count = (verdict: PlannedObject['verdict']) => rows.filter((row) => row.verdict === verdict).length;
  return {
    create: count('create'),
    adopt: count('adopt'),
    change: count('change'),
    conflict: count('conflict'),
    codes,
  };
}
