import { collect } from './collect.ts';
import type { FolderPath, TargetId } from './mail.ts';
import { isContentMark, isReadable, keyOfMark, markOf } from './marks.ts';
import type { DeliveredCopy, Ledger } from './ports/ledger.ts';
import type { MailTarget, TargetFolder } from './ports/mail.ts';
import { isStub } from './wrap.ts';

/**
 * Messages in a target folder that no row of the ledger has claimed: appended by an attempt that died before it could say so,
 * or by somebody else before us. Taken one by one, so two equal messages at the source are matched by two at the target.
 */
export interface Unclaimed {
  readonly size: number;
  /** @returns the copy with the lowest UID, or null when there is none (left) with this mark (domain/marks.ts) */
  take(mark: string): UnclaimedCopy | null;
  /**
   * As {@link take}, by what the message says (contentFingerprintOf), for a target that writes anew what it is given (T36). Only
   * where it was read for that, and never a copy that the ledger may know.
   */
  takeLike(content: string): UnclaimedCopy | null;
}

export interface UnclaimedCopy {
  readonly id: TargetId;
  /** As the target tells it. */
  readonly mark: string;
  readonly flags: readonly string[];
  readonly receivedAt: string | null;
  /** It is a stub of ours with the original attached. */
  readonly isStub: boolean;
}

export const NOTHING_UNCLAIMED: Unclaimed = { size: 0, take: () => null, takeLike: () => null };

export interface UnclaimedQuestion {
  readonly mailboxId: string;
  readonly targetPath: FolderPath;
  readonly folder: TargetFolder;
  readonly fromUid: number;
  /** Marks that will be asked for; null: any. */
  readonly wanted: ReadonlySet<string> | null;
  /** Tells what a message says, for {@link Unclaimed.takeLike}; absent where that is not asked for. */
  readonly contentOf?: (raw: Buffer) => string;
  /** UIDs of copies that are known to be somebody's. */
  readonly taken?: ReadonlySet<number>;
  /** The mark that a copy of this message has at the target, made of the source's bytes; null where that cannot be read any more. */
  readonly markAtSource: (copy: DeliveredCopy) => Promise<string | null>;
}

/**
 * Reads the target folder from `fromUid` on and takes away what the ledger knows. Copies whose UID the ledger was not told
 * (no UIDPLUS) may lie anywhere, so with one of them among `wanted` the folder is read from its start. Those that were brought by a
 * route that gave back more are known again by their source.
 */
export async function readUnclaimed(target: MailTarget, ledger: Ledger, asked: UnclaimedQuestion): Promise<Unclaimed> {
  const { folder, fromUid, wanted, contentOf = null, taken = new Set<number>() } = asked;
  const { uidValidity, uidNext } = await target.getStatus(folder);
  let from = fromUid > uidNext ? 1 : fromUid; // the target folder was made anew: its UIDs count from one again
  const read = () => collect(ledger.listDelivered(asked.mailboxId, asked.targetPath, from));
  let delivered = await read();
  if (from > 1 && delivered.some((copy) => copy.targetUid === null && (wanted?.has(copy.fingerprint) ?? true))) {
    from = 1;
    delivered = await read();
  }

  const pool = new Pool();
  const contents: { readonly copy: UnclaimedCopy; readonly content: string }[] = [];
  const alsoByContent =
    target.fidelity === 'bytes' &&
    [...(wanted ?? []), ...delivered.map((copy) => copy.fingerprint)].some(isContentMark);
  for await (const { raw, uid, flags, internalDate } of target.listMessages(folder, from)) {
    if (taken.has(uid)) continue;
    const mark = markOf(raw, target.fidelity);
    const copy = { id: { uidValidity, uid }, mark, flags, receivedAt: internalDate, isStub: isStub(raw) };
    if (contentOf !== null) contents.push({ copy, content: contentOf(raw) });
    pool.add(copy, alsoByContent ? [mark, markOf(raw, 'content')] : [mark]);
  }

  const claim = async (copy: DeliveredCopy, uid: number | null): Promise<boolean> => {
    if (isReadable(copy.fingerprint, target.fidelity)) return pool.take(copy.fingerprint, uid) !== null;
    if (uid !== null) return pool.takeUid(uid) !== null;
    const mark = await asked.markAtSource(copy);
    return mark !== null && pool.take(mark, null) !== null;
  };
  // A known UID claims its own message; only then do the others take what is left, lowest UID first.
  const isAt = ({ targetUid, targetUidValidity }: DeliveredCopy) =>
    targetUid !== null && targetUidValidity === uidValidity;
  for (const copy of delivered.filter(isAt)) await claim(copy, copy.targetUid);
  let missing = 0;
  for (const copy of delivered) if (!isAt(copy) && !(await claim(copy, null))) missing += 1;
  const known = new Set(delivered.filter(isAt).map(({ targetUid }) => targetUid));
  // A copy that was written anew, and whose UID we were not told, may be any of them: then none is taken by its content.
  const candidates = missing > 0 ? [] : contents.filter(({ copy }) => !known.has(copy.id.uid));

  return {
    get size() {
      return pool.size;
    },
    take: (mark) => pool.take(mark, null),
    takeLike(content) {
      for (const { copy } of candidates.filter((each) => each.content === content)) {
        if (pool.takeUid(copy.id.uid)) return copy;
      }
      return null;
    },
  };
}

/** Copies by what their marks are sorted by; one may be known by two kinds of marks. */
class Pool {
  readonly #byKey = new Map<string, UnclaimedCopy[]>();
  readonly #byUid = new Map<number, readonly [UnclaimedCopy, readonly string[]]>();

  get size(): number {
    return this.#byUid.size;
  }

  /** In ascending UID. */
  add(copy: UnclaimedCopy, marks: readonly string[]): void {
    const keys = marks.map(keyOfMark);
    this.#byUid.set(copy.id.uid, [copy, keys]);
    for (const key of keys) {
      const known = this.#byKey.get(key);
      if (known === undefined) this.#byKey.set(key, [copy]);
      else known.push(copy);
    }
  }

  /** The first with this mark, or the one at this UID if it has it. */
  take(mark: string, uid: number | null): UnclaimedCopy | null {
    const found = this.#byKey.get(keyOfMark(mark)) ?? [];
    const copy = uid === null ? found[0] : found.find(({ id }) => id.uid === uid);
    return copy === undefined ? null : this.takeUid(copy.id.uid);
  }

  takeUid(uid: number): UnclaimedCopy | null {
    const [copy, keys] = this.#byUid.get(uid) ?? [null, []];
    if (copy === null) return null;
    this.#byUid.delete(uid);
    for (const key of keys) {
      const left = this.#byKey.get(key) ?? [];
      left.splice(left.indexOf(copy), 1);
    }
    return copy;
  }
}
