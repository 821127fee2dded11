import { contentFingerprintOf } from './canonical-fingerprint.ts';
import { collect } from './collect.ts';
import type { CopyContext, Lane } from './copy-context.ts';
import { MigrationError } from './errors.ts';
import { markAtSource } from './mark-at-source.ts';
import { isContentMark, markOf } from './marks.ts';
import { messageKeyOf } from './message-key.ts';
import type { CopyState, FolderEntry, IntendedMessage, Outcome } from './ports/ledger.ts';
import type { CopyKeys, MailTarget, TargetFolder } from './ports/mail.ts';
import { notFound } from './suspicion.ts';
import { readUnclaimed, type Unclaimed, type UnclaimedCopy } from './unclaimed.ts';
import { noOutcome } from './unit-outcomes.ts';
import { sameSecond } from './unmatched.ts';

/**
 * Looks for what an earlier attempt may have delivered before it died: found is delivered, not found did not happen. All of the
 * mailbox, and before anything is sent: what was delivered and has since been moved at the source is to be found by the message
 * that it is now.
 *
 * A copy is known by its key where the target keeps one, else by its bytes, and where the target writes anew what it is given (T36), by what it says: for that the message is
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
  lane: Lane,
  sources: ReadonlyMap<string, FolderEntry>,
  folder: TargetFolder | null,
  intended: readonly IntendedMessage[],
): Promise<void> {
  const { ledger, lease, pass, counts } = context;
  const { target } = lane;
  const found = new Map<IntendedMessage, FoundCopy>();
  if (folder !== null) {
    for (const waitMs of waitsOf(target.visibleAfterMs)) {
      if (waitMs > 0) await context.pause(waitMs);
      await lookInto(context, lane, sources, folder, intended, found);
      if (found.size === intended.length) break;
    }
  }
  if (folder !== null) await restoreDates(target, folder, found);
  for (const [folderId, messages] of Map.groupBy(intended, (message) => message.folderId)) {
    const outcomes = messages.map((message): Outcome => {
      const copy = found.get(message);
      if (copy === undefined) return notFound(message, message.present);
      const state = message.intentState ?? guessState(message, copy);
      counts[state] += 1;
      return {
        ...noOutcome(message, state),
        target: target.reportsUid ? copy.id : null,
        detail: message.detail ?? (state === 'copied' ? null : WHY_CHANGED[state]),
        // The flags that it was given went down with the attempt; those that source and copy share are a base that takes none away.
        flags: message.flags.filter((flag) => copy.flags.includes(flag)),
        receivedAt: message.internalDate === null ? copy.receivedAt : null,
      };
    });
    await ledger.recordOutcomes(lease, folderId, pass, outcomes);
  }
  context.report(folder?.path ?? []);
}

/** Where a date is set by a call of its own, the attempt may have died before it (T64). */
async function restoreDates(
  target: MailTarget,
  folder: TargetFolder,
  found: ReadonlyMap<IntendedMessage, FoundCopy>,
): Promise<void> {
  for (const [{ internalDate }, { id, receivedAt }] of found) {
    if (internalDate !== null && !sameSecond(internalDate, receivedAt)) {
      await target.restoreDate?.(folder, id.uid, internalDate);
    }
  }
}

/**
 * Before each look: at once, then twice again while an effect may still be hidden. exchange.md §9.4: after 5 s and 30 s, which are a
 * sixth and all of the lag of such a target.
 */
function waitsOf(visibleAfterMs: number): readonly number[] {
  if (visibleAfterMs === 0) return [0];
  const first = Math.ceil(visibleAfterMs / 6);
  return [0, first, visibleAfterMs - first];
}

/** One look, for those that are not among `found` yet: by their keys, and for what bears none that is seen, by what it is. */
async function lookInto(
  context: CopyContext,
  { source, target }: Lane,
  sources: ReadonlyMap<string, FolderEntry>,
  folder: TargetFolder,
  intended: readonly IntendedMessage[],
  found: Map<IntendedMessage, FoundCopy>,
): Promise<void> {
  const taken = () => new Set([...found.values()].map(({ id }) => id.uid));
  const missing = () => intended.filter((message) => !found.has(message));
  if (target.keys !== null) {
    for (const [message, copy] of await findByKeys(context, target, target.keys, folder, missing())) {
      found.set(message, copy);
    }
    if (missing().length === 0) return;
  }
  const unclaimed = await readSince(context, { source, target }, folder, missing(), taken());
  for (const message of missing()) {
    const wants = markOfIntent(message);
    const copy = wants === null ? null : unclaimed.take(wants);
    if (copy !== null) found.set(message, copy);
  }
  for (const message of missing()) {
    if (unclaimed.size === 0) return;
    // A mark of its content was asked for already: reading the source again would tell nothing more.
    if (isContentMark(markOfIntent(message) ?? '')) continue;
    const copy = await findLike({ source, target }, sources.get(message.folderId), message, unclaimed);
    if (copy !== null) found.set(message, copy);
  }
}

