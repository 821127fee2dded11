import { type ErrorCode, MigrationError } from '../../domain/errors.ts';
import {
  type CensusEntry,
  DELIVERED_STATES,
  EMPTY_TALLY,
  type FolderPath,
  type FolderStatus,
  type MessageState,
  type Tally,
} from '../../domain/mail.ts';
import type { Pass } from '../../domain/passes.ts';
import type {
  DeliveredCopy,
  FolderEntry,
  FolderFinding,
  FolderPlan,
  FolderTally,
  Intent,
  Lease,
  Ledger,
  LedgerException,
  LedgerMessage,
  Outcome,
} from '../../domain/ports/ledger.ts';

interface MessageRow {
  readonly uidValidity: string;
  readonly uid: number;
  readonly sizeBytes: number;
  readonly internalDate: string | null;
  flags: readonly string[];
  state: MessageState;
  present: boolean;
  /** Fence and pass that saw it last: what a killed attempt saw may be gone when the next attempt of the same pass looks. */
  seenBy: string;
  fingerprint: string | null;
  intentUidNext: number | null;
  delivery: Delivery | null;
  /** Its copy belongs to another row now. */
  givenAway: boolean;
  code: ErrorCode | null;
  detail: string | null;
}

interface Delivery {
  readonly target: string;
  readonly targetUid: number | null;
  readonly passNumber: number;
}

interface FolderRow {
  entry: FolderEntry;
  readonly messages: Map<string, MessageRow>;
}

interface MailboxRow {
  fence: number;
  readonly folders: Map<string, FolderRow>;
  readonly findings: Map<string, { readonly passNumber: number; readonly finding: FolderFinding }>;
}

/** The ledger in memory, for tests and kill worlds. Passes the same contract suite as the one on PostgreSQL. */
export class MemoryLedger implements Ledger {
  readonly #mailboxes = new Map<string, MailboxRow>();
  readonly #folders = new Map<string, FolderRow>();

