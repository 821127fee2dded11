import { collect } from './collect.ts';
import { type CopyCounts, copyFolder } from './copy-folder.ts';
import { type ErrorCode, MigrationError } from './errors.ts';
import { type FolderRename, planFolders } from './folders.ts';
import { listGone } from './look-at-mailbox.ts';
import type { FolderPath, SourceFolder } from './mail.ts';
import type { Pass } from './passes.ts';
import type { FolderEntry, FolderPlan, FolderTally, Lease, Ledger } from './ports/ledger.ts';
import type { MailSource, MailTarget } from './ports/mail.ts';

export interface CopyMailboxInput {
  readonly source: MailSource;
  readonly target: MailTarget;
  readonly ledger: Ledger;
  /** Of this mailbox, taken by this attempt. */
  readonly lease: Lease;
  readonly mailbox: {
    readonly id: string;
    /** Source folder → target folder as a person wrote them, levels parted by `/`. */
    readonly mapping: Readonly<Record<string, string>>;
  };
  readonly pass: Pass;
  readonly signal: AbortSignal;
  /** After each durable record, never before: the place for a heartbeat. */
  readonly onProgress?: (progress: CopyProgress) => void;
  /** Tries messages again that an earlier pass had to refuse. */
  readonly retryRefused?: boolean;
}

export interface CopyProgress extends CopyCounts {
  readonly folder: FolderPath;
  readonly foldersDone: number;
  readonly folders: number;
}

/** What this attempt did. The numbers of a report come from the ledger, which does not forget what a killed attempt did. */
export interface CopyReport extends CopyCounts {
  /** Messages that this attempt sent: copied and repaired. */
  readonly moved: number;
  readonly folders: number;
  /** Folders that were skipped because nothing had changed in them. */
  readonly unchanged: number;
  readonly renames: readonly FolderRename[];
  readonly faults: readonly FolderFault[];
}

