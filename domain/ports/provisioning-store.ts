import type { MadeObject, MadeRow, ProvisioningJournal } from '../provisioning/made.ts';
import type { Json } from './store.ts';

/** What a migration made in the tenant, so that it can be taken back; and what a dry run and an undo came to. All writes are idempotent. */
export interface ProvisioningStore {
  journal(migrationId: string): ProvisioningJournal;
  /** In the order in which they were intended. */
  listMade(migrationId: string): AsyncIterable<MadeRow>;
  recordUndone(migrationId: string, object: MadeObject): Promise<void>;
  /** The newest of its kind replaces the one before. */
  recordReport(migrationId: string, kind: ReportKind, body: Json): Promise<void>;
  findReport(migrationId: string, kind: ReportKind): Promise<{ readonly at: string; readonly body: Json } | null>;
}

export type ReportKind = 'plan' | 'undo';
