import type { RedirectionPeriod, Redirections } from '../../domain/ports/redirection.ts';
import type { Json } from '../../domain/ports/store.ts';
import type { RedirectionMeans } from '../../domain/redirection.ts';

/** In memory, for tests. */
export class MemoryRedirections implements Redirections {
  readonly #now: () => number;
  readonly #before = new Map<string, Map<string, Json>>();
  readonly #periods = new Map<string, RedirectionPeriod[]>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  memory(migrationId: string) {
    const objects = this.#before.get(migrationId) ?? new Map<string, Json>();
    this.#before.set(migrationId, objects);
    return {
      find: async (object: string) => objects.get(object) ?? null,
      list: async () => [...objects.keys()].toSorted(),
      record: async (object: string, before: Json) => {
        if (!objects.has(object)) objects.set(object, structuredClone(before));
      },
      forget: async (object: string) => void objects.delete(object),
    };
  }

  async recordOn(migrationId: string, means: RedirectionMeans) {
    const periods = this.#of(migrationId);
    if (periods.some((each) => each.means === means && each.until === null)) return;
    periods.push({ means, since: new Date(this.#now()).toISOString(), until: null });
  }

  async recordOff(migrationId: string) {
    const until = new Date(this.#now()).toISOString();
    const ended = this.#of(migrationId).map((each) => (each.until === null ? { ...each, until } : each));
    this.#periods.set(migrationId, ended);
  }

  async listPeriods(migrationId: string) {
    return [...this.#of(migrationId)];
  }

  #of(migrationId: string): RedirectionPeriod[] {
    const periods = this.#periods.get(migrationId) ?? [];
    this.#periods.set(migrationId, periods);
    return periods;
  }
}