export interface FolderFault {
  readonly path: FolderPath;
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * One pass over one mailbox: brings every message of the source to the target and says of each what became of it. May be
 * killed anywhere and called again: it looks before it resends.
 *
 * A bad message is recorded and passed over, a bad folder too; the pass fails when the mailbox cannot go on, when no folder
 * could be read at all (T14), or when a folder's messages do not add up.
 * @throws COUNT_MISMATCH, NO_FOLDERS, LEASE_LOST, QUOTA_EXCEEDED, THROTTLED, SERVER_BUSY, CONNECTION_LOST and what else has
 *         the scope `mailbox`; PROTOCOL_VIOLATION after the other folders are done; the signal's reason when aborted
 */
export async function copyMailbox(input: CopyMailboxInput): Promise<CopyReport> {
  const { source, target, ledger, lease, mailbox, pass, signal, onProgress } = input;
  const sourceFolders = await collect(source.listFolders());
  const mapping = planFolders(sourceFolders, {
    targetFolders: await collect(target.listFolders()),
    separator: target.separator,
    rootIsInbox: target.rootIsInbox,
    mapping: mailbox.mapping,
  });
  await recordGone(input, sourceFolders);
  if (input.retryRefused === true) await replanRefused(input);

  const counts = { copied: 0, repaired: 0, alreadyThere: 0, vanished: 0, refused: 0, bytes: 0 };
  const faulty = new Map<string, MigrationError>();
  const faults: FolderFault[] = [];
  let unchanged = 0;
  let done = 0;
  for (const { source: folder, targetPath, role } of mapping.folders) {
    signal.throwIfAborted();
    const plan: FolderPlan = { sourceId: folder.id, sourcePath: folder.path, role: folder.role, targetPath };
    const entry = await ledger.recordFolder(lease, plan);
    const report = () =>
      onProgress?.({ ...counts, folder: folder.path, foldersDone: done, folders: mapping.folders.length });
    const context = { source, target, ledger, lease, pass, signal, counts, report };
    const job = { entry, folder, targetPath, targetRole: role };
    try {
      const copied = await copyFolder(context, job).catch(async (error: unknown) => {
        if (!(error instanceof MigrationError) || error.code !== 'FOLDER_VANISHED') throw error;
        // Its UIDs may have been counted anew under our hands (T43): what was copied is taken over by fingerprint.
        return await copyFolder(context, { ...job, entry: await ledger.recordFolder(lease, plan) });
      });
      if (!copied) unchanged += 1;
      if (entry.fault !== null) await ledger.recordFolderFault(lease, entry.id, null);
    } catch (error) {
      if (!(error instanceof MigrationError) || error.kind.scope !== 'folder') throw error;
      await ledger.recordFolderFault(lease, entry.id, { code: error.code, message: error.message });
      faulty.set(entry.id, error);
      faults.push({ path: folder.path, code: error.code, message: error.message });
    }
    done += 1;
    report();
  }

  if (faulty.size === mapping.folders.length) throw nothingRead(faults);
  for (const error of faulty.values()) if (error.kind.reaction !== 'skip') throw error;
  checkSums(await ledger.tallyFolders(mailbox.id), new Set(faulty.keys()));
  const moved = counts.copied + counts.repaired;
  return { ...counts, moved, folders: mapping.folders.length, unchanged, renames: mapping.renames, faults };
}

/** Folders that were deleted or renamed at the source: what was delivered stays so, what was not has vanished. */
async function recordGone(input: CopyMailboxInput, folders: readonly SourceFolder[]): Promise<void> {
  const { ledger, lease, mailbox, pass } = input;
  if (folders.length === 0) return; // an empty LIST is a fault of the source, never a reason to forget (T73)
  const entries: readonly FolderEntry[] = await ledger.listFolders(mailbox.id);
  for (const entry of listGone(
    entries,
    folders.filter((folder) => folder.selectable),
  )) {
    await ledger.recordCensusEnd(lease, entry.id, pass, { ...entry.status, exists: 0 });
  }
}

async function replanRefused({ ledger, lease, mailbox, pass }: CopyMailboxInput): Promise<void> {
  const idOf = new Map((await ledger.listFolders(mailbox.id)).map(({ sourcePath, id }) => [pathKey(sourcePath), id]));
  for await (const { sourcePath, uidValidity, uid, state } of ledger.listExceptions(mailbox.id)) {
    const folderId = idOf.get(pathKey(sourcePath));
    if (state !== 'refused' || folderId === undefined) continue;
    const again = {
      uidValidity,
      uid,
      state: 'planned',
      fingerprint: null,
      target: null,
      code: null,
      detail: null,
    } as const;
    await ledger.recordOutcomes(lease, folderId, pass, [again]);
  }
}

function nothingRead(faults: readonly FolderFault[]): MigrationError {
  const [first] = faults;
  if (first === undefined) return new MigrationError('NO_FOLDERS', 'The source listed no folder.');
  return new MigrationError(
    'NO_FOLDERS',
    `None of ${faults.length} folders could be read; the first: ${first.message}`,
    {
      facts: { folders: faults.length, firstCode: first.code },
    },
  );
}

/** Every message has one terminal state, and together they are as many as the source has. */
function checkSums(tallies: readonly FolderTally[], faulty: ReadonlySet<string>): void {
  for (const { folderId, sourcePath, exists, unfinished, tally } of tallies) {
    if (faulty.has(folderId)) continue;
    const { copied, repaired, wrapped, alreadyThere, vanished, excluded, refused } = tally;
    const sum = copied + repaired + wrapped + alreadyThere + vanished + excluded + refused;
    if (sum === exists && unfinished === 0) continue;
    const folder = sourcePath.join('/');
    throw new MigrationError(
      'COUNT_MISMATCH',
      `Folder "${folder}" has ${exists} messages and ${sum} are accounted for.`,
      {
        facts: { folder, exists, sum, unfinished },
      },
    );
  }
}

function pathKey(path: FolderPath): string {
  return JSON.stringify(path);
}
