import { collect } from './collect.ts';
import type { CopyContext } from './copy-context.ts';
import type { FlagsDue } from './ports/ledger.ts';
import type { FlagChange, MailTarget, TargetFolder } from './ports/mail.ts';

/** Rows of one look at the target. */
const PAGE = 500;

/**
 * Brings changes of flags at the source to the copies, by a merge of three: what the copy was given, what the source has now, what
 * the target has now. Only what changed at the source is carried over, so a user's own change at the target stays (T71), and an
 * unchanged mailbox costs no write (T69).
 * @returns how many copies were changed
 */
export async function mergeFlags(context: CopyContext, target: MailTarget): Promise<number> {
  const { ledger, lease, signal } = context;
  const folders = new Map((await collect(target.listFolders())).map((folder) => [pathKey(folder.path), folder]));
  let changed = 0;
  let after: FlagsDue | null = null;
  for (;;) {
    signal.throwIfAborted();
    const page: readonly FlagsDue[] = await ledger.listFlagsDue(lease.mailboxId, after, PAGE);
    for (const [path, due] of Map.groupBy(page, ({ targetPath }) => pathKey(targetPath))) {
      const folder = folders.get(path);
      if (folder) changed += await mergeInFolder(context, target, folder, due);
    }
    after = page.at(-1) ?? null;
    if (page.length < PAGE) return changed;
  }
}

async function mergeInFolder(
  { ledger, lease, report, pause }: CopyContext,
  target: MailTarget,
  folder: TargetFolder,
  due: readonly FlagsDue[],
): Promise<number> {
  const { uidValidity } = await target.getStatus(folder);
  // UIDs of a folder that was made anew mean other messages.
  const valid = due.filter((each) => each.targetUidValidity === uidValidity);
  const uids = valid.map(({ targetUid }) => targetUid);
  const there = new Map<number, readonly string[]>();
  const look = async (wanted: readonly number[]) => {
    for await (const { uid, flags } of target.listFlags(folder, wanted)) there.set(uid, flags);
  };
  await look(uids);
  const unseen = uids.filter((uid) => !there.has(uid));
  if (unseen.length > 0 && target.visibleAfterMs > 0) {
    await pause(target.visibleAfterMs); // it may have been copied a moment ago
    await look(unseen);
  }
  const changes = valid.flatMap((each) => {
    const now = there.get(each.targetUid);
    if (now === undefined) return []; // its owner has moved or deleted it
    const change = mergeOf(each.base, each.flags, now);
    return change.add.length + change.remove.length === 0 ? [] : [{ ...each, change }];
  });
  const record = async (merged: readonly FlagsDue[]) => {
    for (const [folderId, group] of Map.groupBy(merged, (each) => each.folderId)) {
      await ledger.recordFlags(lease, folderId, group);
    }
  };
  // As with messages: what is about to be done goes down first, since an attempt that dies in between has perhaps done it.
  await record(changes.map((each) => ({ ...each, flags: [...new Set([...each.base, ...each.flags, IN_DOUBT])] })));
  for (const { targetUid, change } of changes) await target.storeFlags(folder, targetUid, change);
  await record(valid);
  report(folder.path);
  return changes.length;
}

/** Among the flags that a copy was given: it may have got the others, or not. No server has a flag of this name. */
const IN_DOUBT = '\\*';

/** What has to change at the target so that it follows the source and keeps its owner's own changes. */
export function mergeOf(base: readonly string[], source: readonly string[], target: readonly string[]): FlagChange {
  const has = (flags: readonly string[], flag: string) => flags.some((each) => same(each, flag));
  const inDoubt = base.includes(IN_DOUBT);
  return {
    add: source.filter((flag) => (inDoubt || !has(base, flag)) && !has(target, flag)),
    remove: base.filter((flag) => !has(source, flag) && has(target, flag)),
  };
}

/** System flags and keywords are compared without case (RFC 9051 §2.3.2). */
function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function pathKey(path: readonly string[]): string {
  return JSON.stringify(path);
}
