import type { CensusEntry, FolderPath, FolderRole, FolderStatus, Message, SourceFolder, TargetId } from '../mail.ts';
import type { ImapEndpoint, SecretRef } from '../plan.ts';

/** How to reach one account. The secret is resolved by the adapter at the moment it connects. */
export interface MailAccount {
  readonly endpoint: ImapEndpoint;
  readonly user: string;
  readonly secret: SecretRef;
}

/** Opens sessions. One session is one signed-in connection; the caller closes it. */
export interface MailConnector {
  /** @throws HOST_UNREACHABLE, TLS_UNTRUSTED, STARTTLS_MISSING, AUTH_FAILED, SERVER_BUSY, SECRET_MISSING */
  openSource(account: MailAccount, signal: AbortSignal): Promise<MailSource>;
  /** @throws as {@link openSource} */
  openTarget(account: MailAccount, signal: AbortSignal): Promise<MailTarget>;
}

/** What a server said of itself; evidence of preflight. */
export interface ServerFacts {
  readonly capabilities: readonly string[];
  readonly tls: boolean;
  /** From ID (RFC 2971), empty where the server does not tell. */
  readonly name: string;
}

/** Reading side. Every call may be repeated. No call changes anything at the source, not even `\Seen`. */
export interface MailSource {
  readonly facts: ServerFacts;
  /** @throws CONNECTION_LOST */
  listFolders(): AsyncIterable<SourceFolder>;
  /** @throws FOLDER_VANISHED, CONNECTION_LOST */
  getStatus(folder: SourceFolder): Promise<FolderStatus>;
  /**
   * Every message of the folder in ascending UID order, read by FETCH, which decides where STATUS and SEARCH disagree.
   * Streamed in windows: memory does not grow with the folder.
   * @throws FOLDER_VANISHED, CONNECTION_LOST
   */
  listMessages(folder: SourceFolder): AsyncIterable<CensusEntry>;
  /**
   * The bytes of one message as the source has them.
   * @returns null when the message is not there any more.
   * @throws MESSAGE_DAMAGED when the server sends fewer octets than it announced; FOLDER_VANISHED also when UIDVALIDITY
   *         is not `uidValidity` any more; CONNECTION_LOST
   */
  findMessage(folder: SourceFolder, uidValidity: string, uid: number): Promise<Message | null>;
  /** Twice is safe; never throws. */
  close(): Promise<void>;
}

/** A folder that is known to exist at the target: it was selected after it was made. */
export interface TargetFolder {
  /** The target's own name for it. */
  readonly id: string;
  readonly path: FolderPath;
  readonly role: FolderRole;
}

/** What became of one APPEND that the server took. */
export interface Appended {
  /** Null where the server does not tell. */
  readonly id: TargetId | null;
  /** Flags that the server would not take; the message is there without them. */
  readonly droppedFlags: readonly string[];
}

export interface TargetMessage {
  readonly uid: number;
  readonly raw: Buffer;
  readonly internalDate: string | null;
  readonly flags: readonly string[];
}

/** Writing side, and the re-reading of what was written. It has no way to delete. */
export interface MailTarget {
  readonly facts: ServerFacts;
  /** False where `append` cannot tell the UID (no UIDPLUS, RFC 4315). */
  readonly reportsUid: boolean;
  /** Hierarchy separator, which no name may contain; null where the server is flat. */
  readonly separator: string | null;
  /**
   * True where every folder lies below INBOX on the wire (personal namespace `INBOX.`, RFC 2342), which paths do not show: a
   * child of INBOX and a top folder are one and the same there.
   */
  readonly rootIsInbox: boolean;
  listFolders(): AsyncIterable<TargetFolder>;
  /**
   * Makes sure that the folder exists and can be selected. A folder with a role is found by its special use first, then
   * by name, and made only if there is none. Names that the target cannot hold are repaired by the rule of domain/folders.ts.
   * Idempotent.
   * @throws FOLDER_REFUSED, CONNECTION_LOST
   */
  ensureFolder(path: FolderPath, role: FolderRole): Promise<TargetFolder>;
  getStatus(folder: TargetFolder): Promise<FolderStatus>;
  /**
   * Adds one message to a folder. **Not idempotent**: reconcile first whenever an earlier attempt may have reached the
   * server. Bytes go as they are given, with CRLF line ends; `receivedAt` becomes INTERNALDATE.
   * @throws MESSAGE_TOO_LARGE, MESSAGE_REFUSED, QUOTA_EXCEEDED, THROTTLED, SERVER_BUSY: it did not happen;
   *         CONNECTION_LOST: the outcome is unknown.
   */
  append(folder: TargetFolder, message: Message): Promise<Appended>;
  /** Every message from UID `fromUid` on with its bytes, ascending; for reconciliation and verification. Streamed. */
  listMessages(folder: TargetFolder, fromUid: number): AsyncIterable<TargetMessage>;
  close(): Promise<void>;
}
