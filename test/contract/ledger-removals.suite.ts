import { describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { COMPLETE, DELTA, entry, INITIAL, type LedgerStage, STATUS } from './ledger-stage.ts';

const THIRD = { kind: 'delta', number: 3 } as const;

export function removalContract(stage: LedgerStage): void {
  describe('removals', () => {
    const removable = async () => await collect(stage.ledger.listRemovable(stage.mailboxId));
    const key = (uid: number) => ({ folderId: stage.inbox.id, uidValidity: '7', uid });

    test('are possible for what we brought and is not at the source any more, with where it lies', async () => {
      const { ledger, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2, 3, 4]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31);
      await stage.deliver(inbox, INITIAL, 2, 'f2', 32, { copyFingerprint: 'c2', state: 'repaired' });
      await stage.deliver(inbox, INITIAL, 3, 'f3', 33, { state: 'already-there' });
      await stage.deliver(inbox, INITIAL, 4, 'f4', null);
      expect(await removable()).toEqual([]);
      await stage.census(inbox, DELTA, []);
      expect(await removable()).toEqual([
        { ...key(1), fingerprint: 'f1', targetPath: ['INBOX'], targetUidValidity: '99', targetUid: 31 },
        { ...key(2), fingerprint: 'c2', targetPath: ['INBOX'], targetUidValidity: '99', targetUid: 32 },
      ]);
      expect(await ledger.countCopies(stage.mailboxId)).toBe(3);
    });

    test('are none of what shows in another folder, or gave its copy away', async () => {
      const { ledger, lease, inbox } = stage;
      const label = await stage.addFolder('Label');
      const see = (folder: typeof inbox, uid: number) =>
        ledger.recordCensus(lease, folder.id, '7', INITIAL, [{ ...entry(uid), originId: 'a' }]);
      await see(inbox, 1);
      await see(label, 5);
      await ledger.recordCensus(lease, inbox.id, '7', INITIAL, [entry(2)]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31);
      await stage.deliver(inbox, INITIAL, 2, 'f2', 32);
      await stage.census(inbox, DELTA, []);
      expect((await removable()).map(({ uid }) => uid)).toEqual([2]);
      const moved = await stage.addFolder('Moved');
      await stage.census(moved, DELTA, [9]);
      await ledger.recordAdoptions(lease, moved.id, DELTA, [{ uidValidity: '7', uid: 9, fingerprint: 'f2' }]);
      expect(await removable()).toEqual([]);
    });

    test('are known from the intent on, and a removed copy is in no list of copies', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2]);
      for (const uid of [1, 2]) await stage.deliver(inbox, INITIAL, uid, `f${uid}`, 30 + uid);
      await stage.census(inbox, DELTA, [2]);
      const intended = async () => (await ledger.listRemovalsIntended(stage.mailboxId)).map(({ uid }) => uid);
      await ledger.recordRemovals(lease, [key(1)], 'intended');
      expect(await intended()).toEqual([1]);
      expect((await stage.delivered(['INBOX'])).map(({ uid }) => uid)).toEqual([1, 2]);
      await ledger.recordRemovals(lease, [key(1)], null);
      expect(await intended()).toEqual([]);
      await ledger.recordRemovals(lease, [key(1)], 'removed');
      await ledger.recordRemovals(lease, [key(1)], 'removed');
      expect(await removable()).toEqual([]);
      expect(await ledger.hasOrphans(stage.mailboxId)).toBe(false);
      expect((await stage.delivered(['INBOX'])).map(({ uid }) => uid)).toEqual([2]);
      expect(await ledger.countDelivered(stage.mailboxId, ['INBOX'])).toMatchObject({ copies: 1 });
      expect(await ledger.countCopies(stage.mailboxId)).toBe(1);
      expect(await stage.tally(inbox)).toMatchObject({ exists: 1, unfinished: 0, tally: { copied: 1 } });
      expect(await stage.exceptions()).toEqual([]);
    });

    test('are undone where the message is at the source after all', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31);
      await ledger.recordRemovals(lease, [key(1)], 'intended');
      await ledger.recordRemovals(lease, [key(1)], 'removed'); // an attempt that died took it away
      expect(await stage.unfinishedUids(inbox)).toEqual([1]);
      await stage.deliver(inbox, DELTA, 1, 'f1', 32);
      await stage.census(inbox, DELTA, []);
      await ledger.recordRemovals(lease, [key(1)], 'removed');
      await stage.census(inbox, THIRD, [1]);
      expect(await stage.unfinishedUids(inbox)).toEqual([1]);
      await stage.deliver(inbox, THIRD, 1, 'f1', 33);
      expect(await ledger.listRemovalsIntended(stage.mailboxId)).toEqual([]);
      expect((await stage.delivered(['INBOX'])).map(({ targetUid }) => targetUid)).toEqual([33]);
    });

    test('are listed whole, however many there are', async () => {
      const { ledger, lease, inbox } = stage;
      const uids = Array.from({ length: 4_100 }, (_, n) => n + 1);
      await ledger.recordCensus(lease, inbox.id, '7', INITIAL, uids.map(entry));
      const given = { copyFingerprint: null, code: null, detail: null, flags: null, receivedAt: null };
      const outcomes = uids.map((uid) => {
        const target = { uidValidity: '99', uid };
        return { uidValidity: '7', uid, state: 'copied', fingerprint: `f${uid}`, target, ...given } as const;
      });
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, outcomes);
      await ledger.recordCensusEnd(lease, inbox.id, DELTA, STATUS, COMPLETE);
      expect((await removable()).map(({ uid }) => uid)).toEqual(uids);
    });
  });
}
