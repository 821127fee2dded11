import type { Outbox, OutboxEntry } from '../../domain/ports/store.ts';

/** Without the id, which the outbox gives. Distributes over the union. */
export type NewOutboxEntry = OutboxEntry extends infer Entry
  ? Entry extends OutboxEntry
    ? Omit<Entry, 'id'>
    : never
  : never;

export interface MemoryOutbox {
  add(entry: NewOutboxEntry): void;
  /** For assertions: what became of each entry, oldest first. */
  readonly entries: readonly { entry: OutboxEntry; state: 'due' | 'delivered' | 'dead'; error: string | null }[];
}

export function createMemoryOutbox(now: () => number): Outbox & MemoryOutbox {
  const rows: { entry: OutboxEntry; state: 'due' | 'delivered' | 'dead'; error: string | null; dueAt: number }[] = [];
  const get = (id: string) => rows.find((row) => row.entry.id === id);
  return {
    entries: rows,
    add(entry) {
      rows.push({
        entry: { ...entry, id: `out_${rows.length + 1}` } as OutboxEntry,
        state: 'due',
        error: null,
        dueAt: 0,
      });
    },
    async takeDue(limit, leaseMs) {
      const waiting = new Set<string>();
      const taken: OutboxEntry[] = [];
      for (const row of rows) {
        if (row.state !== 'due' || taken.length === limit) continue;
        const lane = row.entry.kind === 'signal' ? `signal/${row.entry.migrationId}` : row.entry.id;
        if (row.dueAt > now() || waiting.has(lane)) {
          waiting.add(lane); // what came later for this workflow waits behind it
          continue;
        }
        row.dueAt = now() + leaseMs;
        taken.push(row.entry);
      }
      return taken;
    },
    async recordDelivered(id) {
      const row = get(id);
      if (row !== undefined) row.state = 'delivered';
    },
    async recordAttempt(id, error, retryInMs) {
      const row = get(id);
      if (row !== undefined) Object.assign(row, { error, dueAt: now() + retryInMs });
    },
    async recordDead(id, error) {
      const row = get(id);
      if (row !== undefined) Object.assign(row, { error, state: 'dead' });
    },
  };
}
