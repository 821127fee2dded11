import type { ErrorCode } from '../errors.ts';
import type { OriginRow, Place } from '../gmail-labels.ts';
import type {
  CensusEntry,
  FlagsEntry,
  FolderCounts,
  FolderPath,
  FolderRole,
  FolderStatus,
  MessageState,
  Tally,
  TargetId,
} from '../mail.ts';
import type { Pass } from '../passes.ts';

/**
 * What is known of every source message: the ledger of exactly-once copying. Each `record…` is durable when its promise
 * resolves, is set-based, and fails with LEASE_LOST when a newer holder has taken the mailbox over. Calls under one lease may
 * run side by side, as long as they are about different messages.
 *
 * A message row is identified by (folder, UIDVALIDITY, UID). `present` tells whether the newest census saw it.
 */
export interface Ledger {
  /**
   * Takes the mailbox over with a higher fencing number: whoever held it before cannot write any more. The newest
   * attempt wins, because Temporal starts a second one only when it has given the first one up.
   * @throws NOT_FOUND
   */
  takeLease(mailboxId: string, holder: string): Promise<Lease>;
  /**
   * Tells that the holder lives; to be called every {@link LEASE_RENEWAL_MS}. A holder that has not done so for
   * {@link LEASE_VALID_MS} may not touch the target any more.
   * @throws LEASE_LOST
   */
  renewLease(lease: Lease): Promise<void>;
  /** The next holder need not wait. Nothing happens when the lease is another's by now. */
  releaseLease(lease: Lease): Promise<void>;

  /** Finds or makes the rows of source folders and sets their mapping, in one statement. Idempotent; in the order given. */
  recordFolders(lease: Lease, folders: readonly FolderPlan[]): Promise<readonly FolderEntry[]>;
  /** The folders of a mailbox as the last census left them. */
  listFolders(mailboxId: string): Promise<readonly FolderEntry[]>;
  /**
   * A folder was renamed at the source: its row, with all its messages, goes on under the new name.
   * The new name must not have a row yet.
   */
  recordRename(
    lease: Lease,
    folderId: string,
    to: { readonly sourceId: string; readonly sourcePath: FolderPath },
  ): Promise<void>;
  /** A folder that could not be read or written in this pass; it stays in the report until a pass succeeds. Null clears. */
  recordFolderFault(lease: Lease, folderId: string, fault: { code: ErrorCode; message: string } | null): Promise<void>;

  /**
   * One window of the census: unseen messages become `planned`, or `excluded` where the entry says so; known ones keep their
   * state and get the new flags.
   */
  recordCensus(
    lease: Lease,
    folderId: string,
    uidValidity: string,
    pass: Pass,
    entries: readonly CensusEntry[],
  ): Promise<void>;
  /**
   * What a server that tracks changes told: new flags, and UIDs that are not there any more. Of these, `planned` ones have
   * `vanished`; an `intended` one stays so until it is known whether it was delivered. UIDs without a row are passed over.
   */
  recordChanges(
    lease: Lease,
    folderId: string,
    uidValidity: string,
    changes: { readonly flags: readonly FlagsEntry[]; readonly vanished: readonly UidRange[] },
  ): Promise<void>;
  /**
   * What is there in a range of UIDs, and nothing else is: rows of the range that are not among `entries` are not present any
   * more (as in {@link recordChanges}), the others get their flags. Writes only what differs.
   */
  recordPresence(
    lease: Lease,
    folderId: string,
    uidValidity: string,
    range: UidRange,
    entries: readonly FlagsEntry[],
  ): Promise<void>;
  /** Present messages of a folder, counted by the database. */
  countPresent(folderId: string): Promise<number>;
  /**
   * Ends the census of a folder and stores its numbers for the next pass's quick look. After a `complete` one, what this holder's
   * pass did not see by {@link recordCensus} under `status.uidValidity` is not present any more (as in {@link recordChanges});
   * after a partial one only rows of another UIDVALIDITY are.
   */
  recordCensusEnd(lease: Lease, folderId: string, pass: Pass, status: FolderStatus, end: CensusEnd): Promise<void>;

