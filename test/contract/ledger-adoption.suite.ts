import { describe, expect, test } from 'vitest';
import type { FolderEntry } from '../../domain/ports/ledger.ts';
import { copied, DELTA, entry, INITIAL, type LedgerStage } from './ledger-stage.ts';

export function adoptionContract(stage: LedgerStage): void {
  describe('adoption', () => {
    const adopt = async (folder: FolderEntry, uids: readonly number[], fingerprint = 'f1', uidValidity = '8') =>
      await stage.ledger.recordAdoptions(
        stage.lease,
        folder.id,
        DELTA,
        uids.map((uid) => ({ uidValidity, uid, fingerprint })),
      );
    const orphans = async () => await stage.ledger.hasOrphans(stage.mailboxId);

    test('T33, T43: takes copies over whose source messages got another UIDVALIDITY, once each', async () => {
      const { inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31);
      await stage.deliver(inbox, INITIAL, 2, 'f1', 32);
      expect(await orphans()).toBe(false);
      await stage.census(inbox, DELTA, [1, 2, 3], '8');
      expect(await orphans()).toBe(true);
      expect((await adopt(inbox, [1, 2, 3])).toSorted()).toEqual([1, 2]);
      expect(await orphans()).toBe(false);
      expect(await stage.unfinishedUids(inbox)).toEqual([3]);
      expect((await stage.delivered(['INBOX'])).map((copy) => copy.targetUid)).toEqual([31, 32]);
      expect(await stage.tally(inbox)).toMatchObject({ exists: 3, unfinished: 1, tally: { alreadyThere: 2 } });
      expect(await adopt(inbox, [3])).toEqual([]);
    });

    test('gives each of several fingerprints its own copies', async () => {
      const { inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2, 3]);
      for (const uid of [1, 2, 3]) await stage.deliver(inbox, INITIAL, uid, uid === 3 ? 'g' : 'f', 30 + uid);
      await stage.census(inbox, DELTA, [1, 2, 3, 4, 5], '8');
      const wanted = ['g', 'f', 'g', 'h', 'f'].map((fingerprint, n) => ({ uidValidity: '8', uid: n + 1, fingerprint }));
      const taken = await stage.ledger.recordAdoptions(stage.lease, inbox.id, DELTA, wanted);
      expect(taken.toSorted()).toEqual([1, 2, 5]);
      const copies = await stage.delivered(['INBOX']);
      expect(copies.map(({ uid, targetUid }) => [uid, targetUid])).toEqual([
        [2, 31],
        [5, 32],
        [1, 33],
      ]);
    });

    test('gives each copy once, however many lanes ask at the same moment', async () => {
      const { ledger, lease, inbox } = stage;
      const moved = await stage.addFolder('Moved');
      const uids = Array.from({ length: 40 }, (_, n) => n + 1);
      for (const folder of [inbox, moved]) {
        await stage.census(folder, INITIAL, uids);
        await ledger.recordOutcomes(
          lease,
          folder.id,
          INITIAL,
          uids.map((uid) => copied(uid, `f${uid % 2}`, uid)),
        );
        await stage.census(folder, DELTA, uids, '8');
      }
      const lanes = [inbox, moved].flatMap((folder) =>
        Array.from({ length: 5 }, (_, lane) => uids.slice(lane * 8, lane * 8 + 8)).map((part) =>
          ledger.recordAdoptions(
            lease,
            folder.id,
            DELTA,
            part.map((uid) => ({ uidValidity: '8', uid, fingerprint: `f${uid % 2}` })),
          ),
        ),
      );
      expect((await Promise.all(lanes)).flat()).toHaveLength(80);
      const copies = [...(await stage.delivered(['INBOX'])), ...(await stage.delivered(['Moved']))];
      expect(copies.map(({ targetUid }) => targetUid ?? 0).toSorted((a, b) => a - b)).toEqual(
        uids.flatMap((uid) => [uid, uid]),
      );
      expect(await orphans()).toBe(false);
    });

    test('takes over what the copy is: flags, date, bytes, pass, place', async () => {
      const { inbox } = stage;
      await stage.census(inbox, INITIAL, [1]);
      const given = { copyFingerprint: 'c1', flags: ['\\Seen'], receivedAt: '2020-01-01T00:00:00Z' };
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31, { state: 'repaired', ...given });
      await stage.census(inbox, DELTA, [1], '8');
      await adopt(inbox, [1]);
      const { copyFingerprint, ...kept } = given;
      expect(await stage.delivered(['INBOX'])).toMatchObject([
        {
          uidValidity: '8',
          fingerprint: copyFingerprint,
          state: 'already-there',
          targetUid: 31,
          passNumber: 1,
          ...kept,
        },
      ]);
      expect(await stage.ledger.listFlagsDue(stage.mailboxId, null, 10)).toMatchObject([
        { base: ['\\Seen'], flags: [] },
      ]);
    });

    test('takes nothing from a message that is still there', async () => {
      const { inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31);
      expect(await adopt(inbox, [2], 'f1', '7')).toEqual([]);
    });

    test('takes nothing of another fingerprint, nothing for what is delivered, and takes nothing at all', async () => {
      const { inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31);
      await stage.deliver(inbox, INITIAL, 2, 'f2', 32);
      await stage.ledger.recordChanges(stage.lease, inbox.id, '7', {
        flags: [],
        vanished: [{ firstUid: 1, lastUid: 1 }],
      });
      expect(await adopt(inbox, [2], 'f1', '7')).toEqual([]);
      expect(await adopt(inbox, [1], 'f9')).toEqual([]);
      expect(await adopt(inbox, [])).toEqual([]);
      expect(await orphans()).toBe(true);
    });

    test('finds the copy of another source folder that maps to the same target folder', async () => {
      const renamed = await stage.addFolder('Neu', { targetPath: ['INBOX'] });
      await stage.census(stage.inbox, INITIAL, [1]);
      await stage.deliver(stage.inbox, INITIAL, 1, 'f1', 31);
      await stage.census(stage.inbox, DELTA, []);
      await stage.census(renamed, DELTA, [1], '8');
      expect(await adopt(renamed, [1])).toEqual([1]);
    });

    test('T47: takes the copy of a moved message over where it lies, its own target folder first', async () => {
      const { inbox } = stage;
      const sent = await stage.addFolder('Sent');
      for (const [folder, targetUid] of [
        [inbox, 10],
        [sent, 90],
      ] as const) {
        await stage.census(folder, INITIAL, [1]);
        await stage.deliver(folder, INITIAL, 1, 'f1', targetUid);
        await stage.census(folder, DELTA, [1, 2], '8');
      }
      expect(await adopt(sent, [1])).toEqual([1]);
      expect((await stage.delivered(['Sent'])).map(({ folderId, targetUid }) => [folderId, targetUid])).toEqual([
        [sent.id, 90],
      ]);
      expect(await adopt(sent, [2])).toEqual([2]);
      const inInbox = await stage.delivered(['INBOX']);
      expect(inInbox.map(({ folderId, uid, targetUid }) => [folderId, uid, targetUid])).toEqual([[sent.id, 2, 10]]);
    });

    test('does not look into other mailboxes', async () => {
      await stage.census(stage.inbox, INITIAL, [1]);
      await stage.deliver(stage.inbox, INITIAL, 1, 'f1', 31);
      await stage.census(stage.inbox, DELTA, []);
      await stage.newMailbox();
      await stage.census(stage.inbox, INITIAL, [1], '8');
      expect(await orphans()).toBe(false);
      expect(await adopt(stage.inbox, [1])).toEqual([]);
    });

    test('lets a message be copied again whose copy was given away, when it comes back', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31);
      await stage.census(inbox, DELTA, [1], '8');
      await adopt(inbox, [1]);
      await ledger.recordCensus(lease, inbox.id, '7', { kind: 'delta', number: 3 }, [entry(1)]);
      expect(await ledger.listUnfinished(inbox.id, null, 10)).toMatchObject([{ uidValidity: '7', state: 'planned' }]);
      expect(await stage.delivered(['INBOX'])).toHaveLength(1);
    });
  });
}
