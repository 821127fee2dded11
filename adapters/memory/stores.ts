import type { ProvisioningStore } from '../../domain/ports/provisioning-store.ts';
import type { AccessStore, ApprovalStore, MigrationStore, Outbox } from '../../domain/ports/store.ts';
import { createMemoryAccess } from './access.ts';
import { createMemoryApprovals } from './approvals.ts';
import { createMemoryMigrations } from './migrations.ts';
import { createMemoryOutbox, type MemoryOutbox } from './outbox.ts';
import { createMemoryProvisioning } from './provisioning-store.ts';

/** The store ports without a database: for tests. One process, nothing kept, the same promises otherwise. */
export interface MemoryStores {
  readonly migrations: MigrationStore;
  readonly approvals: ApprovalStore;
  readonly provisioning: ProvisioningStore;
  readonly outbox: Outbox & MemoryOutbox;
  readonly access: AccessStore;
}

export function createMemoryStores(now: () => number = Date.now): MemoryStores {
  const migrations = createMemoryMigrations(now);
  const outbox = createMemoryOutbox(now);
  return {
    migrations,
    approvals: createMemoryApprovals(migrations, outbox, now),
    outbox,
    provisioning: createMemoryProvisioning(now),
    access: createMemoryAccess(),
  };
}
