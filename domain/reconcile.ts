import { contentFingerprintOf } from './canonical-fingerprint.ts';
import { collect } from './collect.ts';
import type { CopyContext, Lane } from './copy-context.ts';
import { MigrationError } from './errors.ts';
import type { FolderEntry, IntendedMessage, Outcome } from './ports/ledger.ts';
import type { MailSource, MailTarget, TargetFolder } from './ports/mail.ts';
import { notFound } from './suspicion.ts';
import { NOTHING_UNCLAIMED, readUnclaimed, type Unclaimed, type UnclaimedCopy } from './unclaimed.ts';
import { noOutcome } from './unit-outcomes.ts';

/**
 * Looks for what an earlier attempt may have delivered before it died: found is delivered, not found did not happen. All of the
 * mailbox, and before anything is sent: what was delivered and has since been moved at the source is to be found by the message
 * that it is now.
 *
 * A copy is known by its bytes, and where the target writes anew what it is given (T36), by what it says: for that the message is
 * read once more at the source.
 */
export async function reconcile(context: CopyContext, lane: Lane): Promise<void> {
  const { ledger, lease } = context;
  const intended = await ledger.listIntended(lease.mailboxId);
  if (intended.length === 0) return;
  // Whoever wrote these intents may be alive, cut off from us and in the middle of its last APPEND.
  await context.settle();
  const folders = await collect(lane.target.listFolders());
  const sources = new Map((await ledger.listFolders(lease.mailboxId)).map((entry) => [entry.id, entry]));
  for (const messages of Map.groupBy(intended, ({ targetPath }) => pathKey(targetPath)).values()) {
    const [{ targetPath } = { targetPath: [] }] = messages;
    const folder = folders.find(({ path }) => pathKey(path) === pathKey(targetPath));
    await reconcileFolder(context, lane, sources, folder ?? null, messages);
  }
}

async function reconcileFolder(
  context: CopyContext,
  { source, target }: Lane,
  sources: ReadonlyMap<string, FolderEntry>,
  folder: TargetFolder | null,
  intended: readonly IntendedMessage[],
): Promise<void> {
  const { ledger, lease, pass, counts } = context;
  const unclaimed = folder === null ? NOTHING_UNCLAIMED : await lookInto(context, target, folder, intended);
  const found = new Map<IntendedMessage, UnclaimedCopy>();
  for (const message of intended) {
    const wants = copyFingerprintOf(message);
    const copy = wants === null ? null : unclaimed.take(wants);
    if (copy !== null) found.set(message, copy);
  }
  for (const message of intended) {
    if (found.has(message) || unclaimed.size === 0) continue;
    const copy = await findLike(source, sources.get(message.folderId), message, unclaimed);
    if (copy !== null) found.set(message, copy);
  }
  for (const [folderId, messages] of Map.groupBy(intended, (message) => message.folderId)) {
    const outcomes = messages.map((message): Outcome => {
      const copy = found.get(message);
      if (copy === undefined) return notFound(message, message.present);
      const changed = copy.isStub ? 'wrapped' : 'repaired';
      const state = message.copyFingerprint === null ? 'copied' : changed;
      counts[state] += 1;
      return {
        ...noOutcome(message, state),
        target: target.reportsUid ? copy.id : null,
        detail: state === 'copied' ? null : WHY_CHANGED[state],
        // The flags that it was given went down with the attempt; those that source and copy share are a base that takes none away.
        flags: message.flags.filter((flag) => copy.flags.includes(flag)),
        receivedAt: message.internalDate === null ? copy.receivedAt : null,
      };
    });
    await ledger.recordOutcomes(lease, folderId, pass, outcomes);
  }
  context.report(folder?.path ?? []);
}

/** Null also where the source cannot give the message: then it is told by whoever reads it next. */
async function findLike(
  source: MailSource,
  entry: FolderEntry | undefined,
  { uidValidity, uid, present }: IntendedMessage,
  unclaimed: Unclaimed,
): Promise<UnclaimedCopy | null> {
  if (entry === undefined || !present) return null;
  const { sourceId: id, sourcePath: path, role } = entry;
  try {
    const original = await source.findMessage({ id, path, role, selectable: true }, uidValidity, uid);
    return original === null ? null : unclaimed.takeLike(contentFingerprintOf(original.raw));
  } catch (error) {
    const isLocal = error instanceof MigrationError && ['message', 'folder'].includes(error.kind.scope);
    if (isLocal) return null;
    throw error;
  }
}

async function lookInto(
  { ledger, lease }: CopyContext,
  target: MailTarget,
  folder: TargetFolder,
  intended: readonly IntendedMessage[],
): Promise<Unclaimed> {
  const from = Math.min(...intended.map((message) => message.intentUidNext ?? 1));
  const wanted = new Set(intended.flatMap((message) => copyFingerprintOf(message) ?? []));
  const [{ targetPath } = { targetPath: [] }] = intended;
  const where = { mailboxId: lease.mailboxId, targetPath, folder };
  return await readUnclaimed(target, ledger, where, from, wanted, contentFingerprintOf);
}

/** What exactly was changed went down with the attempt. */
const WHY_CHANGED = {
  repaired: 'It was changed on the wire so that the target would take it.',
  wrapped: 'The target refused the message itself, so the original is attached to a stub, byte for byte.',
} as const;

function copyFingerprintOf({ copyFingerprint, fingerprint }: IntendedMessage): string | null {
  return copyFingerprint ?? fingerprint;
}

function pathKey(path: readonly string[]): string {
  return JSON.stringify(path);
}
