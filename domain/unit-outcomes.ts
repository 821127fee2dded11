import type { CopyCounts } from './copy-context.ts';
import { type ErrorCode, MigrationError } from './errors.ts';
import type { Message } from './mail.ts';
import type { CopyState, LedgerMessage, Outcome } from './ports/ledger.ts';
import type { Appended } from './ports/mail.ts';
import type { Route } from './routes.ts';

/** A message that is read and may be sent. */
export interface Ready {
  readonly message: LedgerMessage;
  /** As the source has it. */
  readonly original: Buffer;
  /** As it will be sent. */
  readonly mail: Message;
  readonly fingerprint: string;
  /** The mark that the copy will have (domain/marks.ts), where it is not `fingerprint`; null: as that. */
  readonly copyFingerprint: string | null;
  /** By which it goes. */
  readonly route: Route;
  readonly state: CopyState;
  /** How far down the ladder (domain/ladder.ts) this form is. */
  readonly rung: 'as-is' | 'repaired' | 'wrapped';
  /** What is to be said of it whatever its form. */
  readonly notes: readonly string[];
  /** What had to be changed, for the report; empty where the message goes as it is. */
  readonly changes: readonly string[];
}

/** What a report says of it; null: nothing. */
export function detailOf(
  { notes, changes }: Pick<Ready, 'notes' | 'changes'>,
  ...more: readonly string[]
): string | null {
  const details = [...notes, ...changes, ...more];
  return details.length > 0 ? details.join(' ') : null;
}

export function delivered(ready: Ready, { id, droppedFlags, changes = [] }: Appended): Outcome {
  const { message, mail, fingerprint, copyFingerprint, state } = ready;
  const lost = droppedFlags.length > 0 ? [`The target does not take these flags: ${droppedFlags.join(' ')}`] : [];
  return {
    ...noOutcome(message, state),
    fingerprint,
    copyFingerprint,
    target: id,
    detail: detailOf(ready, ...changes, ...lost),
    flags: mail.flags,
    receivedAt: mail.receivedAt,
  };
}

/** It certainly did not reach the target, so it may be sent later without a look. */
export function notSent({ message, fingerprint, copyFingerprint }: Ready): Outcome {
  return { ...noOutcome(message, 'planned'), fingerprint, copyFingerprint };
}

export function refused(message: LedgerMessage, fingerprint: string | null, error: MigrationError): Outcome {
  return { ...noOutcome(message, 'refused'), fingerprint, code: error.code, detail: error.message };
}

export function noOutcome(
  { uidValidity, uid }: Pick<LedgerMessage, 'uidValidity' | 'uid'>,
  state: Outcome['state'],
): Outcome {
  return {
    uidValidity,
    uid,
    state,
    fingerprint: null,
    copyFingerprint: null,
    target: null,
    code: null,
    detail: null,
    flags: null,
    receivedAt: null,
  };
}

export function countUp(counts: CopyCounts, outcomes: readonly Outcome[]): void {
  for (const { state } of outcomes) {
    if (state === 'already-there') counts.alreadyThere += 1;
    else if (state !== 'planned' && state !== 'intended' && state !== 'excluded') counts[state] += 1;
  }
}

/** Codes with which a target says that the message is not there. Whatever is not listed may have happened. */
const CERTAIN: ReadonlySet<ErrorCode> = new Set([
  'QUOTA_EXCEEDED',
  'THROTTLED',
  'SERVER_BUSY',
  'MAILBOX_MISSING',
  'FOLDER_REFUSED',
  'FOLDER_VANISHED',
  // Said at the door: the message was not looked at.
  'HOST_UNREACHABLE',
  'AUTH_FAILED',
  'CONSENT_REVOKED',
  'IMPERSONATION_DENIED',
  'EWS_OFF',
  'IMAP_OFF',
  'IMAP_NOT_CONNECTED',
]);

export function didNotHappen(error: unknown): boolean {
  return error instanceof MigrationError && CERTAIN.has(error.code);
}

/** The target refuses this message, whatever else it takes. */
export function blamesMessage(error: unknown): error is MigrationError {
  return error instanceof MigrationError && error.kind.scope === 'message';
}
