import { type ErrorCode, MigrationError } from '../../domain/errors.ts';
import type { OriginRow, Place } from '../../domain/gmail-labels.ts';
import {
  type CensusEntry,
  DELIVERED_STATES,
  EMPTY_TALLY,
  type FlagsEntry,
  type FolderPath,
  type FolderStatus,
  type MessageState,
  type Tally,
  type TargetId,
} from '../../domain/mail.ts';
import { isContentMark } from '../../domain/marks.ts';
import type { Pass } from '../../domain/passes.ts';
import {
  type CensusEnd,
  type CopyState,
  type DeliveredCopy,
  type DeliveredCount,
  type DeliveredTally,
  type Deviation,
  type FlagsDue,
  type FolderEntry,
  type FolderFinding,
  type FolderMismatch,
  type FolderPlan,
  type FolderTally,
  type IntendedMessage,
  type Intent,
  LEASE_VALID_MS,
  type Lease,
  type Ledger,
  type LedgerException,
  type LedgerMessage,
  type Outcome,
  type Removable,
  type RemovalState,
  type UidRange,
} from '../../domain/ports/ledger.ts';
import { MemoryVerifications } from './ledger-verifications.ts';

interface MessageRow {
  readonly uidValidity: string;
  readonly uid: number;
  readonly sizeBytes: number;
  readonly internalDate: string | null;
  originId: string | null;
  flags: readonly string[];
  state: MessageState;
  present: boolean;
  /** Fence and pass that saw it last: what a killed attempt saw may be gone when the next attempt of the same pass looks. */
  seenBy: string;
  fingerprint: string | null;
  copyFingerprint: string | null;
  intentUidNext: number | null;
  intentTarget: string | null;
  intentState: CopyState | null;
  delivery: Delivery | null;
  /** Its copy belongs to another row now, or to none. */
  givenAway: boolean;
  removal: RemovalState | null;
  code: ErrorCode | null;
  detail: string | null;
}

interface Delivery {
  readonly target: string;
  readonly targetId: TargetId | null;
  readonly passNumber: number;
  readonly receivedAt: string | null;
  readonly flags: readonly string[];
}

interface FolderRow {
  entry: Omit<FolderEntry, 'unfinished'>;
  readonly messages: Map<string, MessageRow>;
}

interface MailboxRow {
  fence: number;
  /** By our clock; null once it was released. */
  renewedAt: number | null;
  /** Until then a holder before this one may still be at work on the target. */
  settlesAt: number;
  readonly folders: Map<string, FolderRow>;
  readonly verifications: MemoryVerifications;
}

/** The ledger in memory, for tests and kill worlds. Passes the same contract suite as the one on PostgreSQL. */
export class MemoryLedger implements Ledger {
  readonly #mailboxes = new Map<string, MailboxRow>();
  readonly #folders = new Map<string, FolderRow>();

