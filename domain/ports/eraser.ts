import type { BeforeMxMoves } from '../before-mx-moves.ts';
import type { MailAccount, TargetFolder, TargetMessage, TargetOptions } from './mail.ts';

/**
 * The one way to take something away at a target. Apart from MailTarget, which has none, so that whoever copies cannot delete, and
 * a test (test/tidy.test.ts) knows by its imports who can.
 */
export interface TargetEraser {
  /**
   * Messages of a folder with their bytes, by UID, of those that are there.
   * @throws FOLDER_VANISHED also when UIDVALIDITY is not `uidValidity` any more; CONNECTION_LOST
   */
  readCopies(folder: TargetFolder, uidValidity: string, uids: readonly number[]): AsyncIterable<TargetMessage>;
  /**
   * Removes exactly these messages for good and no other, be it marked as deleted by its owner (UID EXPUNGE, RFC 4315). Twice is
   * the same as once.
   * @param proof  taken just before
   * @throws as {@link readCopies}; LEASE_LOST
   */
  removeExactly(
    proof: BeforeMxMoves,
    folder: TargetFolder,
    uidValidity: string,
    uids: readonly number[],
  ): Promise<void>;
  /** Twice is safe; never throws. */
  close(): Promise<void>;
}

export interface EraserConnector {
  /**
   * @param proof  that new mail does not come to the target yet
   * @returns null where the server cannot remove exactly what it is told to (no UIDPLUS, RFC 4315)
   * @throws as MailConnector.openTarget
   */
  openEraser(
    proof: BeforeMxMoves,
    account: MailAccount,
    signal: AbortSignal,
    options?: TargetOptions,
  ): Promise<TargetEraser | null>;
}
