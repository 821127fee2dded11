import type { MigrationError } from '../errors.ts';
import type {
  CensusEntry,
  FlagsEntry,
  FolderChange,
  FolderPath,
  FolderRole,
  FolderStatus,
  Message,
  SourceFolder,
  TargetId,
} from '../mail.ts';
import type { AdminEndpoint, ExchangeTarget, ImapEndpoint, SecretRef } from '../plan.ts';
import type { Fidelity, Route, RouteOffer, RouteVerdict } from '../routes.ts';

/** How to reach one account. The secret is resolved by the adapter at the moment it connects. */
export interface MailAccount {
  readonly endpoint: ImapEndpoint;
  readonly user: string;
  readonly secret: SecretRef;
  /** Where the endpoint says `xoauth2`: whose token stands for the secret. */
  readonly application?: AdminEndpoint | null;
  /** Of a mailbox in hosted Exchange: by which ways its mail goes. Absent or null: IMAP, as `endpoint` says. */
  readonly hosted?: HostedMailbox | null;
}

export interface HostedMailbox {
  /** Primary address, as Graph and EWS name the mailbox. */
  readonly address: string;
  /** Whose interfaces they are, and with which applications they are used. */
  readonly target: ExchangeTarget;
  /** What a probe said of the ways that are usable, the best first: mail goes by the first; the others take what it cannot hold. */
  readonly routes: readonly RouteVerdict[];
}

/** Opens sessions. One session is one signed-in connection; the caller closes it. */
export interface MailConnector {
  /**
   * @throws HOST_UNREACHABLE, TLS_UNTRUSTED, STARTTLS_MISSING, AUTH_FAILED, BASIC_AUTH_OFF, IMAP_OFF, IMAP_APP_UNKNOWN,
   *         IMAP_NOT_CONNECTED, MAILBOX_MISSING, SERVER_BUSY, SECRET_MISSING, and what hinders a token
   */
  openSource(account: MailAccount, signal: AbortSignal): Promise<MailSource>;
  /** @throws as {@link openSource} */
  openTarget(account: MailAccount, signal: AbortSignal, options?: TargetOptions): Promise<MailTarget>;
}

export interface TargetOptions {
  /**
   * True while the lease on the mailbox is ours, by a clock that does not stand still with the process. Asked before every
   * piece that goes to the server; after a no, no command is finished, every call throws LEASE_LOST.
   */
  readonly mayWrite?: () => boolean;
}

/** What a server said of itself; evidence of preflight. */
export interface ServerFacts {
  readonly capabilities: readonly string[];
  readonly tls: boolean;
  /** From ID (RFC 2971), empty where the server does not tell. */
  readonly name: string;
}

/** One message of a ranged read, or why it could not be had. */
export interface ReadMessage {
  readonly uid: number;
  /** MESSAGE_DAMAGED and the like, with scope `message`: its neighbours are not touched by it. */
  readonly result: Message | MigrationError;
}