  /** Twice is the same as once. */
  addMailbox(mailboxId: string): void {
    if (this.#mailboxes.has(mailboxId)) return;
    this.#mailboxes.set(mailboxId, {
      fence: 0,
      renewedAt: null,
      settlesAt: 0,
      folders: new Map(),
      verifications: new MemoryVerifications(),
    });
  }

  async takeLease(mailboxId: string, _holder: string): Promise<Lease> {
    const mailbox = this.#mailboxes.get(mailboxId);
    if (mailbox === undefined) throw new MigrationError('NOT_FOUND', 'No such mailbox.', { facts: { mailboxId } });
    const now = performance.now();
    if (mailbox.renewedAt !== null) mailbox.settlesAt = Math.max(mailbox.settlesAt, mailbox.renewedAt + LEASE_VALID_MS);
    mailbox.fence += 1;
    mailbox.renewedAt = now;
    return { mailboxId, fence: mailbox.fence, settledInMs: Math.max(0, Math.ceil(mailbox.settlesAt - now)) };
  }

  async renewLease(lease: Lease): Promise<void> {
    this.#held(lease).renewedAt = performance.now();
  }

  async releaseLease(lease: Lease): Promise<void> {
    const mailbox = this.#mailboxes.get(lease.mailboxId);
    if (mailbox?.fence === lease.fence) mailbox.renewedAt = null;
  }

  async recordFolders(lease: Lease, plans: readonly FolderPlan[]): Promise<readonly FolderEntry[]> {
    const mailbox = this.#held(lease);
    return plans.map(({ sourceId, sourcePath, role, targetPath }) => {
      const known = mailbox.folders.get(sourceId);
      if (known !== undefined) {
        known.entry = { ...known.entry, sourcePath, role, targetPath };
        return toEntry(known);
      }
      const id = String(this.#folders.size + 1);
      const entry = { id, sourceId, sourcePath, role, targetPath, status: null, fault: null, counts: null };
      const row: FolderRow = { entry, messages: new Map() };
      mailbox.folders.set(sourceId, row);
      this.#folders.set(id, row);
      return toEntry(row);
    });
  }

  async listFolders(mailboxId: string): Promise<readonly FolderEntry[]> {
    return this.#foldersOf(mailboxId).map(toEntry);
  }

  async recordRename(lease: Lease, folderId: string, to: { sourceId: string; sourcePath: FolderPath }): Promise<void> {
    const folder = this.#heldFolder(lease, folderId);
    const { folders } = this.#held(lease);
    if (folders.has(to.sourceId)) throw new Error(`the folder ${to.sourceId} has a row already`);
    folders.delete(folder.entry.sourceId);
    folder.entry = { ...folder.entry, ...to };
    folders.set(to.sourceId, folder);
  }

  async recordFolderFault(
    lease: Lease,
    folderId: string,
    fault: { code: ErrorCode; message: string } | null,
  ): Promise<void> {
    const folder = this.#heldFolder(lease, folderId);
    folder.entry = { ...folder.entry, fault };
  }

  async recordCensus(
    lease: Lease,
    folderId: string,
    uidValidity: string,
    pass: Pass,
    entries: readonly CensusEntry[],
  ): Promise<void> {
    const { messages } = this.#heldFolder(lease, folderId);
    for (const { uid, sizeBytes, internalDate, flags, excluded = null, originId = null } of entries) {
      const key = messageKey(uidValidity, uid);
      const seenBy = seenMark(lease, pass);
      const known = messages.get(key);
      if (known === undefined) {
        const state = excluded === null ? 'planned' : 'excluded';
        messages.set(key, {
          ...PLANNED,
          uid,
          sizeBytes,
          internalDate,
          originId,
          flags,
          state,
          detail: excluded,
          uidValidity,
          seenBy,
        });
        continue;
      }
      known.flags = flags;
      known.originId = originId ?? known.originId;
      known.present = true;
      known.seenBy = seenBy;
      // Taken for vanished, or its copy was taken over by another row, and it is here after all: copy it.
      if (known.state === 'vanished' || known.givenAway) {
        known.state = excluded === null ? 'planned' : 'excluded';
        known.code = null;
        known.detail = excluded;
        known.delivery = null;
        known.givenAway = false;
        known.removal = null;
      }
    }
  }

  async recordChanges(
    lease: Lease,
    folderId: string,
    uidValidity: string,
    changes: { flags: readonly FlagsEntry[]; vanished: readonly UidRange[] },
  ): Promise<void> {
    const { messages } = this.#heldFolder(lease, folderId);
    for (const { uid, flags } of changes.flags) {
      const row = messages.get(messageKey(uidValidity, uid));
      if (row?.present === true) row.flags = flags;
    }
    for (const row of messages.values()) {
      if (row.uidValidity === uidValidity && changes.vanished.some((range) => isWithin(row.uid, range))) vanish(row);
    }
  }

  async recordPresence(
    lease: Lease,
    folderId: string,
    uidValidity: string,
    range: UidRange,
    entries: readonly FlagsEntry[],
  ): Promise<void> {
    const { messages } = this.#heldFolder(lease, folderId);
    const there = new Map(entries.map(({ uid, flags }) => [uid, flags]));
    for (const row of messages.values()) {
      if (row.uidValidity !== uidValidity || !isWithin(row.uid, range) || !row.present) continue;
      const flags = there.get(row.uid);
      if (flags === undefined) vanish(row);
      else row.flags = flags;
    }
  }

  async countPresent(folderId: string): Promise<number> {
    return [...(this.#folders.get(folderId)?.messages.values() ?? [])].filter((row) => row.present).length;
  }

  async recordCensusEnd(
    lease: Lease,
    folderId: string,
    pass: Pass,
    status: FolderStatus,
    { complete, counts }: CensusEnd,
  ): Promise<void> {
    const folder = this.#heldFolder(lease, folderId);
    for (const row of folder.messages.values()) {
      const seen = !complete || row.seenBy === seenMark(lease, pass);
      if (!seen || row.uidValidity !== status.uidValidity) vanish(row);
    }
    folder.entry = { ...folder.entry, status, counts: counts ?? folder.entry.counts };
  }

  async listUnfinished(folderId: string, beforeUid: number | null, limit: number): Promise<readonly LedgerMessage[]> {
    const newestFirst = this.#unfinished(folderId).filter(({ uid }) => beforeUid === null || uid < beforeUid);
    return newestFirst.slice(0, limit);
  }

  async listIntended(mailboxId: string): Promise<readonly IntendedMessage[]> {
    return this.#foldersOf(mailboxId).flatMap(({ entry, messages }) => {
      const intended = [...messages.values()].filter(({ state }) => state === 'intended');
      return intended.toSorted(byUid).map((row) => {
        const targetPath = parsePath(row.intentTarget ?? pathKey(entry.targetPath));
        const { present, intentState, detail } = row;
        return { ...toMessage(row), folderId: entry.id, targetPath, present, intentState, detail };
      });
    });
  }

  async recordIntents(lease: Lease, folderId: string, intents: readonly Intent[]): Promise<void> {
    const { messages, entry } = this.#heldFolder(lease, folderId);
    for (const intent of intents) {
      const row = messages.get(messageKey(intent.uidValidity, intent.uid));
      if (row === undefined || !isUnfinished(row)) continue;
      row.state = 'intended';
      row.fingerprint = intent.fingerprint;
      row.copyFingerprint = intent.copyFingerprint;
      row.intentUidNext = intent.targetUidNext;
      row.intentTarget = pathKey(entry.targetPath);
      row.intentState = intent.state ?? null;
      row.detail = intent.detail ?? null;
    }
  }

  async recordOutcomes(lease: Lease, folderId: string, pass: Pass, outcomes: readonly Outcome[]): Promise<void> {
    const { messages, entry } = this.#heldFolder(lease, folderId);
    for (const { uidValidity, uid, state, fingerprint, copyFingerprint, target, code, detail, ...given } of outcomes) {
      const row = messages.get(messageKey(uidValidity, uid));
      // A delivered message stays delivered: a late or repeated outcome never turns a copy into something to be sent again.
      if (row === undefined || isDelivered(row.state)) continue;
      const intendedFor = row.intentTarget ?? pathKey(entry.targetPath);
      row.state = state;
      row.code = code;
      row.detail = state === 'intended' ? (detail ?? row.detail) : detail;
      row.fingerprint = fingerprint ?? row.fingerprint;
      row.copyFingerprint = copyFingerprint ?? row.copyFingerprint;
      if (state !== 'intended') Object.assign(row, NO_INTENT);
      if (!isDelivered(state)) continue;
      row.delivery = {
        target: intendedFor,
        targetId: target,
        passNumber: pass.number,
        receivedAt: given.receivedAt ?? row.internalDate,
        flags: given.flags ?? row.flags,
      };
    }
  }

  async recordAdoptions(
    lease: Lease,
    folderId: string,
    _pass: Pass,
    adopters: readonly { uidValidity: string; uid: number; fingerprint: string }[],
  ): Promise<readonly number[]> {
    const { messages, entry } = this.#heldFolder(lease, folderId);
    const adopted: number[] = [];
    for (const { uidValidity, uid, fingerprint } of adopters) {
      const row = messages.get(messageKey(uidValidity, uid));
      if (row === undefined || !isUnfinished(row)) continue;
      const donor = this.#findDonor(lease.mailboxId, pathKey(entry.targetPath), fingerprint);
      if (donor === null) continue;
      takeOver(row, donor);
      adopted.push(uid);
    }
    return adopted;
  }

  async *listOpenOrigins(mailboxId: string): AsyncIterable<readonly OriginRow[]> {
    const rows = this.#foldersOf(mailboxId).flatMap(({ entry, messages }) =>
      [...messages.values()].flatMap((row): OriginRow[] => {
        const { originId, uidValidity, uid, state, present } = row;
        if (originId === null) return [];
        return [{ originId, folderId: entry.id, uidValidity, uid, state, present, hasCopy: isHeldCopy(row) }];
      }),
    );
    for (const group of Map.groupBy(rows, ({ originId }) => originId).values()) if (isOpen(group)) yield group;
  }

  async recordPlaces(lease: Lease, places: readonly Place[]): Promise<void> {
    for (const { folderId, uidValidity, uid, excluded, takesFrom } of places) {
      const row = this.#heldFolder(lease, folderId).messages.get(messageKey(uidValidity, uid));
      if (!row?.present || (row.state !== 'planned' && row.state !== 'excluded')) continue;
      if (takesFrom !== null) {
        const donors = this.#heldFolder(lease, takesFrom.folderId).messages;
        const donor = donors.get(messageKey(takesFrom.uidValidity, takesFrom.uid));
        if (donor && isOrphan(donor)) takeOver(row, donor);
        continue;
      }
      row.state = excluded === null ? 'planned' : 'excluded';
      row.detail = excluded;
    }
  }

  async *listRemovable(mailboxId: string): AsyncIterable<Removable> {
    const present = new Set(this.#rowsOf(mailboxId).flatMap((row) => (row.present ? (row.originId ?? []) : [])));
    yield* this.#removables(
      mailboxId,
      (row) => isOrphan(row) && row.state !== 'already-there' && !present.has(row.originId ?? ''),
    );
  }

  async listRemovalsIntended(mailboxId: string): Promise<readonly Removable[]> {
    return this.#removables(mailboxId, (row) => row.removal === 'intended');
  }

  async countCopies(mailboxId: string): Promise<number> {
    return this.#rowsOf(mailboxId).filter((row) => isHeldCopy(row) && row.state !== 'already-there').length;
  }

  async recordRemovals(
    lease: Lease,
    copies: readonly Pick<Removable, 'folderId' | 'uidValidity' | 'uid'>[],
    state: RemovalState | null,
  ): Promise<void> {
    this.#held(lease);
    for (const { folderId, uidValidity, uid } of copies) {
      const row = this.#heldFolder(lease, folderId).messages.get(messageKey(uidValidity, uid));
      if (row === undefined || !isHeldCopy(row) || !row.delivery?.targetId) continue;
      row.removal = state;
      if (state !== 'removed') continue;
      row.givenAway = !row.present;
      row.detail = row.present ? null : 'removed at the target, as it was deleted at the source';
      if (row.present) Object.assign(row, { state: 'planned', delivery: null, removal: null });
    }
  }

  async recordInDoubt(
    lease: Lease,
    folderId: string,
    doubted: readonly { uidValidity: string; uid: number }[],
  ): Promise<void> {
    const { messages } = this.#heldFolder(lease, folderId);
    for (const { uidValidity, uid } of doubted) {
      const row = messages.get(messageKey(uidValidity, uid));
      if (row === undefined || !isHeldCopy(row)) continue;
      row.intentTarget = row.delivery?.target ?? null;
      row.intentUidNext = 1;
      row.intentState = copyState(row.state);
      row.state = 'intended';
      row.delivery = null;
    }
  }

  async hasOrphans(mailboxId: string): Promise<boolean> {
    return this.#rowsOf(mailboxId).some(isOrphan);
  }

  async *listDelivered(mailboxId: string, targetPath: FolderPath, fromUid: number): AsyncIterable<DeliveredCopy> {
    const copies = this.#deliveredIn(mailboxId, targetPath).filter(
      ({ targetUid }) => (targetUid ?? fromUid) >= fromUid,
    );
    const unknownLast = Number.MAX_SAFE_INTEGER;
    yield* copies.toSorted((a, b) => (a.targetUid ?? unknownLast) - (b.targetUid ?? unknownLast));
  }

  async countDelivered(mailboxId: string, targetPath: FolderPath): Promise<DeliveredCount> {
    const copies = this.#deliveredIn(mailboxId, targetPath);
    const firstPass = copies.length === 0 ? null : Math.min(...copies.map(({ passNumber }) => passNumber));
    return { copies: copies.length, firstPass };
  }

  async tallyDelivered(mailboxId: string, passNumber: number): Promise<readonly DeliveredTally[]> {
    return (await this.listTargetPaths(mailboxId)).flatMap((targetPath): DeliveredTally[] => {
      const copies = this.#deliveredIn(mailboxId, targetPath);
      if (copies.length === 0) return [];
      const ofPass = copies.filter((copy) => copy.passNumber === passNumber);
      const ours = copies.filter(({ state }) => state !== 'already-there').map(({ targetUid }) => targetUid ?? 1);
      const counts = { copies: copies.length, withoutUid: copies.filter((copy) => copy.targetUid === null).length };
      const byContent = copies.filter(({ fingerprint }) => isContentMark(fingerprint)).length;
      const firstUidOfPass = lowest(ofPass.flatMap(({ targetUid }) => targetUid ?? []));
      return [
        { targetPath, ...counts, byContent, ofPass: ofPass.length, firstUidOfPass, firstUidOfOurs: lowest(ours) },
      ];
    });
  }

  async countMoved(mailboxId: string, pass: Pass): Promise<number> {
    const ofPass = this.#rowsOf(mailboxId).filter((row) => isHeldCopy(row) && row.delivery?.passNumber === pass.number);
    return ofPass.filter(({ state }) => state !== 'already-there').length;
  }

  async listTargetPaths(mailboxId: string): Promise<readonly FolderPath[]> {
    const mapped = this.#foldersOf(mailboxId).map(({ entry }) => pathKey(entry.targetPath));
    const used = this.#rowsOf(mailboxId).flatMap((row) => (row.delivery === null ? [] : [row.delivery.target]));
    return [...new Set([...mapped, ...used])].map(parsePath);
  }

  async listFlagsDue(mailboxId: string, after: FlagsDue | null, limit: number): Promise<readonly FlagsDue[]> {
    const due = this.#foldersOf(mailboxId).flatMap(({ entry, messages }) =>
      [...messages.values()].toSorted(byUid).flatMap((row): FlagsDue[] => {
        const { uidValidity, uid, flags, delivery } = row;
        const copy = isHeldCopy(row) ? delivery?.targetId : null;
        if (!row.present || delivery === null || !copy || sameFlags(flags, delivery.flags)) return [];
        const target = { targetUidValidity: copy.uidValidity, targetUid: copy.uid };
        const targetPath = parsePath(delivery.target);
        return [{ folderId: entry.id, uidValidity, uid, base: delivery.flags, flags, targetPath, ...target }];
      }),
    );
    const isLast = (each: FlagsDue) => after !== null && each.folderId === after.folderId && each.uid === after.uid;
    const start = after === null ? 0 : due.findIndex((each) => isLast(each) || isBehind(each, after));
    if (start < 0) return [];
    const first = due[start];
    return due.slice(first !== undefined && isLast(first) ? start + 1 : start).slice(0, limit);
  }

  async recordFlags(
    lease: Lease,
    folderId: string,
    merged: readonly (FlagsEntry & { readonly uidValidity: string })[],
  ): Promise<void> {
    const { messages } = this.#heldFolder(lease, folderId);
    for (const { uidValidity, uid, flags } of merged) {
      const row = messages.get(messageKey(uidValidity, uid));
      if (row?.delivery) row.delivery = { ...row.delivery, flags };
    }
  }

  async tallyFolders(mailboxId: string): Promise<readonly FolderTally[]> {
    const newest = this.#mailboxes.get(mailboxId)?.verifications.findings() ?? [];
    const findings = new Map(newest.map((finding) => [pathKey(finding.targetPath), finding]));
    return this.#foldersOf(mailboxId).map(({ entry, messages }) => {
      const present = [...messages.values()].filter((row) => row.present);
      const count = (state: MessageState) => present.filter((row) => row.state === state).length;
      const exists = entry.status?.exists ?? 0;
      // Several source folders may share a target folder: the first one carries its findings, so that they add up once.
      const found = findings.get(pathKey(entry.targetPath));
      findings.delete(pathKey(entry.targetPath));
      const tally: Tally = {
        ...EMPTY_TALLY,
        source: exists,
        copied: count('copied'),
        repaired: count('repaired'),
        wrapped: count('wrapped'),
        alreadyThere: count('already-there'),
        vanished: count('vanished'),
        excluded: count('excluded'),
        refused: count('refused'),
        lost: found === undefined ? 0 : found.lost + found.misfiled + found.changed,
        doubled: found?.doubled ?? 0,
      };
      const { id, sourcePath, targetPath } = entry;
      return { folderId: id, sourcePath, targetPath, exists, unfinished: present.filter(isUnfinished).length, tally };
    });
  }

  async listMismatches(mailboxId: string): Promise<readonly FolderMismatch[]> {
    return (await this.tallyFolders(mailboxId)).flatMap(({ folderId, sourcePath, exists, unfinished, tally }) => {
      const { copied, repaired, wrapped, alreadyThere, vanished, excluded, refused } = tally;
      const sum = copied + repaired + wrapped + alreadyThere + vanished + excluded + refused;
      if (sum === exists && unfinished === 0) return [];
      const unfinishedUids = this.#unfinished(folderId).map(({ uid }) => uid);
      return [
        { folderId, sourcePath, exists, sum, unfinished, unfinishedUids: unfinishedUids.toReversed().slice(0, 20) },
      ];
    });
  }

  async recordDeviations(lease: Lease, deviations: readonly Deviation[]): Promise<void> {
    this.#held(lease).verifications.name(lease, deviations);
  }

  async recordVerification(lease: Lease, pass: Pass, findings: readonly FolderFinding[]): Promise<void> {
    this.#held(lease).verifications.end(lease, pass, findings);
  }

  async listFindings(mailboxId: string): Promise<readonly FolderFinding[]> {
    return this.#mailboxes.get(mailboxId)?.verifications.findings() ?? [];
  }

  async *listDeviations(mailboxId: string): AsyncIterable<Deviation> {
    yield* this.#mailboxes.get(mailboxId)?.verifications.deviations() ?? [];
  }

  listExceptions(mailboxId: string): AsyncIterable<LedgerException> {
    return this.#listRows(mailboxId, (row) => !isDelivered(row.state));
  }

  listNotes(mailboxId: string): AsyncIterable<LedgerException> {
    return this.#listRows(mailboxId, (row) => row.present && isHeldCopy(row) && row.detail !== null);
  }

  async *#listRows(mailboxId: string, isWanted: (row: MessageRow) => boolean): AsyncIterable<LedgerException> {
    for (const { entry, messages } of this.#foldersOf(mailboxId)) {
      for (const row of [...messages.values()].filter(isWanted).toSorted(byUid)) {
        const { uidValidity, uid, sizeBytes, internalDate, state, code, detail } = row;
        yield { sourcePath: entry.sourcePath, uidValidity, uid, sizeBytes, internalDate, state, code, detail };
      }
    }
  }

  #held(lease: Lease): MailboxRow {
    const mailbox = this.#mailboxes.get(lease.mailboxId);
    if (mailbox === undefined || mailbox.fence !== lease.fence) {
      throw new MigrationError('LEASE_LOST', 'Another holder has taken the mailbox over.', {
        facts: { mailboxId: lease.mailboxId, fence: lease.fence },
      });
    }
    return mailbox;
  }

  #heldFolder(lease: Lease, folderId: string): FolderRow {
    const mailbox = this.#held(lease);
    const folder = this.#folders.get(folderId);
    if (folder === undefined || mailbox.folders.get(folder.entry.sourceId) !== folder) {
      throw new Error(`folder ${folderId} is none of this mailbox`);
    }
    return folder;
  }

  #foldersOf(mailboxId: string): FolderRow[] {
    return [...(this.#mailboxes.get(mailboxId)?.folders.values() ?? [])];
  }

  #rowsOf(mailboxId: string): MessageRow[] {
    return this.#foldersOf(mailboxId).flatMap((folder) => [...folder.messages.values()]);
  }

  #unfinished(folderId: string): LedgerMessage[] {
    const rows = [...(this.#folders.get(folderId)?.messages.values() ?? [])];
    return rows
      .filter((row) => row.present && isUnfinished(row))
      .toSorted((a, b) => byUid(b, a))
      .map(toMessage);
  }

  #deliveredIn(mailboxId: string, targetPath: FolderPath): DeliveredCopy[] {
    return this.#foldersOf(mailboxId).flatMap(({ entry, messages }) =>
      [...messages.values()].flatMap((row): DeliveredCopy[] => {
        const { uidValidity, uid, sizeBytes, state, fingerprint, copyFingerprint, delivery } = row;
        if (!isHeldCopy(row) || fingerprint === null || delivery?.target !== pathKey(targetPath)) return [];
        const { targetId, passNumber, receivedAt, flags } = delivery;
        const source = { folderId: entry.id, uidValidity, uid, sizeBytes };
        const copy = { fingerprint: copyFingerprint ?? fingerprint, receivedAt, flags, state, passNumber };
        const at = { targetUid: targetId?.uid ?? null, targetUidValidity: targetId?.uidValidity ?? null };
        return [{ ...source, ...copy, ...at }];
      }),
    );
  }

  #removables(mailboxId: string, isWanted: (row: MessageRow) => boolean): Removable[] {
    return this.#foldersOf(mailboxId).flatMap(({ entry, messages }) =>
      [...messages.values()].toSorted(byUid).flatMap((row): Removable[] => {
        const { uidValidity, uid, delivery, copyFingerprint, fingerprint } = row;
        const copy = delivery?.targetId;
        if (!isWanted(row) || !delivery || !copy || fingerprint === null) return [];
        const target = { targetUidValidity: copy.uidValidity, targetUid: copy.uid };
        const targetPath = parsePath(delivery.target);
        return [
          { folderId: entry.id, uidValidity, uid, fingerprint: copyFingerprint ?? fingerprint, targetPath, ...target },
        ];
      }),
    );
  }

  /** In the same target folder first, then lowest UID. */
  #findDonor(mailboxId: string, target: string, fingerprint: string): MessageRow | null {
    const donors = this.#rowsOf(mailboxId).filter((row) => isOrphan(row) && row.fingerprint === fingerprint);
    const distance = ({ delivery }: MessageRow) => (delivery?.target === target ? 0 : 1);
    const uid = ({ delivery }: MessageRow) => delivery?.targetId?.uid ?? 0;
    return donors.toSorted((a, b) => distance(a) - distance(b) || uid(a) - uid(b))[0] ?? null;
  }
}

