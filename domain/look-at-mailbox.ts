import { collect } from './collect.ts';
import type { FolderStatus, SourceFolder } from './mail.ts';
import type { Pass } from './passes.ts';
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
export async function hasWork(source: MailSource, ledger: Ledger, mailboxId: string, pass: Pass): Promise<MailboxLook> {
  const entries = new Map((await ledger.listFolders(mailboxId)).map((entry) => [entry.sourceId, entry]));
  const folders = (await collect(source.listFolders())).filter((folder) => folder.selectable);
  let work = folders.length === 0; // the pass itself says what is wrong with a mailbox without folders
  let messages = 0;
  for (const folder of folders) {
    const entry = entries.get(folder.id);
    entries.delete(folder.id);
    const status = await source.getStatus(folder);
    messages += status.exists;
    work ||= entry === undefined || entry.unfinished || !isSettled(entry, status, source.tracks, pass);
  }
  // What is left has gone from the source; the next pass takes that down.
  const gone = [...entries.values()].some(holdsSomething);
  return { work: work || gone, folders: folders.length, messages };
}

/**
 * Nothing has changed since the last complete census. STATUS is compared with STATUS: where a server's FETCH finds another
 * number of messages (T45), that must not look like news at each pass.
 *
 * Without mod-sequences a change of flags alone is not seen; new and removed messages always are. The final passes therefore
 * read the flags of such a source.
 */
export function isSettled(entry: FolderEntry, status: FolderStatus, tracks: MailSource['tracks'], pass: Pass): boolean {
  if (entry.fault !== null || entry.status === null) return false;
  if (pass.kind === 'final' && (tracks === 'nothing' || status.highestModSeq === null) && status.exists > 0)
    return false;
  return sameStatus({ ...entry.status, exists: entry.counts?.status ?? entry.status.exists }, status);
}

function sameStatus(one: FolderStatus, other: FolderStatus): boolean {
  return (
    one.uidValidity === other.uidValidity &&
    one.uidNext === other.uidNext &&
    one.exists === other.exists &&
    one.highestModSeq === other.highestModSeq
  );
}

/** Folders that are in the ledger with messages and no longer at the source. */
export function listGone(entries: readonly FolderEntry[], folders: readonly SourceFolder[]): readonly FolderEntry[] {
  const there = new Set(folders.map((folder) => folder.id));
  return entries.filter((entry) => !there.has(entry.sourceId) && holdsSomething(entry));
}

function holdsSomething({ status, unfinished }: FolderEntry): boolean {
  return unfinished || (status?.exists ?? 0) > 0;
}