  /** Present messages without a terminal state below `beforeUid` (null: all), newest first, at most `limit`. */
  listUnfinished(folderId: string, beforeUid: number | null, limit: number): Promise<readonly LedgerMessage[]>;
  /** Messages of the mailbox in state `intended`, present or not: an earlier attempt may have delivered them. */
  listIntended(mailboxId: string): Promise<readonly IntendedMessage[]>;
  /**
   * Before the effect: fingerprints of what is about to be sent, what it will be, and the target's UIDNEXT, so that a later attempt
   * knows where to look. `planned` becomes `intended`, for the target folder that the source folder is mapped to now.
   */
  recordIntents(lease: Lease, folderId: string, intents: readonly Intent[]): Promise<void>;
  /**
   * After the effect. Terminal states, or `planned` again where it is certain that nothing happened; `intended` keeps where to
   * look and sets the code. A delivered message lies
   * in the target folder of its intent, else in the one that its source folder is mapped to now.
   */
  recordOutcomes(lease: Lease, folderId: string, pass: Pass, outcomes: readonly Outcome[]): Promise<void>;
  /**
   * For each message looks for a delivered row of the same mailbox with this fingerprint whose source message is not present any
   * more (UIDVALIDITY changed, it was moved, its folder was renamed), in the same target folder first, and takes its copy over
   * where that lies: the found row gives its target id away. Each row can be taken over once, so twins need two.
   * @returns UIDs of those that are now `already-there`.
   */
  recordAdoptions(
    lease: Lease,
    folderId: string,
    pass: Pass,
    messages: readonly { readonly uidValidity: string; readonly uid: number; readonly fingerprint: string }[],
  ): Promise<readonly number[]>;
  /**
   * Messages that show in several folders of the source (CensusEntry.originId), all rows of one origin at a time. Only those over
   * which there is something to decide: a present row is `planned`, or one is `excluded` and no row has a copy, nor is any present
   * one `refused` or `intended`. Streamed by pages.
   */
  listOpenOrigins(mailboxId: string): AsyncIterable<readonly OriginRow[]>;
  /**
   * Decisions over rows that are present and `planned` or `excluded`; others are passed over. One that takes a copy over is
   * `already-there` where that lies, and the other row gives it away, as in {@link recordAdoptions}: only while that row has a copy
   * and is not present.
   */
  recordPlaces(lease: Lease, places: readonly Place[]): Promise<void>;
  /**
   * Copies that we brought (`copied`, `repaired`, `wrapped`) and still know the UID of, whose message is not at the source any more, in
   * none of its folders. One that took its copy over from another row is none of them. Streamed by pages.
   */
  listRemovable(mailboxId: string): AsyncIterable<Removable>;
  /** Copies whose removal was about to happen when its attempt ended. */
  listRemovalsIntended(mailboxId: string): Promise<readonly Removable[]>;
  /** Copies of the mailbox that we brought and hold. */
  countCopies(mailboxId: string): Promise<number>;
  /**
   * Before and after the removal of a copy; null takes the intent back. A `removed` one is not delivered any more for any list of
   * copies; if its message is present after all, it is `planned` again.
   */
  recordRemovals(
    lease: Lease,
    copies: readonly Pick<Removable, 'folderId' | 'uidValidity' | 'uid'>[],
    state: RemovalState | null,
  ): Promise<void>;
  /**
   * A verification has not found the copies of these delivered messages: they are `intended` again, for the target folder that they
   * were in and from its first UID on, so that they are looked for before they are sent again.
   */
  recordInDoubt(
    lease: Lease,
    folderId: string,
    messages: readonly { readonly uidValidity: string; readonly uid: number }[],
  ): Promise<void>;
  /** True where {@link recordAdoptions} could find something. */
  hasOrphans(mailboxId: string): Promise<boolean>;

