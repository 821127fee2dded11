import { collect } from './collect.ts';
import { isContentMark, keyOfMark, markOf } from './marks.ts';
import type { DeliveredCopy } from './ports/ledger.ts';
import type { MailTarget, TargetFolder } from './ports/mail.ts';
import type { VerifyContext } from './verify-context.ts';
import type { FolderCheck } from './verify-folder.ts';

interface Loss {
  readonly check: FolderCheck;
  readonly copy: DeliveredCopy;
}

/**
 * Looks for lost copies in all other folders of the target, which costs a second reading of the mailbox, so only when something is
 * lost. A message counts as the lost one when its folder has it more often than the ledger's copies there account for.
 */
export async function findMisfiled(
  context: VerifyContext,
  target: MailTarget,
  checks: readonly FolderCheck[],
): Promise<void> {
  const losses = checks.flatMap((check) => [...check.lost].map((copy): Loss => ({ check, copy })));
  if (losses.length === 0) return;
  const wanted = Map.groupBy(losses, ({ copy }) => keyOfMark(copy.fingerprint));
  for (const folder of await collect(target.listFolders())) {
    if (wanted.size === 0) return;
    await searchFolder(context, target, folder, checks, wanted);
  }
}

async function searchFolder(
  context: VerifyContext,
  target: MailTarget,
  folder: TargetFolder,
  checks: readonly FolderCheck[],
  wanted: Map<string, Loss[]>,
): Promise<void> {
  const candidates = new Map<string, number[]>();
  const alsoByContent = target.fidelity === 'bytes' && [...wanted.keys()].some(isContentMark);
  for await (const { uid, raw } of target.listMessages(folder, 1)) {
    context.signal?.throwIfAborted();
    context.onSeen();
    const marks = [markOf(raw, target.fidelity), ...(alsoByContent ? [markOf(raw, 'content')] : [])];
    for (const key of marks.map(keyOfMark)) {
      if (wanted.has(key)) candidates.set(key, [...(candidates.get(key) ?? []), uid]);
    }
  }
  if (candidates.size === 0) return;
  await takeClaimed(context, folder, checks, candidates);
  for (const [key, uids] of candidates) {
    for (const uid of uids) {
      const loss = wanted.get(key)?.shift();
      if (loss === undefined) break;
      moveTo(loss, folder, uid, checks);
    }
    if (wanted.get(key)?.length === 0) wanted.delete(key);
  }
}

/** Takes away the messages that are copies of the folder's own: as many as the ledger knows there, less those lost from it. */
async function takeClaimed(
  { ledger, mailboxId }: VerifyContext,
  folder: TargetFolder,
  checks: readonly FolderCheck[],
  candidates: Map<string, number[]>,
): Promise<void> {
  const check = checks.find((each) => each.folder.id === folder.id);
  const lost = new Set([...(check?.lost ?? [])].map(rowKey));
  for await (const copy of ledger.listDelivered(mailboxId, check?.path ?? folder.path, 1)) {
    const uids = candidates.get(keyOfMark(copy.fingerprint));
    if (uids === undefined || uids.length === 0 || lost.has(rowKey(copy))) continue;
    const at = copy.targetUid === null ? -1 : uids.indexOf(copy.targetUid);
    uids.splice(Math.max(0, at), 1);
  }
}

function moveTo({ check, copy }: Loss, folder: TargetFolder, uid: number, checks: readonly FolderCheck[]): void {
  check.lost.delete(copy);
  check.misfiled.set(copy, `"${folder.path.join('/')}" under UID ${uid}`);
  // It is not a double there besides.
  const there = checks.find((each) => each.folder.id === folder.id);
  for (const found of there?.doubles.keys() ?? []) if (found.uid === uid) there?.doubles.delete(found);
}

function rowKey({ folderId, uidValidity, uid }: DeliveredCopy): string {
  return `${folderId}/${uidValidity}/${uid}`;
}
