import { collect } from './collect.ts';
import type { FolderStatus, SourceFolder } from './mail.ts';
import type { FolderEntry, Ledger } from './ports/ledger.ts';
import type { MailSource } from './ports/mail.ts';

export interface MailboxLook {
  readonly work: boolean;
  readonly folders: number;
  /** As the source counts them itself. */
  readonly messages: number;
}

/**
 * Whether a pass would find anything to do: one STATUS a folder beside the numbers of the last census, no message is read
 * and nothing is written.
 * @throws what the source throws; FOLDER_VANISHED counts as work
 */
export async function hasWork(source: MailSource, ledger: Ledger, mailboxId: string): Promise<MailboxLook> {
  const entries = new Map((await ledger.listFolders(mailboxId)).map((entry) => [entry.sourceId, entry]));
  const folders = (await collect(source.listFolders())).filter((folder) => folder.selectable);
  let work = folders.length === 0; // the pass itself says what is wrong with a mailbox without folders
  let messages = 0;
  for (const folder of folders) {
    const entry = entries.get(folder.id);
    entries.delete(folder.id);
    const status = await source.getStatus(folder);
    messages += status.exists;
    work ||= entry === undefined || !(await isSettled(ledger, entry, status));
  }
  // What is left has gone from the source; the next pass takes that down.
  const gone = [...entries.values()].some((entry) => (entry.status?.exists ?? 0) > 0);
  return { work: work || gone, folders: folders.length, messages };
}

/** Nothing has changed since the last complete census, and nothing was left over. */
export async function isSettled(ledger: Ledger, entry: FolderEntry, status: FolderStatus): Promise<boolean> {
  if (entry.fault !== null || entry.status === null || !sameStatus(entry.status, status)) return false;
  return (await ledger.nextUnfinished(entry.id, 1)).length === 0;
}

/** Without mod-sequences a change of flags alone is not seen; new and removed messages always are. */
function sameStatus(one: FolderStatus, other: FolderStatus): boolean {
  return (
    one.uidValidity === other.uidValidity &&
    one.uidNext === other.uidNext &&
    one.exists === other.exists &&
    one.highestModSeq === other.highestModSeq
  );
}

/** A folder that is in the ledger and no longer at the source. */
export function listGone(
  entries: readonly FolderEntry[],
  folders: readonly SourceFolder[],
): readonly (FolderEntry & { readonly status: FolderStatus })[] {
  const there = new Set(folders.map((folder) => folder.id));
  return entries.flatMap((entry) =>
    entry.status !== null && entry.status.exists > 0 && !there.has(entry.sourceId)
      ? [{ ...entry, status: entry.status }]
      : [],
  );
}
