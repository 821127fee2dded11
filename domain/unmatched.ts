import type { DeliveredCopy } from './ports/ledger.ts';
import type { Found } from './verify-context.ts';

/**
 * What has not found its counterpart yet: copies that should be there, and messages that are there, as multisets of fingerprints. The
 * order in which the two sides come does not matter. Empty most of the time, as copies whose UID is known are compared by it.
 */
export class Unmatched {
  readonly #copies = new Map<string, DeliveredCopy[]>();
  readonly #found = new Map<string, Found[]>();

  /** @returns its counterpart, taken out, if there is one that also has the right date and flags; else the copy is kept */
  addCopy(copy: DeliveredCopy): Found | null {
    const found = takeBest(this.#found, copy.fingerprint, (each) => (fits(copy, each) ? 0 : null));
    if (found === null) add(this.#copies, copy.fingerprint, copy);
    return found;
  }

  /** As {@link addCopy}: of several copies that fit, the one with the most flags, as the others fit messages with fewer. */
  addFound(found: Found): DeliveredCopy | null {
    const copy = takeBest(this.#copies, found.fingerprint, (each) => (fits(each, found) ? each.flags.length : null));
    if (copy === null) add(this.#found, found.fingerprint, found);
    return copy;
  }

  /** A copy with these bytes is still without a counterpart. */
  expects(fingerprint: string): boolean {
    return this.#copies.has(fingerprint);
  }

  /** Pairs with the same content whose date or flags differ; to be called when both sides are complete. */
  *takePairs(): Iterable<{ readonly copy: DeliveredCopy; readonly found: Found }> {
    for (const [fingerprint, copies] of [...this.#copies]) {
      for (const copy of [...copies]) {
        const found = takeBest(this.#found, fingerprint, () => 0);
        if (found === null) break;
        remove(this.#copies, fingerprint, copy);
        yield { copy, found };
      }
    }
  }

  copies(): readonly DeliveredCopy[] {
    return [...this.#copies.values()].flat();
  }

  found(): readonly Found[] {
    return [...this.#found.values()].flat();
  }

  take(copy: DeliveredCopy, found: Found): void {
    remove(this.#copies, copy.fingerprint, copy);
    remove(this.#found, found.fingerprint, found);
  }

  /** Both are still without a counterpart. */
  has(copy: DeliveredCopy, found: Found): boolean {
    const hasCopy = this.#copies.get(copy.fingerprint)?.includes(copy) === true;
    return hasCopy && this.#found.get(found.fingerprint)?.includes(found) === true;
  }
}

function fits(copy: DeliveredCopy, found: Found): boolean {
  if (copy.state === 'already-there') return true;
  const has = new Set(found.flags.map((flag) => flag.toLowerCase()));
  return sameSecond(copy.receivedAt, found.internalDate) && copy.flags.every((flag) => has.has(flag.toLowerCase()));
}

/** True also where nothing was asked for. */
export function sameSecond(asked: string | null, there: string | null): boolean {
  if (asked === null) return true;
  return there !== null && Math.floor(Date.parse(asked) / 1000) === Math.floor(Date.parse(there) / 1000);
}

function add<T>(map: Map<string, T[]>, key: string, item: T): void {
  const items = map.get(key);
  if (items === undefined) map.set(key, [item]);
  else items.push(item);
}

/** Of so many with the same content the best is sought; more are alike anyway. */
const LOOK_AT = 64;

/** The one that is worth most, taken out; those worth null are passed over. */
function takeBest<T>(map: Map<string, T[]>, key: string, worth: (item: T) => number | null): T | null {
  let best: { readonly item: T; readonly worth: number } | null = null;
  for (const item of (map.get(key) ?? []).slice(0, LOOK_AT)) {
    const its = worth(item);
    if (its !== null && (best === null || its > best.worth)) best = { item, worth: its };
  }
  if (best === null) return null;
  remove(map, key, best.item);
  return best.item;
}

function remove<T>(map: Map<string, T[]>, key: string, item: T): void {
  const items = map.get(key);
  const at = items?.indexOf(item) ?? -1;
  if (items === undefined || at < 0) return;
  items.splice(at, 1);
  if (items.length === 0) map.delete(key);
}
