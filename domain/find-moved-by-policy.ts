import { type ErrorCode, MigrationError } from './errors.ts';
import { isContentMark, isSameMark, keyOfMark, markOf } from './marks.ts';
import type { DeliveredCopy } from './ports/ledger.ts';
import type { MailTarget, PolicyPlace } from './ports/mail.ts';
import type { VerifyContext } from './verify-context.ts';
import type { FolderCheck } from './verify-folder.ts';

interface Loss {
  readonly check: FolderCheck;
  readonly copy: DeliveredCopy;
}

/**
 * Looks for lost copies where a retention policy puts mail (T63), so that it is not called lost while it can be had back. Places are
 * read only while something is lost: an archive may be as large as the mailbox. Each message there makes up for one copy.
 */
export async function findMovedByPolicy(
  { signal, onSeen, originals }: VerifyContext,
  target: MailTarget,
  checks: readonly FolderCheck[],
): Promise<void> {
  const losses = new Set(checks.flatMap((check) => [...check.lost].map((copy): Loss => ({ check, copy }))));
  if (target.listPolicyPlaces === undefined || losses.size === 0) return;
  let marks: LostMarks | null = null;
  for await (const place of target.listPolicyPlaces()) {
    marks ??= await marksOf(losses, originals);
    try {
      for await (const raw of place.listMessages()) {
        signal?.throwIfAborted();
        onSeen();
        const found = findLoss(marks, losses, raw, place);
        if (found === null) continue;
        losses.delete(found);
        moveTo(found, place);
        if (losses.size === 0) return;
      }
    } catch (error) {
      // What is not shown is not found there: then it is lost as far as we can tell, and its remedy says where else to look.
      if (!isRefusal(error)) throw error;
    }
  }
}

/** By what marks are sorted by. */
type LostMarks = ReadonlyMap<string, readonly { readonly mark: string; readonly loss: Loss }[]>;

/**
 * Copies that are known by their bytes get a mark of what their original says besides: the place may be shown by a route that
 * spells them anew, beside IMAP which shows none.
 */
async function marksOf(losses: ReadonlySet<Loss>, originals: VerifyContext['originals']): Promise<LostMarks> {
  const entries = [...losses].map((loss) => ({ mark: loss.copy.fingerprint, loss }));
  const byCopy = new Map([...losses].map((loss) => [loss.copy, loss]));
  const byBytes = [...byCopy.keys()].filter(({ fingerprint }) => !isContentMark(fingerprint));
  await originals?.read(byBytes, (copy, original) => {
    const loss = byCopy.get(copy);
    if (loss !== undefined) entries.push({ mark: markOf(original, 'content'), loss });
  });
  return Map.groupBy(entries, ({ mark }) => keyOfMark(mark));
}

function findLoss(marks: LostMarks, losses: ReadonlySet<Loss>, raw: Buffer, { fidelity }: PolicyPlace): Loss | null {
  for (const mark of [markOf(raw, fidelity), ...(fidelity === 'bytes' ? [markOf(raw, 'content')] : [])]) {
    const alike = marks.get(keyOfMark(mark)) ?? [];
    const found = alike.find((each) => losses.has(each.loss) && isSameMark(each.mark, mark));
    if (found !== undefined) return found.loss;
  }
  return null;
}

/** Whether it says that this place is not shown by this way, rather than something that may pass. */
export function isRefusal(error: unknown): boolean {
  return error instanceof MigrationError && !PASSING.includes(error.code);
}

const PASSING: readonly ErrorCode[] = ['CONNECTION_LOST', 'HOST_UNREACHABLE', 'LEASE_LOST', 'SERVER_BUSY', 'THROTTLED'];

function moveTo({ check, copy }: Loss, { place, path }: PolicyPlace): void {
  check.lost.delete(copy);
  const name = path.join('/');
  check.movedByPolicy.set(copy, place === 'archive' ? `"${name}" of the archive` : `${name} of Recoverable Items`);
}
