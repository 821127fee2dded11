/** What we know of mail, apart from any server: folders, roles, flags, messages. */

import type { Route } from './routes.ts';

/** Special uses of RFC 6154, and INBOX (RFC 9051 §5.1). A folder has one role at most. */
export type FolderRole = 'inbox' | 'sent' | 'drafts' | 'trash' | 'junk' | 'archive' | 'all' | 'flagged' | null;

/** A folder by its names from the root, decoded, e.g. `['Rechnungen', '2025', 'März']`. INBOX is always `['INBOX']`. */
export type FolderPath = readonly string[];

export interface SourceFolder {
  /** The server's own name for it, as commands need it (imapflow's `path`). Opaque to everybody but the adapter. */
  readonly id: string;
  readonly path: FolderPath;
  readonly role: FolderRole;
  /** False for `\Noselect` and `\NonExistent`: it has children but holds no mail. */
  readonly selectable: boolean;
}

/** The numbers of one STATUS or SELECT. `null` where the server does not tell. */
export interface FolderStatus {
  readonly uidValidity: string;
  readonly uidNext: number;
  readonly exists: number;
  readonly highestModSeq: string | null;
}

/** One message as the census sees it. Dates are whole seconds, RFC 3339 in UTC; null where the server gave none. */
export interface CensusEntry {
  readonly uid: number;
  readonly sizeBytes: number;
  readonly internalDate: string | null;
  /** System flags as RFC 9051 spells them (`\Seen`), keywords as found; never `\Recent`. */
  readonly flags: readonly string[];
  /** The rule by which this message is not copied from this folder, in words of the report; absent: it is copied. */
  readonly excluded?: string | null;
  /** Gmail only (X-GM-LABELS): decoded, its own as `\Inbox`, without the folder that is read. */
  readonly labels?: readonly string[];
  /** Gmail only (X-GM-MSGID): the same for one message in whatever folders it shows. */
  readonly originId?: string;
}

export interface FlagsEntry {
  readonly uid: number;
  readonly flags: readonly string[];
}

/** What happened to a known message since a census. */
export type FolderChange =
  | ({ readonly kind: 'flags' } & FlagsEntry)
  | { readonly kind: 'vanished'; readonly firstUid: number; readonly lastUid: number };

/** How many messages a folder has, by whom one asks (T45). FETCH decides; the others are evidence. */
export interface FolderCounts {
  readonly status: number;
  readonly search: number | null;
  readonly fetch: number;
}

/** A message on its way: bytes as the source has them. */
export interface Message {
  readonly raw: Buffer;
  readonly flags: readonly string[];
  /** Becomes INTERNALDATE at the target, to the second. RFC 3339 UTC; null lets the target choose. */
  readonly receivedAt: string | null;
  /**
   * Of a message that is on its way to a target: stands for this source message in this target mailbox. Lower-case
   * base32, since Exchange compares values of properties without case.
   */
  readonly key?: string;
  /** By which of a target's routes it goes (MailTarget.routes). */
  readonly route?: Route;
}

/** Where a copy is at the target: APPENDUID of RFC 4315. */
export interface TargetId {
  readonly uidValidity: string;
  readonly uid: number;
}

/** States of a source message; see design: planned → intended → one of the terminal ones. */
export type MessageState =
  | 'planned'
  | 'intended'
  | 'copied'
  | 'repaired'
  | 'wrapped'
  | 'already-there'
  | 'vanished'
  | 'excluded'
  | 'refused';

/** The ones that mean: a copy is at the target. */
export const DELIVERED_STATES = [
  'copied',
  'repaired',
  'wrapped',
  'already-there',
] as const satisfies readonly MessageState[];

/** Numbers of the report, per folder, mailbox and migration. `source` is what the source counts itself. */
export interface Tally {
  source: number;
  copied: number;
  repaired: number;
  wrapped: number;
  alreadyThere: number;
  vanished: number;
  excluded: number;
  refused: number;
  lost: number;
  doubled: number;
}

export const EMPTY_TALLY: Readonly<Tally> = {
  source: 0,
  copied: 0,
  repaired: 0,
  wrapped: 0,
  alreadyThere: 0,
  vanished: 0,
  excluded: 0,
  refused: 0,
  lost: 0,
  doubled: 0,
};

export function addTallies(one: Tally, other: Tally): Tally {
  return {
    source: one.source + other.source,
    copied: one.copied + other.copied,
    repaired: one.repaired + other.repaired,
    wrapped: one.wrapped + other.wrapped,
    alreadyThere: one.alreadyThere + other.alreadyThere,
    vanished: one.vanished + other.vanished,
    excluded: one.excluded + other.excluded,
    refused: one.refused + other.refused,
    lost: one.lost + other.lost,
    doubled: one.doubled + other.doubled,
  };
}
