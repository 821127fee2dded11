import { MigrationError } from './errors.ts';
import type { FolderEntry, Lease, Ledger, LedgerMessage, Outcome } from './ports/ledger.ts';
import { noOutcome, refused } from './unit-outcomes.ts';

/**
 * One message may end the connection whenever it is read or sent, and then it would keep all others for ever (T28). So what
 * was under way when a connection ended is suspected: it is tried again last and alone, and the third time it is named and
 * passed over. The code of an unfinished row remembers how far that has come; a line that breaks at random is rarely unlucky
 * with the same message three times, and a later pass tries it again.
 */
export function isSuspect({ code }: Pick<LedgerMessage, 'code'>): boolean {
  return code !== null;
}

/** What becomes of a message that had not come when the connection to the source ended. */
export function lostInReading(message: LedgerMessage): Outcome {
  if (message.code === null) return { ...noOutcome(message, 'planned'), code: 'CONNECTION_LOST' };
  if (message.code === 'CONNECTION_LOST') return { ...noOutcome(message, 'planned'), code: 'MESSAGE_DAMAGED' };
  return refused(message, null, new MigrationError('MESSAGE_DAMAGED', `The source ${AGAIN} was asked for.`));
}

/** What becomes of a message that the target may have had when its connection ended: it is looked for first. */
export function lostInSending(message: LedgerMessage): Outcome {
  if (message.code === null) return { ...noOutcome(message, 'intended'), code: 'CONNECTION_LOST' };
  const code = message.code === 'CONNECTION_LOST' ? 'MESSAGE_REFUSED' : 'OUTCOME_UNKNOWN';
  return { ...noOutcome(message, 'intended'), code };
}

/** What becomes of one that was looked for at the target and is not there. */
export function notFound(message: LedgerMessage, present: boolean): Outcome {
  if (!present) return noOutcome(message, 'vanished');
  if (message.code !== 'OUTCOME_UNKNOWN') return { ...noOutcome(message, 'planned'), code: message.code };
  return refused(message, null, new MigrationError('MESSAGE_REFUSED', `The target ${AGAIN} was sent.`));
}

/** What was refused and gets another try: one that ended connections is still tried last and alone. */
export function triedAgain({ uidValidity, uid, code }: Pick<LedgerMessage, 'uidValidity' | 'uid' | 'code'>): Outcome {
  const keeps = code === 'MESSAGE_DAMAGED' || code === 'MESSAGE_REFUSED';
  return { ...noOutcome({ uidValidity, uid }, 'planned'), code: keeps ? code : null };
}

/**
 * Opens a folder, at either side, that may be one on which a server ends the connection each time (T1). The fault of the folder
 * remembers it: it comes last in the next attempt, and after the second time it is named and passed over until the next pass.
 * @throws FOLDER_REFUSED when it is passed over, else what `open` throws
 */
export async function openSuspect<T>(
  { ledger, lease }: { readonly ledger: Ledger; readonly lease: Lease },
  { id, fault }: FolderEntry,
  open: () => Promise<T>,
): Promise<T> {
  if (fault?.code === LOST_TWICE) {
    throw new MigrationError('FOLDER_REFUSED', 'The server ended the connection twice when this folder was opened.');
  }
  try {
    return await open();
  } catch (error) {
    if (error instanceof MigrationError && error.code === 'CONNECTION_LOST') {
      const code = isLostOnce({ fault }) ? LOST_TWICE : 'CONNECTION_LOST';
      await ledger.recordFolderFault(lease, id, { code, message: error.message }).catch(() => undefined); // the loss is told
    }
    throw error;
  }
}

export function isLostOnce({ fault }: Pick<FolderEntry, 'fault'>): boolean {
  return fault?.code === 'CONNECTION_LOST';
}

const LOST_TWICE = 'OUTCOME_UNKNOWN';

const AGAIN = 'ended the connection three times when this message';