const NO_INTENT = { intentUidNext: null, intentTarget: null, intentState: null } as const;

const PLANNED = {
  ...NO_INTENT,
  state: 'planned',
  present: true,
  fingerprint: null,
  copyFingerprint: null,
  delivery: null,
  givenAway: false,
  removal: null,
  code: null,
  detail: null,
} as const;

function lowest(numbers: readonly number[]): number | null {
  return numbers.length === 0 ? null : Math.min(...numbers);
}

function isDelivered(state: MessageState): boolean {
  return DELIVERED_STATES.some((delivered) => delivered === state);
}

function copyState(state: MessageState): CopyState | null {
  return state === 'copied' || state === 'repaired' || state === 'wrapped' ? state : null;
}

function isUnfinished(row: MessageRow): boolean {
  return row.state === 'planned' || row.state === 'intended';
}

/** Delivered, and the copy is still this row's. */
function isHeldCopy(row: MessageRow): boolean {
  return isDelivered(row.state) && !row.givenAway && row.delivery !== null;
}

function isOrphan(row: MessageRow): boolean {
  return isHeldCopy(row) && !row.present;
}

function vanish(row: MessageRow): void {
  if (!row.present) return;
  row.present = false;
  if (row.state === 'planned') row.state = 'vanished';
}

function takeOver(row: MessageRow, donor: MessageRow): void {
  row.state = 'already-there';
  row.fingerprint = donor.fingerprint;
  row.copyFingerprint = donor.copyFingerprint;
  row.delivery = donor.delivery;
  Object.assign(row, NO_INTENT);
  row.code = null;
  row.detail = null;
  donor.givenAway = true;
}

