import type { BeforeMxMoves } from './before-mx-moves.ts';
import { collect } from './collect.ts';
import type { CopyContext } from './copy-context.ts';
import { findBrake, type VanishedFrom } from './deletion-brake.ts';
import { MigrationError } from './errors.ts';
import { hasWork } from './look-at-mailbox.ts';
import type { SourceFolder } from './mail.ts';
import { isSameMark, markLike } from './marks.ts';
import type { Pass } from './passes.ts';
import type { TargetEraser } from './ports/eraser.ts';
import type { Lease, Ledger, Removable } from './ports/ledger.ts';
import type { MailSource, MailTarget, TargetFolder } from './ports/mail.ts';

export interface FollowDeletionsInput {
  readonly ledger: Ledger;
  readonly lease: Lease;
  readonly target: MailTarget;
  readonly source: MailSource;
  readonly pass: Pass;
  /** So many a person has allowed; null: nobody was asked. */
  readonly allowed: number | null;
  /** Asked before each removal; null: MX has moved meanwhile, nothing more is removed. */
  readonly prove: () => Promise<BeforeMxMoves | null>;
  /** @returns null where the target cannot remove exactly what it is told to */
  readonly openEraser: (proof: BeforeMxMoves) => Promise<TargetEraser | null>;
  readonly signal: AbortSignal;
}

export interface Deletions {
  readonly removed: number;
  /** Copies that are not as we left them: another UIDVALIDITY, or other bytes under the UID. They stay. */
  readonly kept: number;
}

/** Messages of one look, and of one removal. */
const WINDOW = 50;

/**
 * Takes away at the target what we copied and its owner has deleted at the source since. To be called at the end of a delta, when
 * what was moved has taken its copy over. Everything or nothing stands behind the brake; each copy is read again right before.
 * Nothing is removed while the source changes, has a folder that cannot be read, or a message: what seems to be deleted may have been
 * moved there.
 * @throws DELETIONS_HELD when a person is needed; what the eraser throws. Nothing is removed that has no record of the intent
 */
export async function followDeletions(input: FollowDeletionsInput): Promise<Deletions> {
  const { ledger, lease, source, target, allowed, pass } = input;
  const removable = await collect(ledger.listRemovable(lease.mailboxId));
  if (removable.length === 0) return NOTHING;
  if (allowed === 0) return { removed: 0, kept: removable.length }; // a person said: keep them
  const isSettled = !(await hasWork(source, ledger, lease.mailboxId, pass)).work;
  if (!isSettled || (await hasUnread(ledger, lease.mailboxId))) return { removed: 0, kept: removable.length };
  const copies = await ledger.countCopies(lease.mailboxId);
  const folders = await listVanished(input, removable, await collect(source.listFolders()));
  const brake = findBrake({ folders, copies, allowed });
  if (brake !== null) {
    throw new MigrationError(
      'DELETIONS_HELD',
      `${removable.length} copies of messages that the source has no more would be deleted at the target: ${brake}.`,
      { facts: { count: removable.length, copies } },
    );
  }
  const proof = await input.prove();
  const eraser = proof && (await input.openEraser(proof));
  if (!eraser) return { removed: 0, kept: removable.length };
  try {
    const targets = new Map((await collect(target.listFolders())).map((folder) => [pathKey(folder.path), folder]));
    let removed = 0;
    for (const [path, group] of Map.groupBy(removable, ({ targetPath }) => pathKey(targetPath))) {
      const folder = targets.get(path);
      if (folder) removed += await removeFrom(input, eraser, folder, group);
    }
    return { removed, kept: removable.length - removed };
  } finally {
    await eraser.close();
  }
}

/**
 * What an attempt may have removed before it died. To be called before anything else of a pass: what is gone is taken down, so
 * that no message takes over a copy that is not there.
 */
export async function settleRemovals(context: SettleContext, target: MailTarget): Promise<void> {
  const { ledger, lease } = context;
  const intended = await ledger.listRemovalsIntended(lease.mailboxId);
  if (intended.length === 0) return;
  // Whoever wrote these intents may be alive, cut off from us and in the middle of its last command.
  await context.settle();
  const folders = new Map((await collect(target.listFolders())).map((folder) => [pathKey(folder.path), folder]));
  for (const [path, group] of Map.groupBy(intended, ({ targetPath }) => pathKey(targetPath))) {
    const there = await findThere(target, folders.get(path), group);
    const [left, gone] = [group.filter((each) => there.has(each)), group.filter((each) => !there.has(each))];
    if (gone.length > 0) await ledger.recordRemovals(lease, gone, 'removed');
    if (left.length > 0) await ledger.recordRemovals(lease, left, null);
  }
}

