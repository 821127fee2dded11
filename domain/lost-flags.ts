import type { DeliveredCopy } from './ports/ledger.ts';

/** So many copies wait to be judged; a folder with more of them and the keyword nowhere does not keep it. */
const MAX_UNDECIDED = 1_000;

export interface LostFlags {
  readonly copy: DeliveredCopy;
  readonly flags: readonly string[];
}

/**
 * Which of the flags that copies of one folder were given are lost. A target may keep some keywords and not others, and does not
 * say: Exchange keeps `$Forwarded` and drops what users made up. So a keyword counts only where another message of the folder
 * has it; system flags always count.
 */
export class FlagCheck {
  readonly #kept = new Set<string>();
  #undecided: { readonly copy: DeliveredCopy; readonly missing: readonly string[] }[] = [];

  /** @returns what is lost for certain; null where nothing is, or where it is not known yet */
  compare(copy: DeliveredCopy, there: readonly string[]): LostFlags | null {
    const has = new Set(there.map(fold));
    for (const flag of has) if (isKeyword(flag)) this.#kept.add(flag);
    const missing = copy.flags.filter((flag) => !has.has(fold(flag)) && fold(flag) !== '\\recent');
    const isDecided = missing.every((flag) => !isKeyword(flag) || this.#kept.has(fold(flag)));
    if (!isDecided && this.#undecided.length < MAX_UNDECIDED) {
      this.#undecided.push({ copy, missing });
      return null;
    }
    return this.#judge(copy, missing);
  }

  /** Those that were undecided, now that all is read. */
  takeRest(): readonly LostFlags[] {
    const undecided = this.#undecided;
    this.#undecided = [];
    return undecided.flatMap(({ copy, missing }) => this.#judge(copy, missing) ?? []);
  }

  #judge(copy: DeliveredCopy, missing: readonly string[]): LostFlags | null {
    const flags = missing.filter((flag) => !isKeyword(flag) || this.#kept.has(fold(flag)));
    return flags.length === 0 ? null : { copy, flags };
  }
}

function isKeyword(flag: string): boolean {
  return !flag.startsWith('\\');
}

function fold(flag: string): string {
  return flag.toLowerCase();
}
