import type { ForwardedIn } from './arrived-both-ways.ts';
import type { ByteBudget } from './byte-budget.ts';
import { collect } from './collect.ts';
import { type CopyCounts, noCounts } from './copy-context.ts';
import { type BeforeCensus, FolderCopies } from './copy-folders.ts';
import { type ErrorCode, MigrationError } from './errors.ts';
import { recordRenames } from './find-renames.ts';
import { type FolderMapping, type FolderRename, planFolders } from './folders.ts';
import { settleRemovals } from './follow-deletions.ts';
import { DEFAULT_LABEL_RULES, isGmail, type LabelRules } from './gmail-labels.ts';
import { GmailPlaces } from './gmail-places.ts';
import { type LaneOptions, pauseUntil, workOnLanes } from './lanes.ts';
import { listGone } from './look-at-mailbox.ts';
import type { FolderPath, FolderStatus, SourceFolder } from './mail.ts';
import { mergeFlags } from './merge-flags.ts';
import type { Pass } from './passes.ts';
import type { FolderEntry, Lease, Ledger, Outcome } from './ports/ledger.ts';
import type { MailSource, MailTarget } from './ports/mail.ts';
import { triedAgain } from './suspicion.ts';
import { findLimits, type TargetLimits } from './target-limits.ts';
import { createTurn } from './turn.ts';
import type { FolderJob } from './work-units.ts';

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
  /** Of a target that does not say by its name what it is. */
  readonly limits?: TargetLimits | undefined;
  /** Of a Gmail source: which of its folders a message is copied from; by default one. */
  readonly labels?: LabelRules | undefined;
  /** Whether signed and encrypted mail may go by a route that breaks its signature; `keep` by default. */
  readonly signedMail?: 'keep' | 'may-break' | undefined;
  /** Books bytes before they are read of a source that gives away only so much a day; by default nobody counts. @throws DAILY_LIMIT */
  readonly mayRead?: ((bytes: number) => Promise<void>) | undefined;
  /** When each mailbox forwarded with a copy; never by default. */
  readonly forwardedIn?: readonly ForwardedIn[] | undefined;
  /** Further connections, and time to judge by whether they help. */
  readonly lanes: LaneOptions;
  /** Shared by all copies of the process. */
  readonly budget: ByteBudget;
  /** Wall clock, RFC 3339 UTC. */
  readonly now: () => string;
  /** After each durable record, never before: the place for a heartbeat. */
  readonly onProgress?: (progress: CopyProgress) => void;
  /** Attempts at this pass that were broken off before this one; 0 by default. */
  readonly failures?: number;
  /** Tries messages again that an earlier pass had to refuse. */
  readonly retryRefused?: boolean;
}

export interface CopyProgress extends Readonly<CopyCounts> {
  readonly folder: FolderPath;
}

/** What this attempt did. The numbers of a report come from the ledger, which does not forget what a killed attempt did. */
export interface CopyReport extends Readonly<CopyCounts> {
  /** Messages that this attempt sent: copied, repaired and wrapped. */
  readonly moved: number;
  readonly folders: number;
  /** Folders that were skipped because nothing had changed in them. */
  readonly unchanged: number;
  /** Copies whose flags followed the source. */
  readonly reflagged: number;
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
 * A bad message is recorded and passed over, a bad folder too; the pass fails when the mailbox cannot go on, when no
 * folder could be read at all (T14), or when a folder's messages do not add up.
 * @throws COUNT_MISMATCH, NO_FOLDERS, LEASE_LOST, QUOTA_EXCEEDED, THROTTLED, DAILY_LIMIT, SERVER_BUSY, CONNECTION_LOST and what
 *         else has the scope `mailbox`; PROTOCOL_VIOLATION after the other folders are done; the signal's reason when aborted
 */
export async function copyMailbox(input: CopyMailboxInput): Promise<CopyReport> {
  return await new MailboxCopy(input).run();
}

class MailboxCopy {
  readonly #input: CopyMailboxInput;
  readonly #counts = noCounts();
  readonly #faults = new Map<string, MigrationError>();
  /** A moment after the lease was taken, so that waiting from it on is long enough. */
  readonly #begunAt: number;
  readonly #inTurn = createTurn();
  #unchanged = 0;
  #gmail: GmailPlaces | null = null;

  constructor(input: CopyMailboxInput) {
    this.#input = input;
    this.#begunAt = input.lanes.pace.now();
  }

