import { collect } from './collect.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { FolderPath, TargetId } from './mail.ts';
import type { Ledger } from './ports/ledger.ts';
import type { MailTarget, TargetFolder } from './ports/mail.ts';

/**
 * Messages in a target folder that no row of the ledger has claimed: appended by an attempt that died before it could say so,
 * or by somebody else before us. Taken one by one, so two equal messages at the source are matched by two at the target.
 */
export interface Unclaimed {
  readonly size: number;
  /** @returns the copy with the lowest UID, or null when there is none (left) with this fingerprint. */
  take(fingerprint: string): UnclaimedCopy | null;
}

export interface UnclaimedCopy {
  readonly id: TargetId;
  readonly flags: readonly string[];
  readonly receivedAt: string | null;
}

export const NOTHING_UNCLAIMED: Unclaimed = { size: 0, take: () => null };

/**
 * Reads the target folder from `fromUid` on and takes away what the ledger knows. Copies whose UID the ledger was not told
 * (no UIDPLUS) may lie anywhere, so with one of them among `wanted` the folder is read from its start.
 */
export async function readUnclaimed(
  target: MailTarget,
  ledger: Ledger,
  where: { readonly mailboxId: string; readonly targetPath: FolderPath; readonly folder: TargetFolder },
  fromUid: number,
  wanted: ReadonlySet<string> | null,
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
  let size = 0;
  for await (const { raw, uid, flags, internalDate } of target.listMessages(where.folder, from)) {
    const fingerprint = fingerprintOf(raw);
    const copy = { id: { uidValidity, uid }, flags, receivedAt: internalDate };
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
  for (const copy of delivered) if (copy.targetUid === null) claim(copy.fingerprint, null);

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
  };
}