type SettleContext = Pick<CopyContext, 'ledger' | 'lease' | 'settle'>;

async function findThere(
  target: MailTarget,
  folder: TargetFolder | undefined,
  copies: readonly Removable[],
): Promise<ReadonlySet<Removable>> {
  if (folder === undefined) return new Set();
  const { uidValidity } = await target.getStatus(folder);
  const valid = copies.filter((copy) => copy.targetUidValidity === uidValidity);
  const uids = valid.map(({ targetUid }) => targetUid);
  const there = new Set((await collect(target.listFlags(folder, uids))).map(({ uid }) => uid));
  return new Set(valid.filter(({ targetUid }) => there.has(targetUid)));
}

/** A message whose bytes the source cannot give may be the very one whose copy is to be removed. */
async function hasUnread(ledger: Ledger, mailboxId: string): Promise<boolean> {
  for await (const { code } of ledger.listExceptions(mailboxId)) if (code === 'MESSAGE_DAMAGED') return true;
  return false;
}

async function listVanished(
  { ledger, lease }: FollowDeletionsInput,
  removable: readonly Removable[],
  sourceFolders: readonly SourceFolder[],
): Promise<readonly VanishedFrom[]> {
  const there = new Set(sourceFolders.filter((folder) => folder.selectable).map((folder) => folder.id));
  const counts = new Map<string, number>();
  for (const { folderId } of removable) counts.set(folderId, (counts.get(folderId) ?? 0) + 1);
  const vanished: VanishedFrom[] = [];
  for (const { id, sourceId, sourcePath } of await ledger.listFolders(lease.mailboxId)) {
    const count = counts.get(id);
    if (count === undefined) continue;
    const left = there.has(sourceId) ? await ledger.countPresent(id) : null;
    vanished.push({ folder: sourcePath.join('/'), vanished: count, left });
  }
  return vanished;
}

async function removeFrom(
  { ledger, lease, prove, signal }: FollowDeletionsInput,
  eraser: TargetEraser,
  folder: TargetFolder,
  copies: readonly Removable[],
): Promise<number> {
  let removed = 0;
  for (const [uidValidity, group] of Map.groupBy(copies, ({ targetUidValidity }) => targetUidValidity)) {
    for (let at = 0; at < group.length; at += WINDOW) {
      signal.throwIfAborted();
      const ours = await listUnchanged(eraser, folder, uidValidity, group.slice(at, at + WINDOW));
      const proof = await prove();
      if (ours.length === 0) continue;
      if (proof === null) return removed;
      const uids = ours.map(({ targetUid }) => targetUid);
      await ledger.recordRemovals(lease, ours, 'intended');
      await eraser.removeExactly(proof, folder, uidValidity, uids);
      await ledger.recordRemovals(lease, ours, 'removed');
      removed += ours.length;
    }
  }
  return removed;
}

/** Those that are still what we put there: same UID under the same UIDVALIDITY, same bytes. */
async function listUnchanged(
  eraser: TargetEraser,
  folder: TargetFolder,
  uidValidity: string,
  copies: readonly Removable[],
): Promise<readonly Removable[]> {
  const byUid = new Map(copies.map((copy) => [copy.targetUid, copy]));
  const unchanged: Removable[] = [];
  try {
    for await (const { uid, raw } of eraser.readCopies(folder, uidValidity, [...byUid.keys()])) {
      const copy = byUid.get(uid);
      if (copy && isSameMark(markLike(raw, 'bytes', copy.fingerprint) ?? '', copy.fingerprint)) unchanged.push(copy);
      byUid.delete(uid);
    }
  } catch (error) {
    if (!(error instanceof MigrationError) || error.kind.scope !== 'folder') throw error;
    return []; // made anew: its UIDs mean other messages
  }
  return unchanged;
}

const NOTHING: Deletions = { removed: 0, kept: 0 };

function pathKey(path: readonly string[]): string {
  return JSON.stringify(path);
}