  /**
   * Copies that the ledger knows in one target folder of the mailbox (several source folders may map to it), from `fromUid` on in
   * ascending target UID, then those whose UID is unknown. Streamed by pages.
   */
  listDelivered(mailboxId: string, targetPath: FolderPath, fromUid: number): AsyncIterable<DeliveredCopy>;
  countDelivered(mailboxId: string, targetPath: FolderPath): Promise<DeliveredCount>;
  /** Copies that the ledger knows, by target folder: one statement that reads the rows of the mailbox once. */
  tallyDelivered(mailboxId: string, passNumber: number): Promise<readonly DeliveredTally[]>;
  /** Copies that a pass brought, whichever of its attempts: the tally of an attempt forgets what a killed one before it did. */
  countMoved(mailboxId: string, pass: Pass): Promise<number>;
  /** Target folders in which the ledger knows copies, or to which a source folder is mapped. */
  listTargetPaths(mailboxId: string): Promise<readonly FolderPath[]>;

  /**
   * Present copies with a known target UID whose flags at the source are not the ones that the copy was given last.
   * At most `limit`, in the order of their rows from `after` on (null: the first).
   */
  listFlagsDue(mailboxId: string, after: FlagsDue | null, limit: number): Promise<readonly FlagsDue[]>;
  /** The copies have these flags of the source now: the base of the next three-way merge. */
  recordFlags(
    lease: Lease,
    folderId: string,
    merged: readonly (FlagsEntry & { readonly uidValidity: string })[],
  ): Promise<void>;

  /** Counts of present messages by state, per folder, made by the database. */
  tallyFolders(mailboxId: string): Promise<readonly FolderTally[]>;
  /** Folders whose terminal states do not add up to what the census counted, compared by the database, with the UIDs at fault. */
  listMismatches(mailboxId: string): Promise<readonly FolderMismatch[]>;
  /** Names what the verification under way found, in batches; kept aside until {@link recordVerification} ends it. */
  recordDeviations(lease: Lease, deviations: readonly Deviation[]): Promise<void>;
  /**
   * Ends a verification: its numbers and what it named replace, for these target folders, what an earlier one found there. What
   * an unfinished one had named is dropped. Findings of an older pass never replace those of a newer one.
   */
  recordVerification(lease: Lease, pass: Pass, findings: readonly FolderFinding[]): Promise<void>;
  /** What the newest verification of each target folder found. */
  listFindings(mailboxId: string): Promise<readonly FolderFinding[]>;
  /** What the newest verification of each target folder named, by target folder; streamed by pages. */
  listDeviations(mailboxId: string): AsyncIterable<Deviation>;
  /** Messages in state refused, vanished or excluded, or without a terminal state: the answer to "which ones, and why". */
  listExceptions(mailboxId: string): AsyncIterable<LedgerException>;
  /** Messages that have a copy of which something is to be said: repaired, wrapped, without a flag, with another date. */
  listNotes(mailboxId: string): AsyncIterable<LedgerException>;
}

/** A holder renews its lease this often, and stops writing when that has not worked for LEASE_VALID_MS. */
export const LEASE_RENEWAL_MS = 2_000;
/** Below the heartbeat timeout (10 s), after which Temporal starts a successor: that one seldom has to wait. */
export const LEASE_VALID_MS = 8_000;

export interface Lease {
  readonly mailboxId: string;
  /** Fencing number: grows with each holder. */
  readonly fence: number;
  /**
   * Until then the holder before may still be at work on the target: milliseconds from the taking of the lease. 0 where it
   * released the mailbox, or has not renewed its lease for {@link LEASE_VALID_MS}.
   */
  readonly settledInMs: number;
}

/** Both ends included. */
export interface UidRange {
  readonly firstUid: number;
  readonly lastUid: number;
}

