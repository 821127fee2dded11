import type { SourceFolder } from './mail.ts';
import { isSameMark, markLike } from './marks.ts';
import type { DeliveredCopy, FolderEntry, Lease, Ledger } from './ports/ledger.ts';
import type { MailSource } from './ports/mail.ts';

/** Copies that are compared by size, and how many of them by their bytes too. */
const SAMPLE = 50;
const BODIES = 3;

/**
 * Folders that were renamed at the source go on with the rows that they have, so that nothing of them is read or copied again
 * (T13). RENAME keeps UIDVALIDITY and UIDs (RFC 9051 §6.3.6), but two folders may well have the same UIDVALIDITY: it is taken for
 * the same folder only when a sample of its messages is the same too, UID by UID.
 */
export async function recordRenames(
  ledger: Ledger,
  lease: Lease,
  source: MailSource,
  folders: readonly SourceFolder[],
): Promise<void> {
  const entries = await ledger.listFolders(lease.mailboxId);
  const listed = new Set(folders.map(({ id }) => id));
  const known = new Set(entries.map(({ sourceId }) => sourceId));
  const gone = entries.filter((entry) => !listed.has(entry.sourceId) && (entry.status?.exists ?? 0) > 0);
  const fresh = folders.filter((folder) => folder.selectable && !known.has(folder.id));
  if (gone.length === 0) return;
  for (const folder of fresh) {
    const { uidValidity, uidNext } = await source.getStatus(folder);
    const at = gone.findIndex(({ status }) => status?.uidValidity === uidValidity && status.uidNext <= uidNext);
    const entry = gone[at];
    if (entry === undefined || !(await isSame(ledger, lease, source, entry, folder))) continue;
    await ledger.recordRename(lease, entry.id, { sourceId: folder.id, sourcePath: folder.path });
    gone.splice(at, 1);
  }
}

async function isSame(
  ledger: Ledger,
  lease: Lease,
  source: MailSource,
  entry: FolderEntry,
  folder: SourceFolder,
): Promise<boolean> {
  const copies = await sampleOf(ledger, lease, entry);
  if (copies.length === 0) return false;
  const sizes = new Map<number, number>();
  for await (const { uid, sizeBytes } of source.listMessages(folder, Math.min(...copies.map(({ uid }) => uid)))) {
    sizes.set(uid, sizeBytes);
    if (uid >= Math.max(...copies.map((copy) => copy.uid))) break;
  }
  const there = copies.filter(({ uid }) => sizes.has(uid));
  // Some may have been deleted with the rename; none may be another message.
  if (there.length === 0 || there.some(({ uid, sizeBytes }) => sizes.get(uid) !== sizeBytes)) return false;
  const bodies = there.slice(0, BODIES);
  const uidValidity = bodies[0]?.uidValidity ?? '';
  const wanted = new Map(bodies.map(({ uid, fingerprint }) => [uid, fingerprint]));
  let equal = 0;
  for await (const { uid, result } of source.readMessages(folder, uidValidity, [...wanted.keys()])) {
    const mark = wanted.get(uid);
    if (mark === undefined || !('raw' in result)) continue;
    if (isSameMark(markLike(result.raw, 'bytes', mark) ?? '', mark)) equal += 1;
  }
  return equal === bodies.length;
}

/** Copies of what the source has: what was repaired or wrapped cannot be compared. */
async function sampleOf(ledger: Ledger, lease: Lease, entry: FolderEntry): Promise<readonly DeliveredCopy[]> {
  const sample: DeliveredCopy[] = [];
  for await (const copy of ledger.listDelivered(lease.mailboxId, entry.targetPath, 1)) {
    const isPlain = copy.state === 'copied' || copy.state === 'already-there';
    if (isPlain && copy.folderId === entry.id && copy.uidValidity === entry.status?.uidValidity) sample.push(copy);
    if (sample.length >= SAMPLE) break;
  }
  return sample;
}
