import { collect } from './collect.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { FolderPath, TargetId } from './mail.ts';
import type { Ledger } from './ports/ledger.ts';
import type { MailTarget, TargetFolder } from './ports/mail.ts';
import { isStub } from './wrap.ts';

/**
 * Messages in a target folder that no row of the ledger has claimed: appended by an attempt that died before it could say so,
 * or by somebody else before us. Taken one by one, so two equal messages at the source are matched by two at the target.
 */
export interface Unclaimed {
  readonly size: number;
  /** @returns the copy with the lowest UID, or null when there is none (left) with this fingerprint. */
  take(fingerprint: string): UnclaimedCopy | null;
  /**
   * As {@link take}, by what the message says (contentFingerprintOf), for a target that writes anew what it is given (T36). Only
   * where it was read for that, and never a copy that the ledger may know.
   */
  takeLike(content: string): UnclaimedCopy | null;
}

export interface UnclaimedCopy {
  readonly id: TargetId;
  readonly flags: readonly string[];
  readonly receivedAt: string | null;
  /** It is a stub of ours with the original attached. */
  readonly isStub: boolean;
}

export const NOTHING_UNCLAIMED: Unclaimed = { size: 0, take: () => null, takeLike: () => null };

/**
 * Reads the target folder from `fromUid` on and takes away what the ledger knows. Copies whose UID the ledger was not told
 * (no UIDPLUS) may lie anywhere, so with one of them among `wanted` the folder is read from its start.
 *
 * @param contentOf  tells what a message says, for {@link Unclaimed.takeLike}; null where that is not asked for
 * @param taken  UIDs of copies that are known to be somebody's
 */
export async function readUnclaimed(
  target: MailTarget,
  ledger: Ledger,
  where: { readonly mailboxId: string; readonly targetPath: FolderPath; readonly folder: TargetFolder },
  fromUid: number,
  wanted: ReadonlySet<string> | null,
  contentOf: ((raw: Buffer) => string) | null = null,
  taken: ReadonlySet<number> = new Set(),
): Promise<Unclaimed> {
  const { uidValidity, uidNext } = await target.getStatus(where.folder);
  let from = fromUid > uidNext ? 1 : fromUid; // the target folder was made anew: its UIDs count from one again
  const read = () => collect(ledger.listDelivered(where.mailboxId, where.targetPath, from));
  let delivered = await read();
  if (from > 1 && delivered.some((copy) => copy.targetUid === null && (wanted?.has(copy.fingerprint) ?? true))) {
    from = 1;
    delivered = await read();
  }

  const copies = new Map<string, UnclaimedCopy[]>();
  const contents: { readonly fingerprint: string; readonly copy: UnclaimedCopy; readonly content: string }[] = [];
  let size = 0;
  for await (const { raw, uid, flags, internalDate } of target.listMessages(where.folder, from)) {
    if (taken.has(uid)) continue;
    const fingerprint = fingerprintOf(raw);
    const copy = { id: { uidValidity, uid }, flags, receivedAt: internalDate, isStub: isStub(raw) };
    if (contentOf !== null) contents.push({ fingerprint, copy, content: contentOf(raw) });
    const known = copies.get(fingerprint);
    if (known === undefined) copies.set(fingerprint, [copy]);
    else known.push(copy);
    size += 1;
  }

  const claim = (fingerprint: string, uid: number | null): boolean => {
    const found = copies.get(fingerprint) ?? [];
    const at = uid === null ? 0 : found.findIndex(({ id }) => id.uid === uid);
    if (at < 0 || found.length === 0) return false;
    found.splice(at, 1);
    size -= 1;
    return true;
  };
  // A known UID claims its own message; only then do the others take what is left, lowest UID first.
  for (const copy of delivered) if (copy.targetUid !== null) claim(copy.fingerprint, copy.targetUid);
  const missing = delivered.filter((copy) => copy.targetUid === null && !claim(copy.fingerprint, null));
  const known = new Set(delivered.map(({ targetUid }) => targetUid));
  // A copy that was written anew, and whose UID we were not told, may be any of them: then none is taken by its content.
  const candidates = missing.length > 0 ? [] : contents.filter(({ copy }) => !known.has(copy.id.uid));

  return {
    get size() {
      return size;
    },
    take(fingerprint) {
      const copy = copies.get(fingerprint)?.shift();
      if (copy === undefined) return null;
      size -= 1;
      return copy;
    },
    takeLike(content) {
      for (const { fingerprint, copy } of candidates.filter((each) => each.content === content)) {
        const left = copies.get(fingerprint) ?? [];
        const at = left.indexOf(copy);
        if (at < 0) continue;
        left.splice(at, 1);
        size -= 1;
        return copy;
      }
      return null;
    },
  };
}