export interface CensusEnd {
  readonly complete: boolean;
  /** Evidence of a complete census; null keeps the one before. */
  readonly counts: FolderCounts | null;
}

export interface FolderPlan {
  /** The source server's own name: identifies the folder. */
  readonly sourceId: string;
  readonly sourcePath: FolderPath;
  readonly role: FolderRole;
  readonly targetPath: FolderPath;
}

export interface FolderEntry extends FolderPlan {
  readonly id: string;
  /** As the last completed census found it; null before the first. */
  readonly status: FolderStatus | null;
  readonly fault: { readonly code: ErrorCode; readonly message: string } | null;
  readonly counts: FolderCounts | null;
  /** Messages of it have no terminal state yet. */
  readonly unfinished: boolean;
}

export interface LedgerMessage {
  readonly uidValidity: string;
  readonly uid: number;
  readonly sizeBytes: number;
  readonly internalDate: string | null;
  readonly flags: readonly string[];
  readonly state: MessageState;
  readonly fingerprint: string | null;
  /** The mark of the copy (domain/marks.ts) as it was sent, where it is not `fingerprint`; null: as that. */
  readonly copyFingerprint: string | null;
  /** Target's UIDNEXT when the intent was written, or an earlier one. */
  readonly intentUidNext: number | null;
  /** Of the last outcome: why an unfinished message is not to be trusted (domain/suspicion.ts); null: nothing is known against it. */
  readonly code: ErrorCode | null;
}

export interface IntendedMessage extends LedgerMessage {
  readonly folderId: string;
  /** Where it was sent to. */
  readonly targetPath: FolderPath;
  /** False: it has gone from the source since. */
  readonly present: boolean;
  /** As the intent said; null where it did not. */
  readonly intentState: CopyState | null;
  readonly detail: string | null;
}

/** What a message is once we have brought it. */
export type CopyState = 'copied' | 'repaired' | 'wrapped';

export interface Intent {
  readonly uidValidity: string;
  readonly uid: number;
  readonly fingerprint: string;
  readonly copyFingerprint: string | null;
  readonly targetUidNext: number;
  /** What it will be, and what was changed: for whoever finds it after a lost answer. Absent: as it is. */
  readonly state?: CopyState;
  readonly detail?: string;
}

export interface Outcome {
  readonly uidValidity: string;
  readonly uid: number;
  readonly state: MessageState;
  /** Null keeps what the intent said. */
  readonly fingerprint: string | null;
  readonly copyFingerprint: string | null;
  readonly target: TargetId | null;
  /** For refused: why; for repaired: what was changed; for planned and intended: see {@link LedgerMessage.code}. */
  readonly code: ErrorCode | null;
  readonly detail: string | null;
  /** Flags of the source that the copy was given: the base of a later merge. Null: those of the census. */
  readonly flags: readonly string[] | null;
  /** The date that the copy was given; null: that of the census. */
  readonly receivedAt: string | null;
}

export interface DeliveredCopy {
  /** Its row at the source. */
  readonly folderId: string;
  readonly uidValidity: string;
  readonly uid: number;
  readonly sizeBytes: number;
  /** Mark of the copy (domain/marks.ts): what re-reading the target finds. */
  readonly fingerprint: string;
  /** As given to the target, or as the census found it where the copy is not ours. */
  readonly receivedAt: string | null;
  /** Flags that the copy was given last. */
  readonly flags: readonly string[];
  /** One of DELIVERED_STATES: `already-there` was not brought by us. */
  readonly state: MessageState;
  readonly targetUid: number | null;
  /** The UID means nothing under another one; null with it. */
  readonly targetUidValidity: string | null;
  /** Number of the pass that delivered it. */
  readonly passNumber: number;
}

export type RemovalState = 'intended' | 'removed';

export interface Removable {
  readonly folderId: string;
  readonly uidValidity: string;
  readonly uid: number;
  /** Of the copy. */
  readonly fingerprint: string;
  readonly targetPath: FolderPath;
  readonly targetUidValidity: string;
  readonly targetUid: number;
}

