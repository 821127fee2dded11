import type { ProvisioningStore } from '../../domain/ports/provisioning-store.ts';
import type { Json } from '../../domain/ports/store.ts';
import type { MadeObject, MadeRow, MadeState } from '../../domain/provisioning/made.ts';

/** One process, nothing kept, the same promises otherwise: for tests. */
export function createMemoryProvisioning(now: () => number = Date.now): ProvisioningStore {
  const rows = new Map<string, MadeRow>();
  const reports = new Map<string, { at: string; body: Json }>();
  const keyOf = (migrationId: string, { kind, address, detail }: MadeObject) =>
    `${migrationId}\n${kind}\n${address}\n${detail}`;
  const setState = (migrationId: string, object: MadeObject, state: MadeState) => {
    const row = rows.get(keyOf(migrationId, object));
    if (row !== undefined) rows.set(keyOf(migrationId, object), { ...row, state });
  };
  return {
    journal: (migrationId) => ({
      isOurs: async (object) => (rows.get(keyOf(migrationId, object))?.state ?? 'undone') !== 'undone',
      async recordIntent({ kind, address, detail }, before = undefined) {
        const key = keyOf(migrationId, { kind, address, detail });
        if ((rows.get(key)?.state ?? 'undone') !== 'undone') return 'known';
        const at = new Date(now()).toISOString();
        rows.set(key, { kind, address, detail, state: 'intended', before: before ?? null, at });
        return 'new';
      },
      recordMade: async (object) => setState(migrationId, object, 'made'),
      async recordWithdrawn(object) {
        const key = keyOf(migrationId, object);
        if (rows.get(key)?.state === 'intended') rows.delete(key);
      },
    }),
    async *listMade(migrationId) {
      for (const [key, row] of rows) if (key.startsWith(`${migrationId}\n`)) yield row;
    },
    recordUndone: async (migrationId, object) => setState(migrationId, object, 'undone'),
    async recordReport(migrationId, kind, body) {
      reports.set(`${migrationId}\n${kind}`, { at: new Date(now()).toISOString(), body });
    },
    findReport: async (migrationId, kind) => reports.get(`${migrationId}\n${kind}`) ?? null,
  };
}
