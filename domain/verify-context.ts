import type { DeviationLog } from './deviation-log.ts';
import type { Originals } from './originals.ts';
import type { DeliveredTally, Ledger } from './ports/ledger.ts';

/** What every part of a verification works with. */
export interface VerifyContext {
  readonly ledger: Ledger;
  readonly mailboxId: string;
  readonly signal: AbortSignal | null;
  /** Null where the source cannot be asked. */
  readonly originals: Originals | null;
  readonly log: DeviationLog;
  /** After each message. */
  readonly onSeen: () => void;
}

/** A target folder to read, from this UID on. */
export interface FolderScope extends DeliveredTally {
  readonly fromUid: number;
}

/** A message at the target, without its bytes. */
export interface Found {
  readonly uid: number;
  /** By which it may be known (domain/marks.ts): as its target tells it, and of another kind where copies have that. */
  readonly marks: readonly [string, ...string[]];
  readonly sizeBytes: number;
  readonly internalDate: string | null;
  readonly flags: readonly string[];
  /** Where its bytes may have to be compared with an original; else null. */
  readonly content: Content | null;
}

/** What can be told of a message's content without its bytes. */
export interface Content {
  /** Over what servers preserve: domain/canonical-fingerprint.ts. */
  readonly canonical: string;
  /** As that, without what a target gives a message that has none. */
  readonly text: string;
  /** Fingerprint of the original that a stub has attached; null where it is no stub. */
  readonly wrapped: string | null;
}