function isOpen(group: readonly OriginRow[]): boolean {
  const present = group.filter((row) => row.present);
  if (present.some(({ state }) => state === 'planned')) return true;
  const isSettled = group.some(({ hasCopy }) => hasCopy) || present.some(({ state }) => ENDS.includes(state));
  return present.some(({ state }) => state === 'excluded') && !isSettled;
}

const ENDS: readonly MessageState[] = ['refused', 'intended'];

function isWithin(uid: number, { firstUid, lastUid }: UidRange): boolean {
  return uid >= firstUid && uid <= lastUid;
}

function isBehind(one: FlagsDue, other: FlagsDue): boolean {
  const folders = Number(one.folderId) - Number(other.folderId);
  return folders > 0 || (folders === 0 && one.uid > other.uid);
}

function sameFlags(one: readonly string[], other: readonly string[]): boolean {
  return one.toSorted().join(' ') === other.toSorted().join(' ');
}

function toEntry({ entry, messages }: FolderRow): FolderEntry {
  return {
    ...entry,
    unfinished: [...messages.values()].some((row) => (row.present ? isUnfinished(row) : row.state === 'intended')),
  };
}

function toMessage(row: MessageRow): LedgerMessage {
  const { uidValidity, uid, sizeBytes, internalDate, flags, state, fingerprint, copyFingerprint } = row;
  const { intentUidNext, code } = row;
  return { uidValidity, uid, sizeBytes, internalDate, flags, state, fingerprint, copyFingerprint, intentUidNext, code };
}

function byUid(a: MessageRow, b: MessageRow): number {
  return a.uid - b.uid;
}

function messageKey(uidValidity: string, uid: number): string {
  return `${uidValidity}/${uid}`;
}

function seenMark(lease: Lease, pass: Pass): string {
  return `${lease.fence}/${pass.number}`;
}

function pathKey(path: FolderPath): string {
  return JSON.stringify(path);
}

function parsePath(key: string): FolderPath {
  return JSON.parse(key) as FolderPath; // only pathKey makes these
}
