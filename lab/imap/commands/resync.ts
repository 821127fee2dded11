import type { Folder } from '../folder.ts';
import { type Token, textOf } from '../parser.ts';
import { Refusal } from '../refusal.ts';
import { formatUidSet, uidsIn } from '../sequence-set.ts';
import type { Session } from '../session.ts';

/** What a client knows of a folder from last time (RFC 7162 §3.2.5). */
export interface Resync {
  readonly uidValidity: number;
  readonly modSeq: number;
  /** UIDs that it has; null: all that there may have been. */
  readonly knownUids: string | null;
}

/** `(uidvalidity modseq [known-uids [seq-match-data]])`; the match data only spares bytes, and is passed over. */
export function parseResync(session: Session, token: Token | undefined): Resync {
  if (!session.enabled.has('QRESYNC')) throw new Refusal('BAD ENABLE QRESYNC first');
  if (token?.kind !== 'list') throw new Refusal('BAD QRESYNC takes a list');
  const [uidValidity, modSeq, known] = token.items.map(textOf);
  if (!/^\d+$/.test(uidValidity ?? '') || !/^\d+$/.test(modSeq ?? ''))
    throw new Refusal('BAD QRESYNC takes two numbers');
  return { uidValidity: Number(uidValidity), modSeq: Number(modSeq), knownUids: known ?? null };
}

/** What has gone and what has changed since; nothing under another UIDVALIDITY, which the client sees for itself. */
export async function tellSince(session: Session, folder: Folder, known: Resync): Promise<void> {
  if (known.uidValidity !== folder.uidValidity) return;
  await tellVanished(session, folder, known.modSeq, known.knownUids);
  const isKnown = known.knownUids === null ? () => true : uidsIn(known.knownUids);
  for (const [position, { uid, flags, modSeq }] of folder.messages.entries()) {
    if (modSeq <= known.modSeq || !isKnown(uid)) continue;
    await session.send(`* ${position + 1} FETCH (UID ${uid} FLAGS (${[...flags].join(' ')}) MODSEQ (${modSeq}))`);
  }
}

/** `VANISHED (EARLIER)` for those of the set that went after the mod-sequence. */
export async function tellVanished(
  session: Session,
  folder: Folder,
  modSeq: number,
  uids: string | null,
): Promise<void> {
  const gone = folder.expungedSince(modSeq).filter(uids === null ? () => true : uidsIn(uids));
  if (gone.length > 0) await session.send(`* VANISHED (EARLIER) ${formatUidSet(gone)}`);
}