/** What is known of a copy that was found. Of one found by its key the date is not read. */
type FoundCopy = Pick<UnclaimedCopy, 'id' | 'flags' | 'receivedAt' | 'isStub'>;

/** Of two copies with one key the first is the message's; the verification names the other. */
async function findByKeys(
  { lease }: CopyContext,
  target: MailTarget,
  keys: CopyKeys,
  folder: TargetFolder,
  messages: readonly IntendedMessage[],
): Promise<ReadonlyMap<IntendedMessage, FoundCopy>> {
  const byKey = new Map(messages.map((message) => [messageKeyOf(lease.mailboxId, message), message]));
  const uids = new Map<IntendedMessage, number>();
  for await (const { key, uid } of keys.find(folder, [...byKey.keys()])) {
    const message = byKey.get(key);
    if (message !== undefined) uids.set(message, Math.min(uid, uids.get(message) ?? uid));
  }
  if (uids.size === 0) return new Map();
  const { uidValidity } = await target.getStatus(folder);
  const listed = await collect(target.listFlags(folder, [...uids.values()]));
  const flags = new Map(listed.map((entry) => [entry.uid, entry.flags]));
  return new Map(
    [...uids].map(([message, uid]) => {
      return [message, { id: { uidValidity, uid }, flags: flags.get(uid) ?? [], receivedAt: null, isStub: false }];
    }),
  );
}

/** Null also where the source cannot give the message: then it is told by whoever reads it next. */
async function findLike(
  { source, target }: Lane,
  entry: FolderEntry | undefined,
  { uidValidity, uid, present }: IntendedMessage,
  unclaimed: Unclaimed,
): Promise<UnclaimedCopy | null> {
  if (entry === undefined || !present) return null;
  const { sourceId: id, sourcePath: path, role } = entry;
  try {
    const original = await source.findMessage({ id, path, role, selectable: true }, uidValidity, uid);
    if (original === null) return null;
    if (target.fidelity !== 'bytes') return unclaimed.take(markOf(original.raw, target.fidelity));
    return unclaimed.takeLike(contentFingerprintOf(original.raw));
  } catch (error) {
    const isLocal = error instanceof MigrationError && ['message', 'folder'].includes(error.kind.scope);
    if (isLocal) return null;
    throw error;
  }
}

async function readSince(
  { ledger, lease }: CopyContext,
  { source, target }: Lane,
  folder: TargetFolder,
  intended: readonly IntendedMessage[],
  taken: ReadonlySet<number>,
): Promise<Unclaimed> {
  const from = Math.min(...intended.map((message) => message.intentUidNext ?? 1));
  const wanted = new Set(intended.flatMap((message) => markOfIntent(message) ?? []));
  const [{ targetPath } = { targetPath: [] }] = intended;
  return await readUnclaimed(target, ledger, {
    ...{ mailboxId: lease.mailboxId, targetPath, folder, fromUid: from, wanted, taken },
    contentOf: contentFingerprintOf,
    markAtSource: markAtSource(source, ledger, lease.mailboxId, target),
  });
}

/** What exactly was changed went down with the attempt. */
const WHY_CHANGED = {
  repaired: 'It was changed on the wire so that the target would take it.',
  wrapped: 'The target refused the message itself, so the original is attached to a stub, byte for byte.',
} as const;

/** Of an intent that an older version wrote. */
function guessState({ copyFingerprint }: IntendedMessage, { isStub }: FoundCopy): CopyState {
  if (copyFingerprint === null || isContentMark(copyFingerprint)) return 'copied';
  return isStub ? 'wrapped' : 'repaired';
}

function markOfIntent({ copyFingerprint, fingerprint }: IntendedMessage): string | null {
  return copyFingerprint ?? fingerprint;
}

function pathKey(path: readonly string[]): string {
  return JSON.stringify(path);
}
