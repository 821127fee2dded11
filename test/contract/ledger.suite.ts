import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import type { CensusEntry, FolderStatus, MessageState } from '../../domain/mail.ts';
import type { Pass } from '../../domain/passes.ts';
import type { FolderEntry, FolderPlan, Lease, Ledger, Outcome } from '../../domain/ports/ledger.ts';

export interface LedgerUnderTest {
  readonly ledger: Ledger;
  /** Makes the mailbox known, with whatever the store needs beside it. */
  addMailbox(id: string): Promise<void> | void;
  close(): Promise<void>;
}

const INITIAL: Pass = { kind: 'initial', number: 1 };
const DELTA: Pass = { kind: 'delta', number: 2 };

/** What every ledger promises. One world for the whole suite, a new mailbox for each test. */
export function ledgerContract(name: string, makeLedger: () => Promise<LedgerUnderTest>): void {
  describe(`the ledger (${name})`, () => {
    let world: LedgerUnderTest;
    let ledger: Ledger;
    let mailboxId: string;
    let lease: Lease;
    let inbox: FolderEntry;

    beforeAll(async () => {
      world = await makeLedger();
      ledger = world.ledger;
    });
    afterAll(async () => {
      await world?.close();
    });
    beforeEach(async () => {
      mailboxId = `mbx-${randomUUID()}`;
      await world.addMailbox(mailboxId);
      lease = await ledger.takeLease(mailboxId, 'worker 1');
      inbox = await ledger.recordFolder(lease, folderPlan('INBOX'));
    });

    /** One complete census of a folder. */
    async function census(folder: FolderEntry, pass: Pass, uids: readonly number[], uidValidity = '7'): Promise<void> {
      await ledger.recordCensus(lease, folder.id, uidValidity, pass, uids.map(entry));
      await ledger.recordCensusEnd(lease, folder.id, pass, { ...STATUS, uidValidity, exists: uids.length });
    }

    async function deliver(
      folder: FolderEntry,
      pass: Pass,
      uid: number,
      fingerprint: string,
      targetUid: number | null,
    ) {
      await ledger.recordIntents(lease, folder.id, [{ uidValidity: '7', uid, fingerprint, targetUidNext: 1 }]);
      await ledger.recordOutcomes(lease, folder.id, pass, [copied(uid, fingerprint, targetUid)]);
    }

    async function stateCounts(folder: FolderEntry) {
      const found = (await ledger.tallyFolders(mailboxId)).find((tally) => tally.folderId === folder.id);
      if (found === undefined) throw new Error('the folder has no tally');
      return found;
    }

    describe('the lease', () => {
      test('is refused for a mailbox that nobody knows', async () => {
        await expect(ledger.takeLease(`mbx-${randomUUID()}`, 'worker')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      });

      test('has a higher fence for each holder', async () => {
        const next = await ledger.takeLease(mailboxId, 'worker 2');
        expect(next.fence).toBeGreaterThan(lease.fence);
        expect(next.mailboxId).toBe(mailboxId);
      });

      test('stops every write of an earlier holder', async () => {
        await census(inbox, INITIAL, [1]);
        await ledger.takeLease(mailboxId, 'worker 2');
        const lost = { code: 'LEASE_LOST' };
        await expect(ledger.recordFolder(lease, folderPlan('Sent'))).rejects.toMatchObject(lost);
        await expect(ledger.recordFolderFault(lease, inbox.id, null)).rejects.toMatchObject(lost);
        await expect(ledger.recordCensus(lease, inbox.id, '7', INITIAL, [entry(2)])).rejects.toMatchObject(lost);
        await expect(ledger.recordCensusEnd(lease, inbox.id, INITIAL, STATUS)).rejects.toMatchObject(lost);
        await expect(
          ledger.recordIntents(lease, inbox.id, [{ uidValidity: '7', uid: 1, fingerprint: 'f', targetUidNext: 1 }]),
        ).rejects.toMatchObject(lost);
        await expect(ledger.recordOutcomes(lease, inbox.id, INITIAL, [copied(1, 'f', 1)])).rejects.toMatchObject(lost);
        await expect(
          ledger.recordAdoption(lease, inbox.id, INITIAL, { uidValidity: '7', uid: 1, fingerprint: 'f' }),
        ).rejects.toMatchObject(lost);
        await expect(
          ledger.recordVerification(lease, INITIAL, [{ targetPath: ['INBOX'], lost: 0, doubled: 0, seen: 0 }]),
        ).rejects.toMatchObject(lost);
        expect(await ledger.nextUnfinished(inbox.id, 10)).toMatchObject([{ uid: 1, state: 'planned' }]);
      });

      test('of one mailbox does not touch another', async () => {
        const other = `mbx-${randomUUID()}`;
        await world.addMailbox(other);
        const otherLease = await ledger.takeLease(other, 'worker 2');
        await ledger.recordFolder(otherLease, folderPlan('INBOX'));
        await census(inbox, INITIAL, [1]);
        expect(await ledger.listFolders(other)).toHaveLength(1);
        expect((await ledger.tallyFolders(other))[0]?.exists).toBe(0);
      });
    });

    describe('folders', () => {
      test('are found again by the name of the source and take the new mapping', async () => {
        const again = await ledger.recordFolder(lease, { ...folderPlan('INBOX'), targetPath: ['INBOX', 'old'] });
        expect(again.id).toBe(inbox.id);
        expect(await ledger.listFolders(mailboxId)).toEqual([
          { ...folderPlan('INBOX'), targetPath: ['INBOX', 'old'], id: inbox.id, status: null, fault: null },
        ]);
      });

      test('keep the numbers of the last census when they are recorded again', async () => {
        await census(inbox, INITIAL, [1, 2]);
        const again = await ledger.recordFolder(lease, folderPlan('INBOX'));
        expect(again.status).toEqual({ uidValidity: '7', uidNext: 100, exists: 2, highestModSeq: '12' });
      });

      test('keep a fault until it is cleared', async () => {
        await ledger.recordFolderFault(lease, inbox.id, { code: 'FOLDER_REFUSED', message: 'no such name' });
        expect((await ledger.listFolders(mailboxId))[0]?.fault).toEqual({
          code: 'FOLDER_REFUSED',
          message: 'no such name',
        });
        await ledger.recordFolderFault(lease, inbox.id, null);
        expect((await ledger.listFolders(mailboxId))[0]?.fault).toBeNull();
      });

      test('keep names with any character', async () => {
        const plan = { ...folderPlan('INBOX/Büro "x" \\ 日本'), sourcePath: ['INBOX', 'Büro "x" \\ 日本', ' a/b '] };
        const folder = await ledger.recordFolder(lease, plan);
        expect((await ledger.listFolders(mailboxId)).find((each) => each.id === folder.id)).toMatchObject(plan);
      });
    });

    describe('the census', () => {
      test('plans what it sees for the first time, in ascending UID order', async () => {
        await ledger.recordCensus(lease, inbox.id, '7', INITIAL, [entry(9), entry(10)]);
        await ledger.recordCensus(lease, inbox.id, '7', INITIAL, [entry(2)]);
        expect(await ledger.nextUnfinished(inbox.id, 2)).toEqual([planned(2), planned(9)]);
      });

      test('takes a UID that a server sends twice in a window once', async () => {
        await ledger.recordCensus(lease, inbox.id, '7', INITIAL, [entry(3), entry(3)]);
        expect(await ledger.nextUnfinished(inbox.id, 10)).toHaveLength(1);
      });

      test('takes an empty window', async () => {
        await ledger.recordCensus(lease, inbox.id, '7', INITIAL, []);
        expect(await ledger.nextUnfinished(inbox.id, 10)).toEqual([]);
      });

      test('keeps the state of what it knows and takes the new flags', async () => {
        await census(inbox, INITIAL, [1, 2]);
        await deliver(inbox, INITIAL, 1, 'f1', 1);
        await ledger.recordCensus(lease, inbox.id, '7', DELTA, [
          { ...entry(1), flags: ['\\Seen'] },
          { ...entry(2), flags: ['\\Flagged', 'Süd "1"'] },
        ]);
        expect(await ledger.nextUnfinished(inbox.id, 10)).toEqual([{ ...planned(2), flags: ['\\Flagged', 'Süd "1"'] }]);
      });

      test('takes unfinished messages that are gone for vanished, and delivered ones for delivered', async () => {
        await census(inbox, INITIAL, [1, 2, 3]);
        await deliver(inbox, INITIAL, 1, 'f1', 1);
        await census(inbox, DELTA, [3]);
        expect(await ledger.nextUnfinished(inbox.id, 10)).toMatchObject([{ uid: 3 }]);
        expect(await exceptions(ledger, mailboxId)).toEqual(['2 vanished', '3 planned']);
        expect(await ledger.listDelivered(mailboxId, ['INBOX'], 1)).toHaveLength(1);
        expect(await stateCounts(inbox)).toMatchObject({ exists: 1, unfinished: 1, tally: { copied: 0, source: 1 } });
      });

      test('counts what an earlier attempt of the same pass saw as unseen', async () => {
        await ledger.recordCensus(lease, inbox.id, '7', INITIAL, [entry(1), entry(2)]);
        lease = await ledger.takeLease(mailboxId, 'worker 2');
        await census(inbox, INITIAL, [2]);
        expect(await exceptions(ledger, mailboxId)).toEqual(['1 vanished', '2 planned']);
      });

      test('counts what it saw under another UIDVALIDITY as unseen, in the same attempt too', async () => {
        await census(inbox, INITIAL, [1, 2]);
        await deliver(inbox, INITIAL, 1, 'f1', 31);
        await census(inbox, INITIAL, [1, 2], '8');
        expect(await ledger.nextUnfinished(inbox.id, 10)).toMatchObject([
          { uid: 1, uidValidity: '8' },
          { uid: 2, uidValidity: '8' },
        ]);
        const renumbered = { uidValidity: '8', uid: 1, fingerprint: 'f1' };
        expect(await ledger.recordAdoption(lease, inbox.id, INITIAL, renumbered)).toBe(true);
      });

      test('plans a message again that was taken for vanished', async () => {
        await census(inbox, INITIAL, [1]);
        await census(inbox, DELTA, []);
        await census(inbox, { kind: 'delta', number: 3 }, [1]);
        expect(await ledger.nextUnfinished(inbox.id, 10)).toMatchObject([{ uid: 1, state: 'planned' }]);
      });

      test('tells messages of another UIDVALIDITY apart', async () => {
        await census(inbox, INITIAL, [1]);
        await deliver(inbox, INITIAL, 1, 'f1', 1);
        await census(inbox, DELTA, [1], '8');
        expect(await ledger.nextUnfinished(inbox.id, 10)).toEqual([{ ...planned(1), uidValidity: '8' }]);
      });

      test('carries the largest UIDs and sizes', async () => {
        const large = { ...entry(4_294_967_295), sizeBytes: 5_000_000_000 };
        await ledger.recordCensus(lease, inbox.id, '4294967295', INITIAL, [large]);
        expect(await ledger.nextUnfinished(inbox.id, 10)).toMatchObject([
          { uid: 4_294_967_295, sizeBytes: 5_000_000_000, uidValidity: '4294967295' },
        ]);
      });
    });

    describe('intents and outcomes', () => {
      test('an intent is listed until its outcome is known', async () => {
        await census(inbox, INITIAL, [1, 2]);
        await ledger.recordIntents(lease, inbox.id, [
          { uidValidity: '7', uid: 1, fingerprint: 'f1', targetUidNext: 41 },
        ]);
        expect(await ledger.listIntended(inbox.id)).toEqual([
          { ...planned(1), state: 'intended', fingerprint: 'f1', intentUidNext: 41 },
        ]);
        expect(await ledger.nextUnfinished(inbox.id, 10)).toHaveLength(2);
        await ledger.recordOutcomes(lease, inbox.id, INITIAL, [copied(1, 'f1', 41)]);
        expect(await ledger.listIntended(inbox.id)).toEqual([]);
      });

      test.each(['copied', 'repaired', 'wrapped', 'already-there'] as const)(
        'a message that is %s stays so, whatever comes later',
        async (state) => {
          await census(inbox, INITIAL, [1]);
          await ledger.recordOutcomes(lease, inbox.id, INITIAL, [{ ...copied(1, 'f1', 5), state }]);
          await ledger.recordIntents(lease, inbox.id, [
            { uidValidity: '7', uid: 1, fingerprint: 'f2', targetUidNext: 9 },
          ]);
          await ledger.recordOutcomes(lease, inbox.id, DELTA, [{ ...copied(1, 'f2', 9), state: 'planned' }]);
          expect(await ledger.nextUnfinished(inbox.id, 10)).toEqual([]);
          expect(await ledger.listDelivered(mailboxId, ['INBOX'], 1)).toEqual([
            { fingerprint: 'f1', state, targetUid: 5, passNumber: 1 },
          ]);
        },
      );

      test('an intent goes back to planned where it is certain that nothing happened', async () => {
        await census(inbox, INITIAL, [1]);
        await ledger.recordIntents(lease, inbox.id, [
          { uidValidity: '7', uid: 1, fingerprint: 'f1', targetUidNext: 1 },
        ]);
        await ledger.recordOutcomes(lease, inbox.id, INITIAL, [{ ...copied(1, 'f1', null), state: 'planned' }]);
        expect(await ledger.listIntended(inbox.id)).toEqual([]);
        expect(await ledger.nextUnfinished(inbox.id, 10)).toMatchObject([{ uid: 1, state: 'planned' }]);
      });

      test('a refused message is named with its reason, and can be planned again', async () => {
        await census(inbox, INITIAL, [1]);
        const refused = {
          ...copied(1, 'f1', null),
          state: 'refused',
          code: 'MESSAGE_TOO_LARGE',
          detail: '9 MB',
        } as const;
        await ledger.recordOutcomes(lease, inbox.id, INITIAL, [refused]);
        const [exception] = await collect(ledger.listExceptions(mailboxId));
        expect(exception).toEqual({
          sourcePath: ['INBOX'],
          uidValidity: '7',
          uid: 1,
          sizeBytes: 1001,
          internalDate: '2026-01-02T03:04:05Z',
          state: 'refused',
          code: 'MESSAGE_TOO_LARGE',
          detail: '9 MB',
        });
        await ledger.recordOutcomes(lease, inbox.id, DELTA, [
          { ...refused, state: 'planned', code: null, detail: null },
        ]);
        expect(await ledger.nextUnfinished(inbox.id, 10)).toHaveLength(1);
      });

      test('takes no outcomes at all', async () => {
        await ledger.recordOutcomes(lease, inbox.id, INITIAL, []);
        await ledger.recordIntents(lease, inbox.id, []);
        expect(await ledger.listFolders(mailboxId)).toHaveLength(1);
      });
    });

    describe('adoption', () => {
      const renumbered = { uidValidity: '8', uid: 1, fingerprint: 'f1' };

      test('takes a copy over whose source message got another UIDVALIDITY, once each', async () => {
        await census(inbox, INITIAL, [1, 2]);
        await deliver(inbox, INITIAL, 1, 'f1', 31);
        await deliver(inbox, INITIAL, 2, 'f1', 32);
        await census(inbox, DELTA, [1, 2, 3], '8');
        expect(await ledger.recordAdoption(lease, inbox.id, DELTA, renumbered)).toBe(true);
        expect(await ledger.recordAdoption(lease, inbox.id, DELTA, { ...renumbered, uid: 2 })).toBe(true);
        expect(await ledger.recordAdoption(lease, inbox.id, DELTA, { ...renumbered, uid: 3 })).toBe(false);
        expect(await ledger.nextUnfinished(inbox.id, 10)).toMatchObject([{ uid: 3 }]);
        const copies = await ledger.listDelivered(mailboxId, ['INBOX'], 1);
        expect(copies.map((copy) => copy.targetUid)).toEqual([31, 32]);
        expect(await stateCounts(inbox)).toMatchObject({ exists: 3, unfinished: 1, tally: { alreadyThere: 2 } });
      });

      test('takes nothing from a message that is still there', async () => {
        await census(inbox, INITIAL, [1, 2]);
        await deliver(inbox, INITIAL, 1, 'f1', 31);
        expect(
          await ledger.recordAdoption(lease, inbox.id, INITIAL, { uidValidity: '7', uid: 2, fingerprint: 'f1' }),
        ).toBe(false);
      });

      test('takes nothing of another fingerprint or another target folder', async () => {
        const sent = await ledger.recordFolder(lease, folderPlan('Sent'));
        await census(inbox, INITIAL, [1]);
        await deliver(inbox, INITIAL, 1, 'f1', 31);
        await census(inbox, DELTA, [1], '8');
        await census(sent, DELTA, [1], '8');
        expect(await ledger.recordAdoption(lease, inbox.id, DELTA, { ...renumbered, fingerprint: 'f2' })).toBe(false);
        expect(await ledger.recordAdoption(lease, sent.id, DELTA, renumbered)).toBe(false);
      });

      test('finds the copy of another source folder that maps to the same target folder', async () => {
        const renamed = await ledger.recordFolder(lease, { ...folderPlan('Neu'), targetPath: ['INBOX'] });
        await census(inbox, INITIAL, [1]);
        await deliver(inbox, INITIAL, 1, 'f1', 31);
        await census(inbox, DELTA, []);
        await census(renamed, DELTA, [1], '8');
        expect(await ledger.recordAdoption(lease, renamed.id, DELTA, renumbered)).toBe(true);
      });

      test('lets a message be copied again whose copy was given away, when it comes back', async () => {
        await census(inbox, INITIAL, [1]);
        await deliver(inbox, INITIAL, 1, 'f1', 31);
        await census(inbox, DELTA, [1], '8');
        await ledger.recordAdoption(lease, inbox.id, DELTA, renumbered);
        await ledger.recordCensus(lease, inbox.id, '7', { kind: 'delta', number: 3 }, [entry(1)]);
        expect(await ledger.nextUnfinished(inbox.id, 10)).toMatchObject([{ uidValidity: '7', state: 'planned' }]);
      });
    });

    describe('what was delivered', () => {
      test('is listed from a UID on, with the copies whose UID is unknown', async () => {
        const other = await ledger.recordFolder(lease, { ...folderPlan('Old inbox'), targetPath: ['INBOX'] });
        await census(inbox, INITIAL, [1, 2, 3]);
        await census(other, INITIAL, [1]);
        await deliver(inbox, INITIAL, 1, 'f1', 10);
        await deliver(inbox, INITIAL, 2, 'f2', 11);
        await deliver(inbox, INITIAL, 3, 'f3', null);
        await deliver(other, DELTA, 1, 'f4', 12);
        expect(new Set(await ledger.listDelivered(mailboxId, ['INBOX'], 11))).toEqual(
          new Set([
            { fingerprint: 'f2', state: 'copied', targetUid: 11, passNumber: 1 },
            { fingerprint: 'f3', state: 'copied', targetUid: null, passNumber: 1 },
            { fingerprint: 'f4', state: 'copied', targetUid: 12, passNumber: 2 },
          ]),
        );
        expect(await ledger.listDelivered(mailboxId, ['Sent'], 1)).toEqual([]);
      });

      test('stays in the folder where it was put when the mapping changes', async () => {
        await census(inbox, INITIAL, [1]);
        await deliver(inbox, INITIAL, 1, 'f1', 10);
        await ledger.recordFolder(lease, { ...folderPlan('INBOX'), targetPath: ['Elsewhere'] });
        expect(await ledger.listDelivered(mailboxId, ['INBOX'], 1)).toHaveLength(1);
        expect(await ledger.listDelivered(mailboxId, ['Elsewhere'], 1)).toHaveLength(0);
      });
    });

    describe('the report', () => {
      test('counts present messages by state', async () => {
        const states = ['copied', 'repaired', 'wrapped', 'already-there', 'vanished', 'excluded', 'refused'] as const;
        await census(inbox, INITIAL, [1, 2, 3, 4, 5, 6, 7, 8]);
        const outcomes = states.map((state, at): Outcome => ({ ...copied(at + 1, `f${at}`, at + 1), state }));
        await ledger.recordOutcomes(lease, inbox.id, INITIAL, outcomes);
        expect(await ledger.tallyFolders(mailboxId)).toEqual([
          {
            folderId: inbox.id,
            sourcePath: ['INBOX'],
            targetPath: ['INBOX'],
            exists: 8,
            unfinished: 1,
            tally: {
              source: 8,
              copied: 1,
              repaired: 1,
              wrapped: 1,
              alreadyThere: 1,
              vanished: 1,
              excluded: 1,
              refused: 1,
              lost: 0,
              doubled: 0,
            },
          },
        ]);
      });

      test('adds the newest findings of a target folder once', async () => {
        await ledger.recordFolder(lease, { ...folderPlan('Old inbox'), targetPath: ['INBOX'] });
        await ledger.recordVerification(lease, INITIAL, [{ targetPath: ['INBOX'], lost: 5, doubled: 4, seen: 9 }]);
        await ledger.recordVerification(lease, DELTA, [{ targetPath: ['INBOX'], lost: 2, doubled: 1, seen: 3 }]);
        await ledger.recordVerification(lease, DELTA, [{ targetPath: ['INBOX'], lost: 2, doubled: 1, seen: 3 }]);
        const tallies = await ledger.tallyFolders(mailboxId);
        expect(tallies.reduce((sum, { tally }) => sum + tally.lost, 0)).toBe(2);
        expect(tallies.reduce((sum, { tally }) => sum + tally.doubled, 0)).toBe(1);
      });
    });
  });
}

const STATUS: FolderStatus = { uidValidity: '7', uidNext: 100, exists: 0, highestModSeq: '12' };

function folderPlan(name: string): FolderPlan {
  return { sourceId: name, sourcePath: [name], role: name === 'INBOX' ? 'inbox' : null, targetPath: [name] };
}

function entry(uid: number): CensusEntry {
  return { uid, sizeBytes: 1000 + uid, internalDate: '2026-01-02T03:04:05Z', flags: [] };
}

function planned(uid: number) {
  const state: MessageState = 'planned';
  return { ...entry(uid), uidValidity: '7', state, fingerprint: null, intentUidNext: null };
}

function copied(uid: number, fingerprint: string, targetUid: number | null): Outcome {
  const target = targetUid === null ? null : { uidValidity: '99', uid: targetUid };
  return { uidValidity: '7', uid, state: 'copied', fingerprint, target, code: null, detail: null };
}

/** `uid state` of every exception, in order of UID. */
async function exceptions(ledger: Ledger, mailboxId: string): Promise<string[]> {
  const found = await collect(ledger.listExceptions(mailboxId));
  return found.toSorted((a, b) => a.uid - b.uid).map(({ uid, state }) => `${uid} ${state}`);
}
