import { describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import type { FlagsDue, Outcome } from '../../domain/ports/ledger.ts';
import { copied, DELTA, entry, INITIAL, intent, type LedgerStage, planned } from './ledger-stage.ts';

export function copyContract(stage: LedgerStage): void {
  describe('intents and outcomes', () => {
    test('an intent is listed until its outcome is known', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2]);
      await ledger.recordIntents(lease, inbox.id, [{ ...intent(1, 'f1', 41), copyFingerprint: 'c1' }]);
      const sent = { state: 'intended', fingerprint: 'f1', copyFingerprint: 'c1', intentUidNext: 41 };
      const where = { folderId: inbox.id, targetPath: ['INBOX'], present: true, intentState: null, detail: null };
      expect(await ledger.listIntended(stage.mailboxId)).toEqual([{ ...planned(1), ...sent, ...where }]);
      expect(await stage.unfinishedUids(inbox)).toEqual([2, 1]);
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, [copied(1, 'f1', 41)]);
      expect(await ledger.listIntended(stage.mailboxId)).toEqual([]);
    });

    test('what a message will be is known for as long as it is intended, and when it is in doubt', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2]);
      const changed = { ...intent(1, 'f1'), state: 'repaired', detail: 'why' } as const;
      await ledger.recordIntents(lease, inbox.id, [changed, intent(2, 'f2')]);
      const told = async () =>
        (await ledger.listIntended(stage.mailboxId)).map(({ intentState, detail }) => [intentState, detail]);
      expect(await told()).toEqual([
        ['repaired', 'why'],
        [null, null],
      ]);
      const unknown = { ...copied(1, 'f1', null), state: 'intended', code: 'CONNECTION_LOST' } as const;
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, [unknown]);
      expect(await told()).toEqual([
        ['repaired', 'why'],
        [null, null],
      ]);
      await ledger.recordIntents(lease, inbox.id, [{ ...intent(1, 'f1'), state: 'wrapped' }]);
      expect(await told()).toEqual([
        ['wrapped', null],
        [null, null],
      ]);
      const wrapped = { ...copied(1, 'f1', 5), state: 'wrapped', detail: 'in a stub' } as const;
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, [
        wrapped,
        { ...copied(2, 'f2', 6), state: 'already-there' },
      ]);
      await ledger.recordInDoubt(
        lease,
        inbox.id,
        [1, 2].map((uid) => ({ uidValidity: '7', uid })),
      );
      expect(await told()).toEqual([
        ['wrapped', 'in a stub'],
        [null, null],
      ]);
      await ledger.recordOutcomes(lease, inbox.id, DELTA, [{ ...copied(1, 'f1', null), state: 'planned' }]);
      await ledger.recordIntents(lease, inbox.id, [intent(1, 'f1')]);
      expect(await told()).toEqual([
        [null, null],
        [null, null],
      ]);
    });

    test('a copy in doubt is intended again, for the folder that it was in, and can be delivered anew', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2]);
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, [copied(1, 'f1', 5), copied(2, 'f2', 6)]);
      await ledger.recordFolders(lease, [{ ...inbox, targetPath: ['Elsewhere'] }]);
      await ledger.recordInDoubt(lease, inbox.id, [{ uidValidity: '7', uid: 1 }]);
      const doubted = {
        uid: 1,
        state: 'intended',
        fingerprint: 'f1',
        intentUidNext: 1,
        targetPath: ['INBOX'],
        present: true,
      };
      expect(await ledger.listIntended(stage.mailboxId)).toMatchObject([doubted]);
      expect(await stage.delivered(['INBOX'])).toMatchObject([{ uid: 2 }]);
      await ledger.recordOutcomes(lease, inbox.id, DELTA, [copied(1, 'f1', 9)]);
      expect(await stage.delivered(['INBOX'])).toMatchObject([{ uid: 2 }, { uid: 1, targetUid: 9, passNumber: 2 }]);
    });

    test('what was not delivered is not put in doubt', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1]);
      await ledger.recordInDoubt(lease, inbox.id, [{ uidValidity: '7', uid: 1 }]);
      expect(await ledger.listIntended(stage.mailboxId)).toEqual([]);
    });

    test.each(['copied', 'repaired', 'wrapped', 'already-there'] as const)(
      'a message that is %s stays so, whatever comes later',
      async (state) => {
        const { ledger, lease, inbox } = stage;
        await stage.census(inbox, INITIAL, [1]);
        await ledger.recordOutcomes(lease, inbox.id, INITIAL, [{ ...copied(1, 'f1', 5), state }]);
        await ledger.recordIntents(lease, inbox.id, [intent(1, 'f2', 9)]);
        await ledger.recordOutcomes(lease, inbox.id, DELTA, [{ ...copied(1, 'f2', 9), state: 'planned' }]);
        expect(await stage.unfinishedUids(inbox)).toEqual([]);
        expect(await stage.delivered(['INBOX'])).toMatchObject([
          { fingerprint: 'f1', state, targetUid: 5, passNumber: 1 },
        ]);
      },
    );

    test('an intent goes back to planned where it is certain that nothing happened', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1]);
      await ledger.recordIntents(lease, inbox.id, [intent(1, 'f1')]);
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, [{ ...copied(1, 'f1', null), state: 'planned' }]);
      expect(await ledger.listIntended(stage.mailboxId)).toEqual([]);
      expect(await stage.exceptions()).toEqual(['1 planned']);
    });

    test.each(['census', 'changes', 'presence'] as const)(
      'T47: an intent that is gone by a %s is listed until its outcome is known, and was for its own target folder',
      async (how) => {
        const { ledger, lease, inbox } = stage;
        await stage.census(inbox, INITIAL, [1, 2]);
        await ledger.recordIntents(lease, inbox.id, [intent(1, 'f1', 41)]);
        if (how === 'census') await stage.census(inbox, DELTA, [2]);
        const range = { firstUid: 1, lastUid: 1 };
        if (how === 'changes') await ledger.recordChanges(lease, inbox.id, '7', { flags: [], vanished: [range] });
        if (how === 'presence') await ledger.recordPresence(lease, inbox.id, '7', range, []);
        await ledger.recordOutcomes(lease, inbox.id, DELTA, [copied(2, 'f2', 42)]);
        await stage.addFolder('INBOX', { targetPath: ['Elsewhere'] });
        expect(await ledger.listIntended(stage.mailboxId)).toMatchObject([
          { uid: 1, fingerprint: 'f1', targetPath: ['INBOX'], present: false },
        ]);
        expect((await ledger.listFolders(stage.mailboxId))[0]?.unfinished).toBe(true);
        expect(await stage.unfinishedUids(inbox)).toEqual([]);
        await ledger.recordOutcomes(lease, inbox.id, DELTA, [copied(1, 'f1', 41)]);
        expect((await stage.delivered(['INBOX'])).map(({ uid }) => uid)).toEqual([1, 2]);
        expect((await ledger.listFolders(stage.mailboxId))[0]?.unfinished).toBe(false);
        expect(await ledger.hasOrphans(stage.mailboxId)).toBe(true);
      },
    );

    test('T28: an outcome that is not known yet keeps where to look for it, and what is known against the message', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1]);
      await ledger.recordIntents(lease, inbox.id, [intent(1, 'f1', 41)]);
      const lost = { ...copied(1, 'f1', null), state: 'intended', code: 'CONNECTION_LOST' } as const;
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, [lost]);
      await stage.addFolder('INBOX', { targetPath: ['Elsewhere'] });
      expect(await ledger.listIntended(stage.mailboxId)).toMatchObject([
        { uid: 1, fingerprint: 'f1', targetPath: ['INBOX'], intentUidNext: 41, code: 'CONNECTION_LOST' },
      ]);
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, [{ ...lost, state: 'planned' }]);
      await ledger.recordIntents(lease, inbox.id, [intent(1, 'f1', 42)]);
      expect(await ledger.listUnfinished(inbox.id, null, 9)).toMatchObject([{ uid: 1, code: 'CONNECTION_LOST' }]);
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, [copied(1, 'f1', 42)]);
      expect(await stage.exceptions()).toEqual([]);
    });

    test('an intent that is written anew is for the folder that the source folder is mapped to then', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1]);
      await ledger.recordIntents(lease, inbox.id, [intent(1, 'f1')]);
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, [{ ...copied(1, 'f1', null), state: 'planned' }]);
      await stage.addFolder('INBOX', { targetPath: ['Elsewhere'] });
      await stage.deliver(inbox, DELTA, 1, 'f1', 5);
      expect(await stage.delivered(['Elsewhere'])).toHaveLength(1);
      expect(await stage.delivered(['INBOX'])).toEqual([]);
    });

    test('a refused message is named with its reason, and can be planned again', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1]);
      const why = { state: 'refused', code: 'MESSAGE_TOO_LARGE', detail: '9 MB' } as const;
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, [{ ...copied(1, 'f1', null), ...why }]);
      const [exception] = await collect(ledger.listExceptions(stage.mailboxId));
      expect(exception).toEqual({
        sourcePath: ['INBOX'],
        uidValidity: '7',
        uid: 1,
        sizeBytes: 1001,
        internalDate: '2026-01-02T03:04:05Z',
        ...why,
      });
      await ledger.recordOutcomes(lease, inbox.id, DELTA, [{ ...copied(1, 'f1', null), state: 'planned' }]);
      expect(await stage.unfinishedUids(inbox)).toEqual([1]);
    });

    test('of different messages may be recorded side by side', async () => {
      const { ledger, lease, inbox } = stage;
      const uids = Array.from({ length: 400 }, (_, n) => n + 1);
      await stage.census(inbox, INITIAL, uids);
      const lanes = Array.from({ length: 8 }, (_, lane) => uids.filter((uid) => uid % 8 === lane));
      await Promise.all(
        lanes.map(async (lane) => {
          await ledger.recordIntents(
            lease,
            inbox.id,
            lane.map((uid) => intent(uid, `f${uid}`)),
          );
          await ledger.renewLease(lease);
          await ledger.recordOutcomes(
            lease,
            inbox.id,
            INITIAL,
            lane.map((uid) => copied(uid, `f${uid}`, uid)),
          );
        }),
      );
      expect(await stage.tally(inbox)).toMatchObject({ exists: 400, unfinished: 0, tally: { copied: 400 } });
    });

    test('takes no outcomes at all', async () => {
      await stage.ledger.recordOutcomes(stage.lease, stage.inbox.id, INITIAL, []);
      await stage.ledger.recordIntents(stage.lease, stage.inbox.id, []);
      expect(await stage.ledger.listFolders(stage.mailboxId)).toHaveLength(1);
    });
  });

  describe('what was delivered', () => {
    test('is listed from a UID on, then the copies whose UID is unknown', async () => {
      const { ledger, inbox } = stage;
      const other = await stage.addFolder('Old inbox', { targetPath: ['INBOX'] });
      await stage.census(inbox, INITIAL, [1, 2, 3]);
      await stage.census(other, INITIAL, [1]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 10);
      await stage.deliver(inbox, INITIAL, 2, 'f2', 11);
      await stage.deliver(inbox, INITIAL, 3, 'f3', null);
      await stage.deliver(other, DELTA, 1, 'f4', 12);
      const found = await stage.delivered(['INBOX'], 11);
      expect(found.map(({ fingerprint, targetUid, passNumber }) => [fingerprint, targetUid, passNumber])).toEqual([
        ['f2', 11, 1],
        ['f4', 12, 2],
        ['f3', null, 1],
      ]);
      expect(found.map(({ folderId, uid }) => [folderId, uid])).toEqual([
        [inbox.id, 2],
        [other.id, 1],
        [inbox.id, 3],
      ]);
      expect(await stage.delivered(['Sent'])).toEqual([]);
      expect(await ledger.countDelivered(stage.mailboxId, ['INBOX'])).toEqual({ copies: 4, firstPass: 1 });
      expect(await ledger.countDelivered(stage.mailboxId, ['Sent'])).toEqual({ copies: 0, firstPass: null });
    });

    test('is counted by the pass that brought it, without what was there before', async () => {
      const { ledger, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2, 3, 4, 5]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 10);
      await stage.deliver(inbox, DELTA, 2, 'f2', 11, { state: 'repaired' });
      await stage.deliver(inbox, DELTA, 3, 'f3', 12, { state: 'wrapped' });
      await stage.deliver(inbox, DELTA, 4, 'f4', 13, { state: 'already-there' });
      expect(await ledger.countMoved(stage.mailboxId, INITIAL)).toBe(1);
      expect(await ledger.countMoved(stage.mailboxId, DELTA)).toBe(2);
    });

    test('is described as the copy is: bytes sent, date and flags given', async () => {
      const { inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2]);
      const given = { flags: ['\\Seen'], receivedAt: '2020-01-01T00:00:00Z', copyFingerprint: 'c1' };
      await stage.deliver(inbox, INITIAL, 1, 'f1', 10, { state: 'repaired', ...given });
      await stage.deliver(inbox, INITIAL, 2, 'f2', 11, { state: 'already-there' });
      const source = { folderId: inbox.id, uidValidity: '7', targetUidValidity: '99', passNumber: 1 };
      const { flags, receivedAt } = given;
      expect(await stage.delivered(['INBOX'])).toEqual([
        { ...source, uid: 1, sizeBytes: 1001, fingerprint: 'c1', state: 'repaired', targetUid: 10, flags, receivedAt },
        {
          ...source,
          uid: 2,
          sizeBytes: 1002,
          fingerprint: 'f2',
          state: 'already-there',
          targetUid: 11,
          flags: [],
          receivedAt: '2026-01-02T03:04:05Z',
        },
      ]);
    });

    test('keeps the fingerprint of the bytes that the intent announced', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1]);
      await ledger.recordIntents(lease, inbox.id, [{ ...intent(1, 'f1'), copyFingerprint: 'c1' }]);
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, [{ ...copied(1, 'f1', 10), fingerprint: null }]);
      expect(await stage.delivered(['INBOX'])).toMatchObject([{ fingerprint: 'c1' }]);
    });

    test('is listed in full over many pages, each copy once', async () => {
      const { ledger, lease, inbox } = stage;
      const uids = Array.from({ length: 4_500 }, (_, n) => n + 1);
      await stage.census(inbox, INITIAL, uids);
      // Every third has no UID, and UIDs ascend against those of the source.
      const targetUid = (uid: number) => (uid % 3 === 0 ? null : 10_000 - uid);
      await ledger.recordOutcomes(
        lease,
        inbox.id,
        INITIAL,
        uids.map((uid) => copied(uid, `f${uid}`, targetUid(uid))),
      );
      const found = await stage.delivered(['INBOX']);
      expect(found.slice(0, 3_000).map((copy) => copy.uid)).toEqual(uids.filter((uid) => uid % 3 !== 0).toReversed());
      expect(found.slice(3_000).map((copy) => copy.uid)).toEqual(uids.filter((uid) => uid % 3 === 0));
    });

    test('T11: stays in the folder where it was put when the mapping changes', async () => {
      await stage.census(stage.inbox, INITIAL, [1]);
      await stage.deliver(stage.inbox, INITIAL, 1, 'f1', 10);
      await stage.addFolder('INBOX', { targetPath: ['Elsewhere'] });
      expect(await stage.delivered(['INBOX'])).toHaveLength(1);
      expect(await stage.delivered(['Elsewhere'])).toHaveLength(0);
      const paths = await stage.ledger.listTargetPaths(stage.mailboxId);
      expect(paths.toSorted()).toEqual([['Elsewhere'], ['INBOX']]);
    });
  });

  describe('flags', () => {
    const due = async (after: FlagsDue | null = null, limit = 10) =>
      await stage.ledger.listFlagsDue(stage.mailboxId, after, limit);
    const setFlags = async (uid: number, flags: readonly string[]) =>
      await stage.ledger.recordCensus(stage.lease, stage.inbox.id, '7', DELTA, [{ ...entry(uid), flags }]);

    test('are due where the source has others than the copy was given, as a set', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2, 3]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31, { flags: ['\\Seen', 'a b'] });
      await stage.deliver(inbox, INITIAL, 2, 'f2', 32, { flags: ['\\Flagged'] });
      await setFlags(1, ['a b', '\\Seen']);
      await setFlags(2, ['\\Flagged', '\\Seen']);
      await setFlags(3, ['\\Seen']);
      expect(await due()).toEqual([
        {
          folderId: inbox.id,
          uidValidity: '7',
          uid: 2,
          base: ['\\Flagged'],
          flags: ['\\Flagged', '\\Seen'],
          targetPath: ['INBOX'],
          targetUidValidity: '99',
          targetUid: 32,
        },
      ]);
      await ledger.recordFlags(lease, inbox.id, [{ uidValidity: '7', uid: 2, flags: ['\\Seen', '\\Flagged'] }]);
      expect(await due()).toEqual([]);
      expect((await stage.delivered(['INBOX']))[1]?.flags).toEqual(['\\Seen', '\\Flagged']);
    });

    test('are those of the census where the outcome names none', async () => {
      const { inbox } = stage;
      await setFlags(1, ['\\Answered']);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31);
      expect(await due()).toEqual([]);
      await setFlags(1, []);
      expect(await due()).toMatchObject([{ base: ['\\Answered'], flags: [] }]);
    });

    test('are not due without a target UID, nor for a message that is gone', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', null);
      await stage.deliver(inbox, INITIAL, 2, 'f2', 32);
      const flags = [1, 2].map((uid) => ({ uid, flags: ['\\Seen'] }));
      await ledger.recordChanges(lease, inbox.id, '7', { flags, vanished: [] });
      expect((await due()).map(({ uid }) => uid)).toEqual([2]);
      await ledger.recordChanges(lease, inbox.id, '7', { flags: [], vanished: [{ firstUid: 2, lastUid: 2 }] });
      expect(await due()).toEqual([]);
    });

    test('are listed page by page over folders, also while what was listed is settled', async () => {
      const { ledger, lease, inbox } = stage;
      const sent = await stage.addFolder('Sent');
      const uids = Array.from({ length: 250 }, (_, n) => n + 1);
      for (const folder of [inbox, sent]) {
        await stage.census(folder, INITIAL, uids);
        const outcomes = uids.map((uid): Outcome => ({ ...copied(uid, `f${uid}`, uid), flags: ['\\Seen'] }));
        await ledger.recordOutcomes(lease, folder.id, INITIAL, outcomes);
      }
      const seen: string[] = [];
      for (let after: FlagsDue | null = null; ; ) {
        const page: readonly FlagsDue[] = await due(after, 90);
        seen.push(...page.map(({ folderId, uid }) => `${folderId}/${uid}`));
        after = page.at(-1) ?? null;
        if (after === null) break;
        await ledger.recordFlags(lease, after.folderId, [{ uidValidity: '7', uid: after.uid, flags: [] }]);
      }
      expect(seen).toEqual([inbox, sent].flatMap(({ id }) => uids.map((uid) => `${id}/${uid}`)));
    });
  });
}
