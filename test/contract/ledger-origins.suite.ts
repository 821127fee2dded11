import { describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import type { Place } from '../../domain/gmail-labels.ts';
import type { FolderEntry } from '../../domain/ports/ledger.ts';
import { COMPLETE, DELTA, entry, INITIAL, type LedgerStage, STATUS } from './ledger-stage.ts';

export function originContract(stage: LedgerStage): void {
  describe('messages that show in several folders', () => {
    const see = async (folder: FolderEntry, origins: Readonly<Record<number, string>>, pass = INITIAL) => {
      const entries = Object.entries(origins).map(([uid, originId]) => ({ ...entry(Number(uid)), originId }));
      await stage.ledger.recordCensus(stage.lease, folder.id, '7', pass, entries);
      const status = { ...STATUS, exists: entries.length };
      await stage.ledger.recordCensusEnd(stage.lease, folder.id, pass, status, COMPLETE);
    };
    const open = async () => {
      const groups = await collect(stage.ledger.listOpenOrigins(stage.mailboxId));
      return groups.map((rows) => `${rows[0]?.originId}: ${rows.map(({ state }) => state).join(' ')}`).toSorted();
    };
    const place = (folder: FolderEntry, uid: number, changes: Partial<Place> = {}): Place => {
      return { folderId: folder.id, uidValidity: '7', uid, excluded: null, takesFrom: null, ...changes };
    };

    test('are listed by origin while something is to be decided, others never', async () => {
      const { ledger, lease, inbox } = stage;
      const label = await stage.addFolder('Label');
      await see(inbox, { 1: '1790000000000000001', 2: '1790000000000000002' });
      await see(label, { 5: '1790000000000000001' });
      await stage.census(await stage.addFolder('Plain'), INITIAL, [1]);
      expect(await open()).toEqual(['1790000000000000001: planned planned', '1790000000000000002: planned']);

      await ledger.recordPlaces(lease, [place(label, 5, { excluded: 'goes to INBOX' })]);
      for (const uid of [1, 2]) await stage.deliver(inbox, INITIAL, uid, `f${uid}`, 30 + uid);
      expect(await open()).toEqual([]);
      expect(await stage.exceptions()).toEqual(['1 planned', '5 excluded']);
      expect(await stage.tally(label)).toMatchObject({ exists: 1, unfinished: 0, tally: { excluded: 1 } });
    });

    test('are open again when the place without a copy is gone, and can be planned', async () => {
      const { ledger, lease, inbox } = stage;
      const label = await stage.addFolder('Label');
      await see(inbox, { 1: 'a' });
      await see(label, { 5: 'a' });
      await ledger.recordPlaces(lease, [place(label, 5, { excluded: 'goes to INBOX' })]);
      expect(await open()).toEqual(['a: planned excluded']);
      await see(inbox, {}, DELTA);
      expect(await open()).toEqual(['a: vanished excluded']);
      await ledger.recordPlaces(lease, [place(label, 5)]);
      expect(await stage.unfinishedUids(label)).toEqual([5]);
    });

    test('are not open when the target refused one or may have it', async () => {
      const { ledger, lease, inbox } = stage;
      const label = await stage.addFolder('Label');
      await see(inbox, { 1: 'a' });
      await see(label, { 5: 'a' });
      await ledger.recordPlaces(lease, [place(label, 5, { excluded: 'goes to INBOX' })]);
      const intents = [{ uidValidity: '7', uid: 1, fingerprint: 'f', copyFingerprint: null, targetUidNext: 1 }];
      await ledger.recordIntents(lease, inbox.id, intents);
      expect(await open()).toEqual([]);
    });

    test('take over the copy of a place that they have left, with flags and date, once', async () => {
      const { ledger, lease, inbox } = stage;
      const label = await stage.addFolder('Label');
      await see(inbox, { 1: 'a' });
      await see(label, { 5: 'a' });
      await ledger.recordPlaces(lease, [place(label, 5, { excluded: 'goes to INBOX' })]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31, { flags: ['\\Seen'], receivedAt: '2020-01-01T00:00:00Z' });
      const takesFrom = { folderId: inbox.id, uidValidity: '7', uid: 1 };
      await ledger.recordPlaces(lease, [place(label, 5, { takesFrom })]);
      expect(await stage.tally(label)).toMatchObject({ tally: { excluded: 1 } }); // its place is not left yet

      await see(inbox, {}, DELTA);
      await ledger.recordPlaces(lease, [place(label, 5, { takesFrom })]);
      await ledger.recordPlaces(lease, [place(label, 5, { takesFrom })]);
      expect(await stage.delivered(['INBOX'])).toMatchObject([
        { uid: 5, targetUid: 31, flags: ['\\Seen'], receivedAt: '2020-01-01T00:00:00Z', state: 'already-there' },
      ]);
      expect(await ledger.hasOrphans(stage.mailboxId)).toBe(false);
      expect(await stage.tally(label)).toMatchObject({ unfinished: 0, tally: { alreadyThere: 1, excluded: 0 } });
    });

    test('keep what has its end, and are decided by the holder of the lease only', async () => {
      const { ledger, lease, inbox } = stage;
      await see(inbox, { 1: 'a', 2: 'b' });
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31);
      await ledger.recordPlaces(lease, [place(inbox, 1, { excluded: 'no' })]);
      expect(await stage.tally(inbox)).toMatchObject({ tally: { copied: 1, excluded: 0 } });
      await ledger.takeLease(stage.mailboxId, 'worker 2');
      const late = ledger.recordPlaces(lease, [place(inbox, 2, { excluded: 'no' })]);
      await expect(late).rejects.toMatchObject({ code: 'LEASE_LOST' });
    });

    test('are listed whole, however many there are', async () => {
      const { inbox } = stage;
      const label = await stage.addFolder('Label');
      const origins = Object.fromEntries(Array.from({ length: 2_100 }, (_, n) => [n + 1, `o${n}`]));
      await see(inbox, origins);
      await see(label, origins);
      const groups = await collect(stage.ledger.listOpenOrigins(stage.mailboxId));
      expect(new Set(groups.map(([first]) => first?.originId)).size).toBe(2_100);
      expect(groups.every((rows) => rows.length === 2)).toBe(true);
    });
  });
}
