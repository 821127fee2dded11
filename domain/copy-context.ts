import type { ForwardedIn } from './arrived-both-ways.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { FolderPath } from './mail.ts';
import type { Pass } from './passes.ts';
import type { Lease, Ledger } from './ports/ledger.ts';
import type { MailSource, MailTarget } from './ports/mail.ts';
import type { InTurn } from './turn.ts';

/** What this attempt did so far. Counted up along the way. */
export interface CopyCounts {
  copied: number;
  repaired: number;
  wrapped: number;
  alreadyThere: number;
  vanished: number;
  refused: number;
  /** Sent to the target. */
  bytes: number;
}

/** What every part of a copy works with. */
export interface CopyContext {
  readonly ledger: Ledger;
  /** Of this mailbox, taken by this attempt. */
  readonly lease: Lease;
  readonly pass: Pass;
  readonly signal: AbortSignal;
  readonly counts: CopyCounts;
  readonly budget: ByteBudget;
  /** Books bytes that are about to be read of the source. @throws DAILY_LIMIT */
  readonly mayRead: (bytes: number) => Promise<void>;
  /** Wall clock, RFC 3339 UTC: only to tell an absurd date from a sane one. */
  readonly now: () => string;
  /** Whether signed and encrypted mail may go by a route that breaks its signature. */
  readonly signedMail: 'keep' | 'may-break';
  /** A copy may be taken over from a message that is not at the source any more: a first pass is spared the question. */
  readonly adopts: boolean;
  /** Waits until whoever held the mailbox before can no longer be at work on the target. */
  readonly settle: () => Promise<void>;
  /** Lets so many milliseconds pass. @throws the signal's reason when aborted meanwhile */
  readonly pause: (ms: number) => Promise<void>;
  /**
   * For what a target does not bear side by side. Dovecot 2.3.19 breaks off sessions of one user that make folders at the same time:
   * "fcntl(dovecot.list.index.log, write-lock) locking failed: Resource deadlock avoided", 2 of 150 new mailboxes on four lanes.
   */
  readonly inTurn: InTurn;
  /** When each mailbox forwarded with a copy, so that mail came in on both ways (arrived-both-ways.ts). */
  readonly forwardedIn?: readonly ForwardedIn[] | undefined;
  /** After each durable record, never before: the place for a heartbeat. */
  readonly report: (folder: FolderPath) => void;
}

/** A connection to either side, used by one piece of work at a time. */
export interface Lane {
  readonly source: MailSource;
  readonly target: MailTarget;
}

export function noCounts(): CopyCounts {
  return { copied: 0, repaired: 0, wrapped: 0, alreadyThere: 0, vanished: 0, refused: 0, bytes: 0 };
}
