import { canonicalFingerprintOf } from './canonical-fingerprint.ts';
import { collect } from './collect.ts';
import type { CopyContext } from './copy-context.ts';
import type { TargetId } from './mail.ts';
import { markOf } from './marks.ts';
import { findField, readValue } from './mime/fields.ts';
import { messageFields } from './mime/message-header.ts';
import type { LedgerMessage, Outcome } from './ports/ledger.ts';
import type { MailTarget, OpenedFolder } from './ports/mail.ts';
import { noOutcome } from './unit-outcomes.ts';
import type { FolderJob } from './work-units.ts';

/** A time in which mailboxes forwarded with a copy; RFC 3339 UTC, `until` null while they do. */
export interface ForwardedIn {
  readonly since: string;
  readonly until: string | null;
}

/**
 * Mail that came to the target by transport while each mailbox forwarded with a copy, and to the source by that forwarding
 * (exchange.md §6.4): one message, two copies, of which the one at the source must not be brought a second time. Their traces differ,
 * so their bytes do; they are matched by Message-ID and content. Taken one by one: two at the source need two at the target.
 */
export interface Arrivals {
  /** @returns what became of a message of the source, when its copy is at the target already; null: it has to be brought */
  take(message: LedgerMessage, raw: Buffer, fingerprint: string): Outcome | null;
  /** A copy was found in another way. @returns false when it is a message's already */
  claim(uid: number): boolean;
}

interface Arrived {
  readonly id: TargetId;
  readonly mark: string;
}

/** Clocks of three systems are compared, and forwarded copies wait in queues. The content decides; this only saves reading. */
const BEFORE_MS = 3_600_000;
const AFTER_MS = 2 * 86_400_000;

/**
 * Reads what lies in the target's INBOX beside our copies. Not where nothing waits at the source that came in while mailboxes
 * forwarded, nor where the target does not tell UIDs: then copies of ours cannot be told from arrivals.
 *
 * A copy that its owner has moved to another folder is not looked for, so the message is brought once more: rather twice than never.
 */
export async function readArrivals(
  { ledger, lease, forwardedIn = [] }: Pick<CopyContext, 'ledger' | 'lease' | 'forwardedIn'>,
  job: FolderJob,
  target: MailTarget,
  folder: OpenedFolder,
): Promise<Arrivals | null> {
  const isInTime = (date: string | null) => date === null || forwardedIn.some((each) => isWithin(each, date));
  if (forwardedIn.length === 0 || job.role !== 'inbox' || !target.reportsUid) return null;
  // Newest first, and arrivals are among the newest.
  const newest = await ledger.listUnfinished(job.entry.id, null, 500);
  if (!newest.some(({ internalDate }) => isInTime(internalDate))) return null;

  const { uidValidity, uidNext } = await target.getStatus(folder);
  const delivered = await collect(ledger.listDelivered(lease.mailboxId, job.targetPath, 1));
  if (delivered.some(({ targetUid }) => targetUid === null)) return null;
  const ours = new Set(delivered.map(({ targetUid }) => targetUid ?? 0));
  const contentOf = (raw: Buffer) => contentKey(raw, target);
  const arrived = new Map<string, Arrived[]>();
  for (const { fromUid, beforeUid } of gapsOf(ours, uidNext)) {
    for await (const { uid, raw, internalDate } of target.listMessages(folder, fromUid, beforeUid)) {
      const key = isInTime(internalDate) ? contentOf(raw) : null;
      if (key === null) continue;
      const copies = arrived.get(key) ?? [];
      copies.push({ id: { uidValidity, uid }, mark: markOf(raw, target.fidelity) });
      arrived.set(key, copies);
    }
  }
  if (arrived.size === 0) return null;

  const claimed = new Set<number>();
  return {
    claim(uid) {
      const isFree = !claimed.has(uid);
      claimed.add(uid);
      return isFree;
    },
    take(message, raw, fingerprint) {
      const key = isInTime(message.internalDate) ? contentOf(raw) : null;
      const copy = key === null ? undefined : arrived.get(key)?.find(({ id }) => !claimed.has(id.uid));
      if (copy === undefined) return null;
      claimed.add(copy.id.uid);
      return {
        ...noOutcome(message, 'already-there'),
        fingerprint,
        copyFingerprint: copy.mark,
        target: copy.id,
        detail:
          'It came to the target by itself while the mailbox forwarded with a copy; matched by Message-ID, sender, recipients, subject, date, text and attachments. Lines of the trace may differ.',
      };
    },
  };
}

/** Null for a message without Message-ID: nothing then tells it from another of the same content. */
function contentKey(raw: Buffer, { fidelity }: MailTarget): string | null {
  const field = findField(messageFields(raw), 'message-id');
  const id = field === undefined ? '' : readValue(raw, field).replace(/\s+/g, '');
  if (id === '') return null;
  return fidelity === 'parts' ? `${id} ${markOf(raw, 'parts')}` : canonicalFingerprintOf(raw);
}

function isWithin({ since, until }: ForwardedIn, date: string): boolean {
  const at = Date.parse(date);
  if (Number.isNaN(at) || at < Date.parse(since) - BEFORE_MS) return false;
  return until === null || at <= Date.parse(until) + AFTER_MS;
}

interface Gap {
  readonly fromUid: number;
  readonly beforeUid: number;
}

/** UIDs below `uidNext` that no copy of ours has, as ranges. */
function* gapsOf(ours: ReadonlySet<number>, uidNext: number): Iterable<Gap> {
  let fromUid = 1;
  for (const uid of [...ours].toSorted((a, b) => a - b)) {
    if (uid >= uidNext) break;
    if (uid > fromUid) yield { fromUid, beforeUid: uid };
    fromUid = Math.max(fromUid, uid + 1);
  }
  if (fromUid < uidNext) yield { fromUid, beforeUid: uidNext };
}