  /** Twice is the same as once. */
  addMailbox(mailboxId: string): void {
    if (this.#mailboxes.has(mailboxId)) return;
    this.#mailboxes.set(mailboxId, { fence: 0, folders: new Map(), findings: new Map() });
  }

  async takeLease(mailboxId: string, _holder: string): Promise<Lease> {
    const mailbox = this.#mailboxes.get(mailboxId);
    if (mailbox === undefined) throw new MigrationError('NOT_FOUND', 'No such mailbox.', { facts: { mailboxId } });
    mailbox.fence += 1;
    return { mailboxId, fence: mailbox.fence };
  }

  async recordFolder(lease: Lease, plan: FolderPlan): Promise<FolderEntry> {
    const mailbox = this.#held(lease);
    const { sourceId, sourcePath, role, targetPath } = plan;
    const known = mailbox.folders.get(sourceId);
    if (known !== undefined) {
      known.entry = { ...known.entry, sourcePath, role, targetPath };
      return known.entry;
    }
    const id = String(this.#folders.size + 1);
    const row = {
      entry: { id, sourceId, sourcePath, role, targetPath, status: null, fault: null },
      messages: new Map(),
    };
    mailbox.folders.set(sourceId, row);
    this.#folders.set(id, row);
    return row.entry;
  }

  async listFolders(mailboxId: string): Promise<readonly FolderEntry[]> {
    return this.#foldersOf(mailboxId).map((folder) => folder.entry);
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
    for (const entry of entries) {
      const key = messageKey(uidValidity, entry.uid);
      const known = messages.get(key);
      if (known === undefined) {
        messages.set(key, { ...PLANNED, ...entry, uidValidity, seenBy: seenMark(lease, pass) });
        continue;
      }
      known.flags = entry.flags;
      known.present = true;
      known.seenBy = seenMark(lease, pass);
      // Taken for vanished, or its copy was taken over by another row, and it is here after all: copy it.
      if (known.state === 'vanished' || known.givenAway) {
        known.state = 'planned';
        known.delivery = null;
        known.givenAway = false;
      }
    }
  }

  async recordCensusEnd(lease: Lease, folderId: string, pass: Pass, status: FolderStatus): Promise<void> {
    const folder = this.#heldFolder(lease, folderId);
    for (const row of folder.messages.values()) {
      const seen = row.seenBy === seenMark(lease, pass) && row.uidValidity === status.uidValidity;
      if (!row.present || seen) continue;
      row.present = false;
      if (isUnfinished(row)) row.state = 'vanished';
    }
    folder.entry = { ...folder.entry, status };
  }

  async nextUnfinished(folderId: string, limit: number): Promise<readonly LedgerMessage[]> {
    return this.#unfinished(folderId).slice(0, limit);
  }

  async listIntended(folderId: string): Promise<readonly LedgerMessage[]> {
    return this.#unfinished(folderId).filter((message) => message.state === 'intended');
  }

  async recordIntents(lease: Lease, folderId: string, intents: readonly Intent[]): Promise<void> {
    const { messages } = this.#heldFolder(lease, folderId);
    for (const intent of intents) {
      const row = messages.get(messageKey(intent.uidValidity, intent.uid));
      if (row === undefined || !isUnfinished(row)) continue;
      row.state = 'intended';
      row.fingerprint = intent.fingerprint;
      row.intentUidNext = intent.targetUidNext;
    }
  }

  async recordOutcomes(lease: Lease, folderId: string, pass: Pass, outcomes: readonly Outcome[]): Promise<void> {
    const { messages, entry } = this.#heldFolder(lease, folderId);
    for (const { uidValidity, uid, state, fingerprint, target, code, detail } of outcomes) {
      const row = messages.get(messageKey(uidValidity, uid));
      // A delivered message stays delivered: a late or repeated outcome never turns a copy into something to be sent again.
      if (row === undefined || isDelivered(row.state)) continue;
      row.state = state;
      row.code = code;
      row.detail = detail;
      row.fingerprint = fingerprint ?? row.fingerprint;
      if (!isUnfinished(row)) row.intentUidNext = null;
      if (isDelivered(state)) {
        row.delivery = { target: pathKey(entry.targetPath), targetUid: target?.uid ?? null, passNumber: pass.number };
      }
    }
  }

  async recordAdoption(
    lease: Lease,
    folderId: string,
    _pass: Pass,
    message: { uidValidity: string; uid: number; fingerprint: string },
  ): Promise<boolean> {
    const { messages, entry } = this.#heldFolder(lease, folderId);
    const row = messages.get(messageKey(message.uidValidity, message.uid));
    if (row === undefined || !isUnfinished(row)) return false;
    const donor = this.#findDonor(lease.mailboxId, pathKey(entry.targetPath), message.fingerprint);
    if (donor === null) return false;
    row.state = 'already-there';
    row.fingerprint = message.fingerprint;
    row.delivery = donor.delivery;
    row.intentUidNext = null;
    row.code = null;
    row.detail = null;
    donor.givenAway = true;
    return true;
  }

  async listDelivered(mailboxId: string, targetPath: FolderPath, fromUid: number): Promise<readonly DeliveredCopy[]> {
    const copies: DeliveredCopy[] = [];
    for (const { state, givenAway, fingerprint, delivery } of this.#rowsOf(mailboxId)) {
      if (!isDelivered(state) || givenAway || fingerprint === null || delivery === null) continue;
      if (delivery.target !== pathKey(targetPath)) continue;
      if (delivery.targetUid !== null && delivery.targetUid < fromUid) continue;
      copies.push({ fingerprint, state, targetUid: delivery.targetUid, passNumber: delivery.passNumber });
    }
    const unknownLast = Number.MAX_SAFE_INTEGER;
    return copies.toSorted((a, b) => (a.targetUid ?? unknownLast) - (b.targetUid ?? unknownLast));
  }

  async tallyFolders(mailboxId: string): Promise<readonly FolderTally[]> {
    const findings = new Map(this.#mailboxes.get(mailboxId)?.findings);
    return this.#foldersOf(mailboxId).map(({ entry, messages }) => {
      const present = [...messages.values()].filter((row) => row.present);
      const count = (state: MessageState) => present.filter((row) => row.state === state).length;
      const exists = entry.status?.exists ?? 0;
      // Several source folders may share a target folder: the first one carries its findings, so that they add up once.
      const found = findings.get(pathKey(entry.targetPath))?.finding;
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
        lost: found?.lost ?? 0,
        doubled: found?.doubled ?? 0,
      };
      const { id, sourcePath, targetPath } = entry;
      return { folderId: id, sourcePath, targetPath, exists, unfinished: present.filter(isUnfinished).length, tally };
    });
  }

  async recordVerification(lease: Lease, pass: Pass, findings: readonly FolderFinding[]): Promise<void> {
    const mailbox = this.#held(lease);
    for (const finding of findings) {
      const key = pathKey(finding.targetPath);
      const newest = mailbox.findings.get(key)?.passNumber ?? 0;
      if (newest <= pass.number) mailbox.findings.set(key, { passNumber: pass.number, finding });
    }
  }

  async *listExceptions(mailboxId: string): AsyncIterable<LedgerException> {
    for (const { entry, messages } of this.#foldersOf(mailboxId)) {
      for (const row of [...messages.values()].toSorted(byUid)) {
        if (isDelivered(row.state)) continue;
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
      .toSorted(byUid)
      .map(({ uidValidity, uid, sizeBytes, internalDate, flags, state, fingerprint, intentUidNext }) => {
        return { uidValidity, uid, sizeBytes, internalDate, flags, state, fingerprint, intentUidNext };
      });
  }

  #findDonor(mailboxId: string, target: string, fingerprint: string): MessageRow | null {
    const donors = this.#rowsOf(mailboxId).filter(
      (row) =>
        isDelivered(row.state) &&
        !row.present &&
        !row.givenAway &&
        row.fingerprint === fingerprint &&
        row.delivery?.target === target,
    );
    return donors.toSorted((a, b) => (a.delivery?.targetUid ?? 0) - (b.delivery?.targetUid ?? 0))[0] ?? null;
  }
}

const PLANNED = {
  state: 'planned',
  present: true,
  fingerprint: null,
  intentUidNext: null,
  delivery: null,
  givenAway: false,
  code: null,
  detail: null,
} as const;

function isDelivered(state: MessageState): boolean {
  return DELIVERED_STATES.some((delivered) => delivered === state);
}

function isUnfinished(row: MessageRow): boolean {
  return row.state === 'planned' || row.state === 'intended';
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
