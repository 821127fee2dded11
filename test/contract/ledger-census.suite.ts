import { describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { DELTA, entry, INITIAL, type LedgerStage, PARTIAL, planned, STATUS } from './ledger-stage.ts';

export function censusContract(stage: LedgerStage): void {
  describe('the census', () => {
    test('plans what it sees for the first time, listed newest first', async () => {
      const { ledger, lease, inbox } = stage;
      await ledger.recordCensus(lease, inbox.id, '7', INITIAL, [entry(9), entry(10)]);
      await ledger.recordCensus(lease, inbox.id, '7', INITIAL, [entry(2)]);
      expect(await ledger.listUnfinished(inbox.id, null, 2)).toEqual([planned(10), planned(9)]);
      expect(await ledger.listUnfinished(inbox.id, 9, 2)).toEqual([planned(2)]);
      expect(await ledger.listUnfinished(inbox.id, 2, 2)).toEqual([]);
    });

    test('is listed page by page to its end', async () => {
      const { ledger, lease, inbox } = stage;
      const uids = Array.from({ length: 2_500 }, (_, n) => n + 1);
      await ledger.recordCensus(lease, inbox.id, '7', INITIAL, uids.map(entry));
      const seen: number[] = [];
      for (let before: number | null = null; ; before = seen.at(-1) ?? 0) {
        const page: readonly { uid: number }[] = await ledger.listUnfinished(inbox.id, before, 400);
        seen.push(...page.map(({ uid }) => uid));
        if (page.length < 400) break;
      }
      expect(seen).toEqual(uids.toReversed());
      expect(await ledger.countPresent(inbox.id)).toBe(2_500);
    });

    test('takes a UID that a server sends twice in a window once', async () => {
      await stage.ledger.recordCensus(stage.lease, stage.inbox.id, '7', INITIAL, [entry(3), entry(3)]);
      expect(await stage.unfinishedUids(stage.inbox)).toEqual([3]);
    });

    test('takes an empty window', async () => {
      await stage.ledger.recordCensus(stage.lease, stage.inbox.id, '7', INITIAL, []);
      expect(await stage.unfinishedUids(stage.inbox)).toEqual([]);
    });

    test('keeps the state of what it knows and takes the new flags', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 1);
      await ledger.recordCensus(lease, inbox.id, '7', DELTA, [
        { ...entry(1), flags: ['\\Seen'] },
        { ...entry(2), flags: ['\\Flagged', 'Süd "1"'] },
      ]);
      expect(await ledger.listUnfinished(inbox.id, null, 10)).toEqual([
        { ...planned(2), flags: ['\\Flagged', 'Süd "1"'] },
      ]);
    });

    test('takes unfinished messages that are gone for vanished, and delivered ones for delivered', async () => {
      const { inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2, 3]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 1);
      await stage.census(inbox, DELTA, [3]);
      expect(await stage.unfinishedUids(inbox)).toEqual([3]);
      expect(await stage.exceptions()).toEqual(['2 vanished', '3 planned']);
      expect(await stage.delivered(['INBOX'])).toHaveLength(1);
      expect(await stage.tally(inbox)).toMatchObject({ exists: 1, unfinished: 1, tally: { copied: 0, source: 1 } });
    });

    test('counts what an earlier attempt of the same pass saw as unseen', async () => {
      await stage.ledger.recordCensus(stage.lease, stage.inbox.id, '7', INITIAL, [entry(1), entry(2)]);
      stage.lease = await stage.ledger.takeLease(stage.mailboxId, 'worker 2');
      await stage.census(stage.inbox, INITIAL, [2]);
      expect(await stage.exceptions()).toEqual(['1 vanished', '2 planned']);
    });

    test('T43: counts what it saw under another UIDVALIDITY as unseen, in the same attempt too', async () => {
      const { ledger, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31);
      await stage.census(inbox, INITIAL, [1, 2], '8');
      expect(await ledger.listUnfinished(inbox.id, null, 10)).toMatchObject([
        { uid: 2, uidValidity: '8' },
        { uid: 1, uidValidity: '8' },
      ]);
      expect(await ledger.countPresent(inbox.id)).toBe(2);
    });

    test('plans a message again that was taken for vanished', async () => {
      await stage.census(stage.inbox, INITIAL, [1]);
      await stage.census(stage.inbox, DELTA, []);
      await stage.census(stage.inbox, { kind: 'delta', number: 3 }, [1]);
      expect(await stage.exceptions()).toEqual(['1 planned']);
    });

    test('tells messages of another UIDVALIDITY apart', async () => {
      await stage.census(stage.inbox, INITIAL, [1]);
      await stage.deliver(stage.inbox, INITIAL, 1, 'f1', 1);
      await stage.census(stage.inbox, DELTA, [1], '8');
      expect(await stage.ledger.listUnfinished(stage.inbox.id, null, 10)).toEqual([
        { ...planned(1), uidValidity: '8' },
      ]);
    });

    test('carries the largest UIDs and sizes', async () => {
      const { ledger, lease, inbox } = stage;
      const large = { ...entry(4_294_967_295), sizeBytes: 5_000_000_000 };
      await ledger.recordCensus(lease, inbox.id, '4294967295', INITIAL, [large]);
      expect(await ledger.listUnfinished(inbox.id, null, 10)).toMatchObject([
        { uid: 4_294_967_295, sizeBytes: 5_000_000_000, uidValidity: '4294967295' },
      ]);
    });

    test('T40: names what a rule excludes and does not plan it', async () => {
      const { ledger, lease, inbox } = stage;
      const excluded = { ...entry(2), excluded: 'lies in INBOX too' };
      await ledger.recordCensus(lease, inbox.id, '7', INITIAL, [entry(1), excluded, { ...entry(3), excluded: null }]);
      expect(await stage.unfinishedUids(inbox)).toEqual([3, 1]);
      expect(await collect(ledger.listExceptions(stage.mailboxId))).toMatchObject([
        { uid: 1 },
        { uid: 2, state: 'excluded', code: null, detail: 'lies in INBOX too' },
        { uid: 3 },
      ]);
      expect((await stage.tally(inbox)).tally).toMatchObject({ excluded: 1 });
    });

    test('keeps what is planned or delivered when a rule excludes it later, and excludes what was gone', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2, 3]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31);
      await ledger.recordChanges(lease, inbox.id, '7', { flags: [], vanished: [{ firstUid: 3, lastUid: 3 }] });
      const excluded = 'lies in INBOX too';
      await ledger.recordCensus(
        lease,
        inbox.id,
        '7',
        DELTA,
        [1, 2, 3].map((uid) => ({ ...entry(uid), excluded })),
      );
      expect(await stage.exceptions()).toEqual(['2 planned', '3 excluded']);
    });

    test('that is partial lets what it did not see stay, and rows of another UIDVALIDITY go', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2]);
      await ledger.recordCensus(lease, inbox.id, '6', DELTA, [entry(8)]);
      await ledger.recordCensus(lease, inbox.id, '8', DELTA, [entry(9)]);
      await ledger.recordCensus(lease, inbox.id, '7', DELTA, [entry(3)]);
      const status = { uidValidity: '7', uidNext: 4, exists: 3, highestModSeq: null };
      await ledger.recordCensusEnd(lease, inbox.id, DELTA, status, PARTIAL);
      expect(await stage.unfinishedUids(inbox)).toEqual([3, 2, 1]);
      expect((await ledger.listFolders(stage.mailboxId))[0]).toMatchObject({ status, unfinished: true });
      expect(await stage.exceptions()).toEqual(['1 planned', '2 planned', '3 planned', '8 vanished', '9 vanished']);
    });
  });

  describe('changes', () => {
    test('bring new flags and take away what vanished', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2, 3, 4, 5, 9]);
      await stage.deliver(inbox, INITIAL, 4, 'f4', 31);
      await ledger.recordChanges(lease, inbox.id, '7', {
        flags: [
          { uid: 1, flags: ['\\Seen'] },
          { uid: 77, flags: ['\\Seen'] },
        ],
        vanished: [
          { firstUid: 2, lastUid: 4 },
          { firstUid: 9, lastUid: 4_294_967_295 },
        ],
      });
      expect(await ledger.listUnfinished(inbox.id, null, 10)).toEqual([
        planned(5),
        { ...planned(1), flags: ['\\Seen'] },
      ]);
      expect(await ledger.countPresent(inbox.id)).toBe(2);
      expect(await stage.exceptions()).toEqual(['1 planned', '2 vanished', '3 vanished', '5 planned', '9 vanished']);
      expect(await ledger.hasOrphans(stage.mailboxId)).toBe(true);
    });

    test('under another UIDVALIDITY touch nothing, and there may be none', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1]);
      const flags = [{ uid: 1, flags: ['\\Seen'] }];
      await ledger.recordChanges(lease, inbox.id, '8', { flags, vanished: [{ firstUid: 1, lastUid: 9 }] });
      await ledger.recordChanges(lease, inbox.id, '7', { flags: [], vanished: [] });
      expect(await ledger.listUnfinished(inbox.id, null, 10)).toEqual([planned(1)]);
    });
  });

  describe('presence', () => {
    test('takes away what is not named within its range, and nothing outside', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2, 3, 4, 5]);
      const there = [{ uid: 3, flags: ['\\Seen'] }];
      await ledger.recordPresence(lease, inbox.id, '7', { firstUid: 2, lastUid: 4 }, there);
      expect(await ledger.listUnfinished(inbox.id, null, 10)).toEqual([
        planned(5),
        { ...planned(3), flags: ['\\Seen'] },
        planned(1),
      ]);
      expect(await stage.exceptions()).toContain('2 vanished');
    });

    test('of nobody empties its range under its UIDVALIDITY', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2, 3]);
      await ledger.recordPresence(lease, inbox.id, '8', { firstUid: 1, lastUid: 9 }, []);
      expect(await ledger.countPresent(inbox.id)).toBe(3);
      await ledger.recordPresence(lease, inbox.id, '7', { firstUid: 1, lastUid: 2 }, []);
      expect(await stage.unfinishedUids(inbox)).toEqual([3]);
    });

    test('leaves a UID without a row out', async () => {
      const { ledger, lease, inbox } = stage;
      await ledger.recordPresence(lease, inbox.id, '7', { firstUid: 1, lastUid: 9 }, [{ uid: 4, flags: [] }]);
      expect(await ledger.countPresent(inbox.id)).toBe(0);
      await ledger.recordCensusEnd(lease, inbox.id, INITIAL, STATUS, PARTIAL);
      expect(await stage.exceptions()).toEqual([]);
    });
  });
}