  async run(): Promise<CopyReport> {
    const { source, target, ledger, lease, mailbox, pass } = this.#input;
    await settleRemovals({ ledger, lease, settle: this.#context().settle }, target);
    const listed = this.#listed(await collect(source.listFolders()));
    if (listed.length > 0) await recordRenames(ledger, lease, source, listed);
    const known = await ledger.listFolders(mailbox.id);
    const mapping = await this.#plan(listed, known);
    if (this.#input.retryRefused === true) await this.#replanRefused(known);
    await this.#doubtLost(known);
    const entries = await this.#recordFolders(mapping);
    await this.#recordGone(listed, known);

    const jobs = jobsOf(mapping, entries);
    this.#gmail?.setJobs(jobs);
    await this.#copy(jobs);
    // Its UIDs were counted anew under our hands (T43): what was copied is taken over by fingerprint.
    const renumbered = jobs.filter(({ entry }) => this.#faults.get(entry.id)?.code === 'FOLDER_VANISHED');
    for (const { entry } of renumbered) this.#faults.delete(entry.id);
    if (renumbered.length > 0) await this.#copy(renumbered);
    // What vanished from its place on the way may be in another one.
    if (this.#gmail && this.#counts.vanished > 0) await this.#copy([]);
    const reflagged = pass.kind === 'straggler' ? 0 : await mergeFlags({ ...this.#context(), adopts: false }, target);

    const faults = await this.#recordFaults(entries);
    this.#assertSomethingRead(faults, entries.length);
    for (const error of this.#faults.values()) if (error.kind.reaction !== 'skip') throw error;
    await assertSums(ledger, mailbox.id, new Set(this.#faults.keys()));
    const { copied, repaired, wrapped } = this.#counts;
    return {
      ...this.#counts,
      moved: copied + repaired + wrapped,
      folders: entries.length,
      unchanged: this.#unchanged,
      reflagged,
      renames: mapping.renames,
      faults,
    };
  }

  #listed(folders: readonly SourceFolder[]): readonly SourceFolder[] {
    const { source, ledger, lease, signal, labels = DEFAULT_LABEL_RULES } = this.#input;
    if (!isGmail(source.facts.capabilities)) return folders;
    this.#gmail = new GmailPlaces({ ledger, lease, signal, labels }, folders);
    return this.#gmail.folders;
  }

  async #plan(listed: readonly SourceFolder[], known: readonly FolderEntry[]): Promise<FolderMapping> {
    const { target, mailbox, limits } = this.#input;
    const { names } = findLimits(target.facts, target.separator);
    return planFolders(listed, {
      ...names,
      ...limits?.names,
      separator: target.separator,
      targetFolders: await collect(target.listFolders()),
      rootIsInbox: target.rootIsInbox,
      mapping: mailbox.mapping,
      // A folder keeps the place that its mail was brought to, whatever a rule would say today.
      placed: new Map(known.map(({ sourceId, targetPath }) => [sourceId, targetPath])),
    });
  }

  async #recordFolders({ folders }: FolderMapping): Promise<readonly FolderEntry[]> {
    const plans = folders.map(({ source: { id, path, role }, targetPath }) => {
      return { sourceId: id, sourcePath: path, role, targetPath };
    });
    return plans.length === 0 ? [] : await this.#input.ledger.recordFolders(this.#input.lease, plans);
  }

  /** Folders that were deleted at the source: what was delivered stays so, what was not has vanished. */
  async #recordGone(listed: readonly SourceFolder[], known: readonly FolderEntry[]): Promise<void> {
    const { ledger, lease, pass } = this.#input;
    if (listed.length === 0) return; // an empty LIST is a fault of the source, never a reason to forget (T73)
    const there = listed.filter((folder) => folder.selectable);
    for (const { id, status } of listGone(known, there)) {
      const gone = { ...(status ?? NEVER_COUNTED), exists: 0 };
      await ledger.recordCensusEnd(lease, id, pass, gone, { complete: true, counts: null });
    }
  }

  async #replanRefused(known: readonly FolderEntry[]): Promise<void> {
    const { ledger, lease, mailbox, pass } = this.#input;
    const idOf = new Map(known.map(({ sourcePath, id }) => [pathKey(sourcePath), id]));
    const again = new Map<string, Outcome[]>();
    for await (const { sourcePath, uidValidity, uid, state, code } of ledger.listExceptions(mailbox.id)) {
      const folderId = idOf.get(pathKey(sourcePath));
      if (state !== 'refused' || folderId === undefined) continue;
      const found = again.get(folderId) ?? [];
      found.push(triedAgain({ uidValidity, uid, code }));
      again.set(folderId, found);
    }
    for (const [folderId, outcomes] of again) await ledger.recordOutcomes(lease, folderId, pass, outcomes);
  }

  /**
   * What a verification did not find is looked for and brought again. It held the mailbox, so it is a person who wants it: the
   * owner may have deleted it at the target.
   */
  async #doubtLost(known: readonly FolderEntry[]): Promise<void> {
    const { ledger, lease, mailbox } = this.#input;
    const idOf = new Map(known.map(({ sourcePath, id }) => [pathKey(sourcePath), id]));
    const lost = new Map<string, { uidValidity: string; uid: number }[]>();
    for await (const { code, sourcePath, uidValidity, uid } of ledger.listDeviations(mailbox.id)) {
      const folderId = sourcePath === null ? undefined : idOf.get(pathKey(sourcePath));
      if (code !== 'MESSAGE_LOST' || folderId === undefined || uidValidity === null || uid === null) continue;
      const found = lost.get(folderId) ?? [];
      found.push({ uidValidity, uid });
      lost.set(folderId, found);
    }
    for (const [folderId, messages] of lost) await ledger.recordInDoubt(lease, folderId, messages);
  }

  async #copy(jobs: readonly FolderJob[]): Promise<void> {
    const { source, target, lanes, failures = 0 } = this.#input;
    const copies = new FolderCopies(this.#context(), jobs, failures);
    try {
      await workOnLanes({ source, target }, copies, lanes);
    } finally {
      for (const [id, error] of copies.faults) this.#faults.set(id, error);
      this.#unchanged += copies.unchanged;
    }
  }

  #context(): BeforeCensus {
    const {
      ledger,
      lease,
      pass,
      signal,
      budget,
      now,
      lanes,
      mayRead = async () => undefined,
      signedMail = 'keep',
    } = this.#input;
    const gmail = this.#gmail;
    return {
      ledger,
      lease,
      pass,
      signal,
      counts: this.#counts,
      budget,
      mayRead,
      signedMail,
      now,
      inTurn: this.#inTurn,
      forwardedIn: this.#input.forwardedIn,
      exclude: gmail ? (folder) => gmail.exclude(folder) : undefined,
      place: gmail ? (changed) => gmail.place(changed) : undefined,
      settle: () => pauseUntil(lanes.pace, this.#begunAt + lease.settledInMs, signal),
      pause: (ms) => pauseUntil(lanes.pace, lanes.pace.now() + ms, signal),
      report: (folder) => this.#report(folder),
    };
  }

  /** A folder that could not be read or written stays in the report until a pass succeeds. */
  async #recordFaults(entries: readonly FolderEntry[]): Promise<readonly FolderFault[]> {
    const { ledger, lease } = this.#input;
    const faults: FolderFault[] = [];
    for (const { id, sourcePath: path, fault } of entries) {
      const error = this.#faults.get(id);
      if (error) {
        const { code, message } = error;
        faults.push({ path, code, message });
        await ledger.recordFolderFault(lease, id, { code, message });
      } else if (fault !== null) await ledger.recordFolderFault(lease, id, null);
    }
    return faults;
  }

  #assertSomethingRead(faults: readonly FolderFault[], folders: number): void {
    if (faults.length < folders) return;
    const [first] = faults;
    if (first === undefined) throw new MigrationError('NO_FOLDERS', 'The source listed no folder.');
    throw new MigrationError(
      'NO_FOLDERS',
      `None of ${faults.length} folders could be read; the first: ${first.message}`,
      { facts: { folders: faults.length, firstCode: first.code } },
    );
  }

  #report(folder: FolderPath): void {
    this.#input.onProgress?.({ ...this.#counts, folder });
  }
}

/** Every message has one terminal state, and together they are as many as the source has: the database compares. */
async function assertSums(ledger: Ledger, mailboxId: string, faulty: ReadonlySet<string>): Promise<void> {
  const mismatches = (await ledger.listMismatches(mailboxId)).filter(({ folderId }) => !faulty.has(folderId));
  const [first] = mismatches;
  if (first === undefined) return;
  const folder = first.sourcePath.join('/');
  const uids = first.unfinishedUids.join(', ');
  const open = first.unfinished > 0 ? ` Without an end: UID ${uids}${first.unfinished > 20 ? ', …' : ''}.` : '';
  throw new MigrationError(
    'COUNT_MISMATCH',
    `Folder "${folder}" has ${first.exists} messages and ${first.sum} are accounted for.${open}`,
    { facts: { folder, exists: first.exists, sum: first.sum, unfinished: first.unfinished, uids } },
  );
}

function jobsOf({ folders }: FolderMapping, entries: readonly FolderEntry[]): readonly FolderJob[] {
  return folders.flatMap(({ source, targetPath, role }, at): FolderJob[] => {
    const entry = entries[at];
    return entry === undefined ? [] : [{ entry, source, targetPath, role }];
  });
}

/** Of a folder that went before its first census was through. */
const NEVER_COUNTED: FolderStatus = { uidValidity: '0', uidNext: 0, exists: 0, highestModSeq: null };

function pathKey(path: FolderPath): string {
  return JSON.stringify(path);
}
