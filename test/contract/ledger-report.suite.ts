import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../domain/ports/ledger.ts';
import { COMPLETE, copied, DELTA, INITIAL, type LedgerStage, NO_FINDING, STATUS } from './ledger-stage.ts';

const ALL = ['copied', 'repaired', 'wrapped', 'already-there', 'vanished', 'excluded', 'refused'] as const;

export function reportContract(stage: LedgerStage): void {
  describe('the report', () => {
    test('counts present messages by state', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2, 3, 4, 5, 6, 7, 8]);
      const outcomes = ALL.map((state, at): Outcome => ({ ...copied(at + 1, `f${at}`, at + 1), state }));
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, outcomes);
      expect(await ledger.tallyFolders(stage.mailboxId)).toEqual([
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

    test('notes the copies of which something is to be said, and only those', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2, 3, 4]);
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, [
        { ...copied(1, 'f1', 1), state: 'repaired', detail: 'Lone CR or LF became CRLF.' },
        copied(2, 'f2', 2),
        { ...copied(3, 'f3', 3), target: null, state: 'refused', code: 'MESSAGE_REFUSED', detail: 'no' },
        { ...copied(4, 'f4', 4), detail: 'The target does not take these flags: $Label1' },
      ]);
      const notes = [];
      for await (const { uid, state, detail } of ledger.listNotes(stage.mailboxId)) notes.push([uid, state, detail]);
      expect(notes).toEqual([
        [1, 'repaired', 'Lone CR or LF became CRLF.'],
        [4, 'copied', 'The target does not take these flags: $Label1'],
      ]);
    });

    test('adds the newest findings of a target folder once', async () => {
      const { ledger, lease } = stage;
      await stage.addFolder('Old inbox', { targetPath: ['INBOX'] });
      await ledger.recordVerification(lease, INITIAL, [{ ...NO_FINDING, lost: 5, doubled: 4, seen: 9 }]);
      await ledger.recordVerification(lease, DELTA, [{ ...NO_FINDING, lost: 2, doubled: 1, seen: 3 }]);
      await ledger.recordVerification(lease, DELTA, [{ ...NO_FINDING, lost: 2, doubled: 1, seen: 3 }]);
      const tallies = await ledger.tallyFolders(stage.mailboxId);
      expect(tallies.reduce((sum, { tally }) => sum + tally.lost, 0)).toBe(2);
      expect(tallies.reduce((sum, { tally }) => sum + tally.doubled, 0)).toBe(1);
    });

    test('T23: finds no mismatch where every message has reached a terminal state, whichever', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2, 3, 4, 5, 6, 7]);
      const outcomes = ALL.map((state, at): Outcome => ({ ...copied(at + 1, `f${at}`, at + 1), state }));
      await ledger.recordOutcomes(lease, inbox.id, INITIAL, outcomes);
      expect(await ledger.listMismatches(stage.mailboxId)).toEqual([]);
    });

    test('T23: names the UIDs of messages that have none', async () => {
      const { ledger, inbox } = stage;
      await stage.addFolder('Empty');
      await stage.census(inbox, INITIAL, [4, 5, 6]);
      await stage.deliver(inbox, INITIAL, 5, 'f5', 31);
      expect(await ledger.listMismatches(stage.mailboxId)).toEqual([
        { folderId: inbox.id, sourcePath: ['INBOX'], exists: 3, sum: 1, unfinished: 2, unfinishedUids: [4, 6] },
      ]);
    });

    test('T45: tells a folder in which the census counted others than the ledger has', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31);
      for (const exists of [0, 2]) {
        const status = { ...STATUS, exists };
        await ledger.recordCensus(lease, inbox.id, '7', DELTA, [
          { uid: 1, sizeBytes: 1, internalDate: null, flags: [] },
        ]);
        await ledger.recordCensusEnd(lease, inbox.id, DELTA, status, COMPLETE);
        const finding = { exists, sum: 1, unfinished: 0, unfinishedUids: [] };
        expect(await ledger.listMismatches(stage.mailboxId)).toMatchObject([finding]);
      }
    });
  });
}
