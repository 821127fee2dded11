import { type ErrorCode, MigrationError } from './errors.ts';
import { isContentMark, isSameMark, keyOfMark, markOf } from './marks.ts';
import type { DeliveredCopy } from './ports/ledger.ts';
import type { MailTarget, PolicyPlace } from './ports/mail.ts';
import type { VerifyContext } from './verify-context.ts';
import type { FolderCheck } from './verify-folder.ts';

/**
 * Looks for lost copies where a retention policy puts mail (T63), so that it is not called lost while it can be had back. Places are
 * read only while something is lost: an archive may be as large as the mailbox. Each message there makes up for one copy.
 */
export async function findMovedByPolicy(
  { signal, onSeen }: VerifyContext,
  target: MailTarget,
  checks: readonly FolderCheck[],
): Promise<void> {
  if (target.listPolicyPlaces === undefined) return;
  const losses = checks.flatMap((check) => [...check.lost].map((copy) => ({ check, copy })));
  const wanted = Map.groupBy(losses, ({ copy }) => keyOfMark(copy.fingerprint));
  if (wanted.size === 0) return;
  const take = (mark: string, place: PolicyPlace): boolean => {
    const alike = wanted.get(keyOfMark(mark)) ?? [];
    const at = alike.findIndex(({ copy }) => isSameMark(copy.fingerprint, mark));
    const [found] = at === -1 ? [] : alike.splice(at, 1);
    if (found !== undefined) moveTo(found.check, found.copy, place);
    if (alike.length === 0) wanted.delete(keyOfMark(mark));
    return found !== undefined;
  };
  for await (const place of target.listPolicyPlaces()) {
    const alsoByContent = place.fidelity === 'bytes' && [...wanted.keys()].some(isContentMark);
    try {
      for await (const raw of place.listMessages()) {
        signal?.throwIfAborted();
        onSeen();
        const marks = [markOf(raw, place.fidelity), ...(alsoByContent ? [markOf(raw, 'content')] : [])];
        marks.some((mark) => take(mark, place));
        if (wanted.size === 0) return;
      }
    } catch (error) {
      // What is not shown is not found there: then it is lost as far as we can tell, and its remedy says where else to look.
      if (!isRefusal(error)) throw error;
    }
  }
}

/** Whether it says that this place is not shown by this way, rather than something that may pass. */
export function isRefusal(error: unknown): boolean {
  return error instanceof MigrationError && !PASSING.includes(error.code);
}

const PASSING: readonly ErrorCode[] = ['CONNECTION_LOST', 'HOST_UNREACHABLE', 'LEASE_LOST', 'SERVER_BUSY', 'THROTTLED'];

function moveTo(check: FolderCheck, copy: DeliveredCopy, { place, path }: PolicyPlace): void {
  check.lost.delete(copy);
  const name = path.join('/');
  check.movedByPolicy.set(copy, place === 'archive' ? `"${name}" of the archive` : `${name} of Recoverable Items`);
}