export interface DeliveredCount {
  readonly copies: number;
  /** Number of the first pass that delivered one of them; null where there is none. */
  readonly firstPass: number | null;
}

export interface DeliveredTally {
  readonly targetPath: FolderPath;
  readonly copies: number;
  /** Of them, those whose UID at the target is not known. */
  readonly withoutUid: number;
  /** Of them, those with a mark of their content (domain/marks.ts). */
  readonly byContent: number;
  /** Of them, those that the pass in question delivered. */
  readonly ofPass: number;
  /** Their lowest UID at the target; null where there is none, or none is known. */
  readonly firstUidOfPass: number | null;
  /** Lowest UID of a copy that we brought (not `already-there`), 1 where one of them has no known UID; null where we brought none. */
  readonly firstUidOfOurs: number | null;
}

export interface FlagsDue {
  readonly folderId: string;
  readonly uidValidity: string;
  readonly uid: number;
  /** Given to the copy last. */
  readonly base: readonly string[];
  /** At the source now. */
  readonly flags: readonly string[];
  readonly targetPath: FolderPath;
  readonly targetUidValidity: string;
  readonly targetUid: number;
}

export interface FolderMismatch {
  readonly folderId: string;
  readonly sourcePath: FolderPath;
  readonly exists: number;
  /** Terminal states together. */
  readonly sum: number;
  readonly unfinished: number;
  /** The first of those without a terminal state. */
  readonly unfinishedUids: readonly number[];
}

export interface FolderTally {
  readonly folderId: string;
  readonly sourcePath: FolderPath;
  readonly targetPath: FolderPath;
  /** EXISTS as the census found it, counted by FETCH. */
  readonly exists: number;
  /** Present messages without a terminal state. */
  readonly unfinished: number;
  readonly tally: Tally;
}

/** What re-reading one target folder found. The first four are faults and hold the mailbox. */
export interface FolderFinding {
  readonly targetPath: FolderPath;
  /** Copies that are nowhere at the target. */
  readonly lost: number;
  readonly doubled: number;
  /** Copies that lie in another folder instead. */
  readonly misfiled: number;
  /** Copies whose content is another than the source's. */
  readonly changed: number;
  /** Copies that the target wrote anew with the same content: counted, no fault. */
  readonly altered: number;
  /** Copies whose date of arrival is not the one they were given. */
  readonly datesMoved: number;
  /** Copies that miss flags they were given. */
  readonly flagsLost: number;
  /** Messages read at the target. */
  readonly seen: number;
}

/** One copy that is not as it should be; its remedy is the catalogue's (domain/errors.ts). */
export interface Deviation {
  readonly code: DeviationCode;
  /** Where the copy belongs. */
  readonly targetPath: FolderPath;
  /** UID there, of a double its own; null where it was never known. */
  readonly targetUid: number | null;
  /** The source message; null for a double whose original the ledger cannot tell. */
  readonly sourcePath: FolderPath | null;
  readonly uidValidity: string | null;
  readonly uid: number | null;
  readonly sizeBytes: number;
  /** Date of arrival as it should be. */
  readonly receivedAt: string | null;
  readonly detail: string;
}

export const DEVIATION_CODES = [
  'MESSAGE_LOST',
  'MESSAGE_DOUBLED',
  'MESSAGE_MISFILED',
  'MESSAGE_CHANGED',
  'MOVED_BY_POLICY',
  'DATE_MOVED',
  'FLAGS_LOST',
] as const satisfies readonly ErrorCode[];

export type DeviationCode = (typeof DEVIATION_CODES)[number];

export interface LedgerException {
  readonly sourcePath: FolderPath;
  readonly uidValidity: string;
  readonly uid: number;
  readonly sizeBytes: number;
  readonly internalDate: string | null;
  readonly state: MessageState;
  readonly code: ErrorCode | null;
  readonly detail: string | null;
}