/** Reading side. Every call may be repeated. No call changes anything at the source, not even `\Seen`. */
export interface MailSource {
  readonly facts: ServerFacts;
  /** How {@link listChanges} can tell what changed: CONDSTORE tells flags, QRESYNC also what vanished (RFC 7162). */
  readonly tracks: 'nothing' | 'flags' | 'flags-and-vanished';
  /** @throws CONNECTION_LOST */
  listFolders(): AsyncIterable<SourceFolder>;
  /** @throws FOLDER_VANISHED, CONNECTION_LOST */
  getStatus(folder: SourceFolder): Promise<FolderStatus>;
  /**
   * Messages of the folder from UID `fromUid` on (default: all) in ascending UID order, read by FETCH, which decides where STATUS
   * and SEARCH disagree. Streamed in windows: memory does not grow with the folder.
   * @throws FOLDER_VANISHED also when UIDVALIDITY is not `uidValidity`, where that is given; CONNECTION_LOST
   */
  listMessages(folder: SourceFolder, fromUid?: number, uidValidity?: string): AsyncIterable<CensusEntry>;
  /**
   * UIDs and flags only of the messages below `beforeUid`, ascending, streamed: what is left of a census where the server does
   * not track changes, or when something vanished and it does not say what.
   * @throws as {@link listMessages}
   */
  listFlags(folder: SourceFolder, beforeUid: number): AsyncIterable<FlagsEntry>;
  /**
   * What changed below `since.uidNext` after the mod-sequence of `since`: new flags, and with QRESYNC the UIDs that vanished.
   * May name messages that did not change, and vanished UIDs that never were. Not to be called where `tracks` is `nothing` or
   * `since.highestModSeq` is null.
   * @throws as {@link listMessages}; FOLDER_VANISHED also when UIDVALIDITY is not `since.uidValidity` any more
   */
  listChanges(folder: SourceFolder, since: FolderStatus): AsyncIterable<FolderChange>;
  /** How many messages SEARCH ALL finds: evidence only (T45). Null where the server refuses. */
  countBySearch(folder: SourceFolder): Promise<number | null>;
  /**
   * Bytes, date and flags of several messages by one ranged FETCH, in whatever order the server sends them. A message that is
   * not there any more is left out. Use it for messages that are small together; a large one is read by {@link findMessage}.
   * @throws FOLDER_VANISHED also when UIDVALIDITY is not `uidValidity` any more; CONNECTION_LOST
   */
  readMessages(folder: SourceFolder, uidValidity: string, uids: readonly number[]): AsyncIterable<ReadMessage>;
  /**
   * The bytes of one message as the source has them; a large one is read by parts, so that it is in memory once.
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

/** A folder as it was when it was opened. */
export interface OpenedFolder extends TargetFolder {
  readonly exists: number;
  /** No message that comes from now on gets a lower UID. 0 where the server does not tell. */
  readonly uidNext: number;
}

/** What became of one APPEND that the server took. */
export interface Appended {
  /** Null where the server does not tell. */
  readonly id: TargetId | null;
  /** Flags that the server would not take; the message is there without them. */
  readonly droppedFlags: readonly string[];
  /** What else of the message the target could not be given, a sentence each for the report; absent: nothing. */
  readonly changes?: readonly string[];
}

export interface FlagChange {
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

export interface TargetMessage {
  readonly uid: number;
  readonly raw: Buffer;
  readonly internalDate: string | null;
  readonly flags: readonly string[];
}

/**
 * Finds copies by the key that they were written with (Message.key), for targets that keep it as a property of the message: the one
 * certain answer to an unknown outcome.
 */
export interface CopyKeys {
  /**
   * Copies in the folder that bear one of `keys`; two with the same key are two copies. Order is of no meaning. What was written a
   * moment ago may not be seen yet: see MailTarget.visibleAfterMs.
   * @throws CONNECTION_LOST, THROTTLED, SERVER_BUSY, FOLDER_VANISHED
   */
  find(folder: TargetFolder, keys: readonly string[]): AsyncIterable<{ readonly key: string; readonly uid: number }>;
}

/** Mail that is no longer in the mailbox's own folders, and not gone either: where retention policies put it. Only for reading. */
export interface PolicyPlace {
  readonly place: 'archive' | 'recoverable-items';
  /** As people find it there. */
  readonly path: FolderPath;
  /** What {@link listMessages} gives back of a message that came by this target's first route. */
  readonly fidelity: Fidelity;
  /** The bytes of every message, streamed; those of one over 1 MiB are there until the next one is asked for. */
  listMessages(): AsyncIterable<Buffer>;
}

/** Writing side, and the re-reading of what was written. It has no way to delete. */
export interface MailTarget {
  readonly facts: ServerFacts;
  readonly route: Route;
  /**
   * Of a target that has several: what each carries, the first choice first. Message.route says which of them a message goes by; its
   * absence means the first. Absent: `route` is the only one.
   */
  readonly routes?: readonly [RouteOffer, ...RouteOffer[]];
  /** What {@link listMessages} gives back of what {@link append} was given. */
  readonly fidelity: Fidelity;
  /** Null where a message cannot bear a key. */
  readonly keys: CopyKeys | null;
  /** So long after an effect a look may still not see it (search and replica lag); 0 where a look sees everything. */
  readonly visibleAfterMs: number;
  /** False where `append` cannot tell the UID (no UIDPLUS, RFC 4315). */
  readonly reportsUid: boolean;
  /** True where {@link appendAll} is one command (MULTIAPPEND, RFC 3502). */
  readonly appendsMany: boolean;
  /** It changes 8-bit octets in headers on the way in (Cyrus writes `X`), so they have to be encoded before. */
  readonly munges8BitHeaders: boolean;
  /** Largest message that it says it takes (APPENDLIMIT, RFC 7889); null where it does not tell. */
  readonly maxMessageBytes: number | null;
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
  ensureFolder(path: FolderPath, role: FolderRole): Promise<OpenedFolder>;
  getStatus(folder: TargetFolder): Promise<FolderStatus>;
  /**
   * Adds one message to a folder. **Not idempotent**: reconcile first whenever an earlier attempt may have reached the
   * server. Bytes go as they are given, with CRLF line ends; `receivedAt` becomes INTERNALDATE.
   * @throws MESSAGE_TOO_LARGE, MESSAGE_REFUSED, QUOTA_EXCEEDED, THROTTLED, SERVER_BUSY: it did not happen;
   *         CONNECTION_LOST: the outcome is unknown.
   */
  append(folder: TargetFolder, message: Message): Promise<Appended>;
  /**
   * Adds several messages by one command that happens as a whole or not at all (RFC 3502). Only where `appendsMany`. **Not
   * idempotent**, as {@link append}. UIDs ascend in the order of `messages`.
   * @throws as {@link append}; MESSAGE_TOO_LARGE and MESSAGE_REFUSED blame one of them without saying which
   */
  appendAll(folder: TargetFolder, messages: readonly Message[]): Promise<readonly Appended[]>;
  /** UIDs and flags of those of `uids` that are there, ascending. */
  listFlags(folder: TargetFolder, uids: readonly number[]): AsyncIterable<FlagsEntry>;
  /**
   * Adds and removes flags. Idempotent. Flags that the server does not take are left out; a UID that is not there is passed over.
   * @throws THROTTLED, SERVER_BUSY, CONNECTION_LOST, FOLDER_VANISHED
   */
  storeFlags(folder: TargetFolder, uid: number, change: FlagChange): Promise<void>;
  /**
   * Gives a copy the date of its arrival, where that is not part of the call that makes the message, so that whoever died between the two
   * can be caught up with. Idempotent; a UID that is not there is passed over. Absent: the date came with the message.
   * @returns false where the target does not let it be changed
   * @throws as {@link storeFlags}
   */
  restoreDate?(folder: TargetFolder, uid: number, receivedAt: string): Promise<boolean>;
  /**
   * Every message from UID `fromUid` on, and below `beforeUid` where that is given, with its bytes, ascending; for reconciliation
   * and verification. Streamed; the bytes of a message over 1 MiB are there until the next one is asked for.
   */
  listMessages(folder: TargetFolder, fromUid: number, beforeUid?: number): AsyncIterable<TargetMessage>;
  /**
   * Folders outside of the mailbox's own into which a policy moves mail, as far as this route shows them; none where the mailbox has
   * no such place. Absent: the route shows none of them, as IMAP does.
   * @throws CONNECTION_LOST, THROTTLED, SERVER_BUSY
   */
  listPolicyPlaces?(): AsyncIterable<PolicyPlace>;
  close(): Promise<void>;
}
