import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createImportSettingsActivities } from '../../activities/import-settings.ts';
import { createProvisioningActivities, type ProvisioningPorts } from '../../activities/provisioning.ts';
import { createUndoActivities } from '../../activities/undo.ts';
import { createExchangeAdminConnector } from '../../adapters/exchange-admin/connector.ts';
import { createMemoryMigrations } from '../../adapters/memory/migrations.ts';
import { createMemoryProvisioning } from '../../adapters/memory/provisioning-store.ts';
import { ERRORS, MigrationError } from '../../domain/errors.ts';
import type { PlannedMailbox } from '../../domain/plan.ts';
import type { ExchangeAdminConnector } from '../../domain/ports/exchange-admin.ts';
import type { ProvisioningStore } from '../../domain/ports/provisioning-store.ts';
import type { MigrationStore } from '../../domain/ports/store.ts';
import { createAuthority } from '../../lab/authority.ts';
import { type HostedTenant, type HostedTenantOptions, startHostedTenant } from '../../lab/exchange/tenant.ts';
import { testMailbox, testPlan } from './plans.ts';

export const DOMAIN = 'example.test';
const ID = 'mig_1';

/** A tenant of the lab, and the activities of provisioning against it over HTTPS. */
export interface ProvisioningWorld {
  readonly tenant: HostedTenant;
  readonly store: MigrationStore;
  readonly provisioning: ProvisioningStore;
  readonly admin: ExchangeAdminConnector;
  /** Calls that change something, so far. */
  changes(): number;
  /** Runs an activity as Temporal would: again after a fault that passes. @returns also how many attempts it took */
  run<T>(work: (activities: Activities) => Promise<T>): Promise<T>;
  /** A3 as the workflow tells it. @returns ids of mailboxes with a conflict, and how many lists */
  provision(): Promise<{ without: string[]; lists: number }>;
  attempts: number;
  close(): Promise<void>;
}

type Activities = ReturnType<typeof createProvisioningActivities> &
  ReturnType<typeof createImportSettingsActivities> &
  ReturnType<typeof createUndoActivities>;

export function mailbox(name: string, fields: Partial<PlannedMailbox> = {}): PlannedMailbox {
  const address = `${name}@${DOMAIN}`;
  return { ...testMailbox(name), address, displayName: name, targetUser: address, ...fields };
}

export async function newProvisioningWorld(
  mailboxes: readonly PlannedMailbox[],
  options: Partial<HostedTenantOptions> = {},
): Promise<ProvisioningWorld> {
  const authority = await createAuthority();
  const folder = await mkdtemp(join(tmpdir(), 'mailferry-provision-'));
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, authority.caPem);
  const tenant = await startHostedTenant({ authority, domains: [DOMAIN], readyAfterMs: 0, ...options });
  const { baseUrl, tokenUrl, tenantId, clientId } = tenant;
  const access = { baseUrl, tokenUrl, tenantId, clientId, clientSecret: 'env:SECRET', caFile };
  const smtp = { host: 'old.example.test', port: 25 };
  const { imap } = testPlan().target;
  const target = {
    kind: 'hosted-exchange',
    imap,
    graph: access,
    exchangeAdmin: access,
    smtp,
    redirectTo: smtp,
  } as const;
  const client = { ...testPlan().client, domains: [DOMAIN] };
  const store = createMemoryMigrations(Date.now);
  const provisioning = createMemoryProvisioning();
  await store.createMigration({ id: ID, plan: testPlan({ client, target }), mailboxes, createdBy: 'op' });
  const secrets = {
    resolve: (ref: string) => Promise.resolve(ref === 'env:SECRET' ? 'lab-secret' : 'first password 1'),
  };
  const ports: ProvisioningPorts = { store, provisioning, secrets, admin: createExchangeAdminConnector({ secrets }) };
  const activities = {
    ...createProvisioningActivities(ports),
    ...createImportSettingsActivities(ports),
    ...createUndoActivities(ports),
  };
  const logger = new DefaultLogger('ERROR');

  const world: ProvisioningWorld = {
    tenant,
    store,
    provisioning,
    admin: ports.admin,
    attempts: 0,
    changes: () => tenant.calls.filter((name) => CHANGING.test(name)).length,
    async run(work) {
      for (let attempt = 1; ; attempt += 1) {
        world.attempts += 1;
        try {
          return await new MockActivityEnvironment({ attempt }, { logger }).run(() => work(activities));
        } catch (error) {
          if (!(error instanceof MigrationError) || attempt > 50) throw error;
          const { reaction } = ERRORS[error.code];
          if (reaction !== 'retry' && reaction !== 'wait') throw error;
        }
      }
    },
    async provision() {
      const without: string[] = [];
      await world.run((each) => each.planProvisioning({ migrationId: ID }));
      for (let after: number | null = -1; after !== null; ) {
        const input = { migrationId: ID, afterPosition: after, limit: 50 };
        const page: { lastPosition: number | null; conflicts?: readonly string[] } = await world.run((each) =>
          each.provisionPage(input),
        );
        without.push(...(page.conflicts ?? []));
        after = page.lastPosition;
      }
      const { conflicts = 0 } = await world.run((each) => each.provisionLists({ migrationId: ID, without }));
      return { without, lists: conflicts };
    },
    async close() {
      await tenant.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return world;
}

/** Names of calls with an effect. */
const CHANGING = /^(?:(?:POST|PATCH|DELETE) \/v1\.0|(?:New|Set|Add|Remove|Enable|Disable)-)/;

/** Rows of the newest plan, by address. */
export async function planRows(world: ProvisioningWorld): Promise<Map<string, Record<string, unknown>>> {
  const report = await world.provisioning.findReport(ID, 'plan');
  if (report === null) throw new Error('nothing was planned');
  const { rows } = report.body as unknown as { rows: { address: string }[] }; // as planProvisioning writes it
  return new Map(rows.map((row) => [row.address, { ...row }]));
}
