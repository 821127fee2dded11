import type { ErrorCode } from '../errors.ts';
import type { CensusEntry, FolderPath, FolderRole, FolderStatus, MessageState, Tally, TargetId } from '../mail.ts';
import type { Pass } from '../passes.ts';

/**
 * What is known of every source message: the ledger of exactly-once copying. Each `record…` is durable when its promise
 * resolves, is set-based, and fails with LEASE_LOST when a newer holder has taken the mailbox over.
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

  /** Finds or makes the row of a source folder and sets its mapping. Idempotent. */
  recordFolder(lease: Lease, folder: FolderPlan): Promise<FolderEntry>;
  /** The folders of a mailbox as the last census left them. */
  listFolders(mailboxId: string): Promise<readonly FolderEntry[]>;
  /** A folder that could not be read or written in this pass; it stays in the report until a pass succeeds. Null clears. */
  recordFolderFault(lease: Lease, folderId: string, fault: { code: ErrorCode; message: string } | null): Promise<void>;

  /** One window of the census: unseen messages become `planned`, known ones keep their state and get the new flags. */
  recordCensus(
    lease: Lease,
    folderId: string,
    uidValidity: string,
    pass: Pass,
    entries: readonly CensusEntry[],
  ): Promise<void>;
  /**
   * Ends the census of a folder: what this holder's pass did not see under `status.uidValidity` is not present any more, and
   * `vanished` if it had not reached another terminal state. Stores the folder's numbers for the next pass's quick look.
   */
  recordCensusEnd(lease: Lease, folderId: string, pass: Pass, status: FolderStatus): Promise<void>;

  /** Present messages without a terminal state, ascending UID, at most `limit`. */
  nextUnfinished(folderId: string, limit: number): Promise<readonly LedgerMessage[]>;
  /** Present messages in state `intended`: an earlier attempt may have delivered them. */
  listIntended(folderId: string): Promise<readonly LedgerMessage[]>;
  /**
   * Before the effect: fingerprints of what is about to be sent and the target's UIDNEXT, so that a later attempt knows
   * where to look. `planned` becomes `intended`.
   */
  recordIntents(lease: Lease, folderId: string, intents: readonly Intent[]): Promise<void>;
  /** After the effect. Terminal states, or `planned` again where it is certain that nothing happened. */
  recordOutcomes(lease: Lease, folderId: string, pass: Pass, outcomes: readonly Outcome[]): Promise<void>;
  /**
   * Looks for a delivered row of the same mailbox and target folder with this fingerprint whose source message is not
   * present any more (UIDVALIDITY changed, or it was moved back), and takes its copy over: the found row gives its target
   * id away. Each row can be taken over once.
   * @returns true when (folderId, uidValidity, uid) is now `already-there`.
   */
  recordAdoption(
    lease: Lease,
    folderId: string,
    pass: Pass,
    message: { uidValidity: string; uid: number; fingerprint: string },
  ): Promise<boolean>;

  /**
   * Copies that the ledger knows in one target folder of the mailbox (several source folders may map to it), from `fromUid` on,
   * and those whose UID is unknown. For reconciliation and verification.
   */
  listDelivered(mailboxId: string, targetPath: FolderPath, fromUid: number): Promise<readonly DeliveredCopy[]>;

  /** Counts of present messages by state, per folder, made by the database. */
  tallyFolders(mailboxId: string): Promise<readonly FolderTally[]>;
  recordVerification(lease: Lease, pass: Pass, findings: readonly FolderFinding[]): Promise<void>;
  /** Messages in state refused, vanished or excluded, or without a terminal state: the answer to "which ones, and why". */
  listExceptions(mailboxId: string): AsyncIterable<LedgerException>;
}

export interface Lease {
  readonly mailboxId: string;
  /** Fencing number: grows with each holder. */
  readonly fence: number;
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
}

export interface LedgerMessage {
  readonly uidValidity: string;
  readonly uid: number;
  readonly sizeBytes: number;
  readonly internalDate: string | null;
  readonly flags: readonly string[];
  readonly state: MessageState;
  readonly fingerprint: string | null;
  /** Target's UIDNEXT when the intent was written, and its UIDVALIDITY. */
  readonly intentUidNext: number | null;
}

export interface Intent {
  readonly uidValidity: string;
  readonly uid: number;
  readonly fingerprint: string;
  readonly targetUidNext: number;
}

export interface Outcome {
  readonly uidValidity: string;
  readonly uid: number;
  readonly state: MessageState;
  readonly fingerprint: string | null;
  readonly target: TargetId | null;
  /** For refused: why; for repaired: what was changed. */
  readonly code: ErrorCode | null;
  readonly detail: string | null;
}

export interface DeliveredCopy {
  readonly fingerprint: string;
  /** One of DELIVERED_STATES: `already-there` was not brought by us. */
  readonly state: MessageState;
  readonly targetUid: number | null;
  /** Number of the pass that delivered it. */
  readonly passNumber: number;
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

export interface FolderFinding {
  readonly targetPath: FolderPath;
  readonly lost: number;
  readonly doubled: number;
  /** Read at the target from the first UID of the pass on. */
  readonly seen: number;
}

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
