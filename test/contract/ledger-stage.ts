import { randomUUID } from 'node:crypto';
import { collect } from '../../domain/collect.ts';
import type { CensusEntry, FolderStatus, MessageState } from '../../domain/mail.ts';
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
  Outcome,
} from '../../domain/ports/ledger.ts';

export interface LedgerUnderTest {
  readonly ledger: Ledger;
  /** Makes the mailbox known, with whatever the store needs beside it. */
  addMailbox(id: string): Promise<void> | void;
  close(): Promise<void>;
}

export const INITIAL: Pass = { kind: 'initial', number: 1 };
export const DELTA: Pass = { kind: 'delta', number: 2 };
export const STATUS: FolderStatus = { uidValidity: '7', uidNext: 100, exists: 0, highestModSeq: '12' };
export const COMPLETE = { complete: true, counts: null };
/** Of a folder in which all is well. */
export const NO_FINDING: FolderFinding = {
  targetPath: ['INBOX'],
  lost: 0,
  doubled: 0,
  misfiled: 0,
  changed: 0,
  altered: 0,
  datesMoved: 0,
  flagsLost: 0,
  seen: 0,
};
export const PARTIAL = { complete: false, counts: null };

/** One world for the whole suite; a new mailbox with an inbox, held by a lease, for each test. */
export class LedgerStage {
  world!: LedgerUnderTest;
  mailboxId!: string;
  lease!: Lease;
  inbox!: FolderEntry;

  get ledger(): Ledger {
    return this.world.ledger;
  }

  async newMailbox(): Promise<void> {
    this.mailboxId = await this.addMailbox();
    this.lease = await this.ledger.takeLease(this.mailboxId, 'worker 1');
    this.inbox = await this.addFolder('INBOX');
  }

  async addMailbox(): Promise<string> {
    const id = `mbx-${randomUUID()}`;
    await this.world.addMailbox(id);
    return id;
  }

  async addFolder(name: string, plan: Partial<FolderPlan> = {}): Promise<FolderEntry> {
    const [folder] = await this.ledger.recordFolders(this.lease, [{ ...folderPlan(name), ...plan }]);
    if (folder === undefined) throw new Error('a folder that was recorded is returned');
    return folder;
  }

  /** One complete census of a folder. */
  async census(folder: FolderEntry, pass: Pass, uids: readonly number[], uidValidity = '7'): Promise<void> {
    await this.ledger.recordCensus(this.lease, folder.id, uidValidity, pass, uids.map(entry));
    const status = { ...STATUS, uidValidity, exists: uids.length };
    await this.ledger.recordCensusEnd(this.lease, folder.id, pass, status, COMPLETE);
  }

  async deliver(
    folder: FolderEntry,
    pass: Pass,
    uid: number,
    fingerprint: string,
    targetUid: number | null,
    changes: Partial<Outcome> = {},
  ): Promise<void> {
    await this.ledger.recordIntents(this.lease, folder.id, [intent(uid, fingerprint)]);
    await this.ledger.recordOutcomes(this.lease, folder.id, pass, [
      { ...copied(uid, fingerprint, targetUid), ...changes },
    ]);
  }

  async unfinishedUids(folder: FolderEntry): Promise<number[]> {
    return (await this.ledger.listUnfinished(folder.id, null, 1_000)).map(({ uid }) => uid);
  }

  async delivered(path: readonly string[], fromUid = 1): Promise<DeliveredCopy[]> {
    return await collect(this.ledger.listDelivered(this.mailboxId, path, fromUid));
  }

  async tally(folder: FolderEntry): Promise<FolderTally> {
    const found = (await this.ledger.tallyFolders(this.mailboxId)).find((tally) => tally.folderId === folder.id);
    if (found === undefined) throw new Error('the folder has no tally');
    return found;
  }

  /** `uid state` of every exception, in order of UID. */
  async exceptions(): Promise<string[]> {
    const found = await collect(this.ledger.listExceptions(this.mailboxId));
    return found.toSorted((a, b) => a.uid - b.uid).map(({ uid, state }) => `${uid} ${state}`);
  }
}

export function folderPlan(name: string): FolderPlan {
  return { sourceId: name, sourcePath: [name], role: name === 'INBOX' ? 'inbox' : null, targetPath: [name] };
}

export function entry(uid: number): CensusEntry {
  return { uid, sizeBytes: 1000 + uid, internalDate: '2026-01-02T03:04:05Z', flags: [] };
}

export function planned(uid: number) {
  const state: MessageState = 'planned';
  const nothing = { fingerprint: null, copyFingerprint: null, intentUidNext: null, code: null };
  return { ...entry(uid), uidValidity: '7', state, ...nothing };
}

export function intent(uid: number, fingerprint: string, targetUidNext = 1): Intent {
  return { uidValidity: '7', uid, fingerprint, copyFingerprint: null, targetUidNext };
}

export function copied(uid: number, fingerprint: string, targetUid: number | null): Outcome {
  const target = targetUid === null ? null : { uidValidity: '99', uid: targetUid };
  const asFound = { copyFingerprint: null, code: null, detail: null, flags: null, receivedAt: null };
  return { uidValidity: '7', uid, state: 'copied', fingerprint, target, ...asFound };
}
