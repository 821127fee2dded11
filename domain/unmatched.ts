import { keyOfMark } from './marks.ts';
import type { DeliveredCopy } from './ports/ledger.ts';
import type { Found } from './verify-context.ts';

/**
 * What has not found its counterpart yet: copies that should be there, and messages that are there, as multisets of marks. The
 * order in which the two sides come does not matter. Empty most of the time, as copies whose UID is known are compared by it.
 */
export class Unmatched {
  readonly #copies = new Map<string, DeliveredCopy[]>();
  readonly #found = new Map<string, Found[]>();

  /** @returns its counterpart, taken out, if there is one that also has the right date and flags; else the copy is kept */
  addCopy(copy: DeliveredCopy): Found | null {
    const key = keyOfMark(copy.fingerprint);
    const found = best(this.#found.get(key), (each) => (fits(copy, each) ? 0 : null));
    if (found === null) add(this.#copies, key, copy);
    else this.#removeFound(found);
    return found;
  }

  /** As {@link addCopy}: of several copies that fit, the one with the most flags, as the others fit messages with fewer. */
  addFound(found: Found): DeliveredCopy | null {
    for (const key of keysOf(found)) {
      const copy = best(this.#copies.get(key), (each) => (fits(each, found) ? each.flags.length : null));
      if (copy === null) continue;
      remove(this.#copies, key, copy);
      return copy;
    }
    for (const key of keysOf(found)) add(this.#found, key, found);
    return null;
  }

  /** A copy with one of these marks is still without a counterpart. */
  expects(marks: readonly string[]): boolean {
    return marks.some((mark) => this.#copies.has(keyOfMark(mark)));
  }

  /** Pairs with the same content whose date or flags differ; to be called when both sides are complete. */
  *takePairs(): Iterable<{ readonly copy: DeliveredCopy; readonly found: Found }> {
    for (const [key, copies] of [...this.#copies]) {
      for (const copy of [...copies]) {
        const found = best(this.#found.get(key), () => 0);
        if (found === null) break;
        this.#removeFound(found);
        remove(this.#copies, key, copy);
        yield { copy, found };
      }
    }
  }

  copies(): readonly DeliveredCopy[] {
    return [...this.#copies.values()].flat();
  }

  found(): readonly Found[] {
    return [...new Set([...this.#found.values()].flat())];
  }

  take(copy: DeliveredCopy, found: Found): void {
    remove(this.#copies, keyOfMark(copy.fingerprint), copy);
    this.#removeFound(found);
  }

  /** Both are still without a counterpart. */
  has(copy: DeliveredCopy, found: Found): boolean {
    const hasCopy = this.#copies.get(keyOfMark(copy.fingerprint))?.includes(copy) === true;
    return hasCopy && this.#found.get(keyOfMark(found.marks[0]))?.includes(found) === true;
  }

  #removeFound(found: Found): void {
    for (const key of keysOf(found)) remove(this.#found, key, found);
  }
}

function keysOf({ marks }: Found): readonly string[] {
  return marks.map(keyOfMark);
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

/** The one that is worth most; those worth null are passed over. */
function best<T>(items: readonly T[] | undefined, worth: (item: T) => number | null): T | null {
  let found: { readonly item: T; readonly worth: number } | null = null;
  for (const item of items?.slice(0, LOOK_AT) ?? []) {
    const its = worth(item);
    if (its !== null && (found === null || its > found.worth)) found = { item, worth: its };
  }
  return found?.item ?? null;
}

function remove<T>(map: Map<string, T[]>, key: string, item: T): void {
  const items = map.get(key);
  const at = items?.indexOf(item) ?? -1;
  if (items === undefined || at < 0) return;
  items.splice(at, 1);
  if (items.length === 0) map.delete(key);
}
