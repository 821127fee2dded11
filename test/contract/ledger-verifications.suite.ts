import { describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import type { Deviation } from '../../domain/ports/ledger.ts';
import { DELTA, INITIAL, type LedgerStage, NO_FINDING } from './ledger-stage.ts';

const LOST: Deviation = {
  code: 'MESSAGE_LOST',
  targetPath: ['INBOX'],
  targetUid: 31,
  sourcePath: ['INBOX', 'Ümläut \\ "x"'],
  uidValidity: '7',
  uid: 1,
  sizeBytes: 5_000_000_000,
  receivedAt: '2026-01-02T03:04:05Z',
  detail: 'Its content is nowhere.',
};
const DOUBLED: Deviation = {
  ...LOST,
  code: 'MESSAGE_DOUBLED',
  sourcePath: null,
  uidValidity: null,
  uid: null,
  targetUid: null,
  receivedAt: null,
};
const IN_SENT: Deviation = { ...LOST, targetPath: ['Sent'] };

export function verificationContract(stage: LedgerStage): void {
  describe('what a verification found', () => {
    const listed = () => collect(stage.ledger.listDeviations(stage.mailboxId));

    test('is shown when it has ended, not before', async () => {
      const { ledger, lease } = stage;
      await ledger.recordDeviations(lease, [LOST, IN_SENT]);
      await ledger.recordDeviations(lease, [DOUBLED]);
      expect(await listed()).toEqual([]);
      const finding = {
        ...NO_FINDING,
        lost: 1,
        doubled: 2,
        misfiled: 3,
        changed: 4,
        altered: 5,
        datesMoved: 6,
        flagsLost: 7,
      };
      await ledger.recordVerification(lease, INITIAL, [finding, { ...finding, targetPath: ['Sent'] }]);
      expect(await listed()).toEqual([LOST, DOUBLED, IN_SENT]);
      expect(await ledger.listFindings(stage.mailboxId)).toEqual([finding, { ...finding, targetPath: ['Sent'] }]);
    });

    test('counts as lost in the tally whatever is not in its place as it was', async () => {
      const finding = { ...NO_FINDING, lost: 1, doubled: 2, misfiled: 3, changed: 4, altered: 5 };
      await stage.ledger.recordVerification(stage.lease, INITIAL, [finding]);
      const [folder] = await stage.ledger.tallyFolders(stage.mailboxId);
      expect(folder?.tally).toMatchObject({ lost: 8, doubled: 2 });
    });

    test('replaces what an earlier one found in the same folders, and in no other', async () => {
      const { ledger, lease } = stage;
      await ledger.recordDeviations(lease, [LOST, IN_SENT]);
      await ledger.recordVerification(lease, INITIAL, [NO_FINDING, { ...NO_FINDING, targetPath: ['Sent'] }]);
      await ledger.recordDeviations(lease, [DOUBLED]);
      await ledger.recordVerification(lease, DELTA, [{ ...NO_FINDING, doubled: 1 }]);
      expect(await listed()).toEqual([DOUBLED, IN_SENT]);
      await ledger.recordVerification(lease, DELTA, [NO_FINDING]);
      expect(await listed()).toEqual([IN_SENT]);
      await ledger.recordDeviations(lease, [LOST]);
      await ledger.recordVerification(lease, INITIAL, [{ ...NO_FINDING, lost: 1 }]);
      expect(await listed()).toEqual([IN_SENT]);
      expect(await ledger.listFindings(stage.mailboxId)).toMatchObject([{ lost: 0 }, { targetPath: ['Sent'] }]);
    });

    test('of one that was cut off is forgotten by the next', async () => {
      const { ledger, lease } = stage;
      await ledger.recordDeviations(lease, [LOST]);
      const next = await ledger.takeLease(stage.mailboxId, 'worker 2');
      await ledger.recordDeviations(next, [DOUBLED]);
      await ledger.recordVerification(next, INITIAL, [NO_FINDING]);
      expect(await listed()).toEqual([DOUBLED]);
    });

    test('is streamed over pages in the order in which it was named', async () => {
      const { ledger, lease } = stage;
      const many = Array.from({ length: 1_201 }, (_, at) => ({ ...LOST, uid: at + 1 }));
      await ledger.recordDeviations(lease, many.slice(0, 700));
      await ledger.recordDeviations(lease, many.slice(700));
      await ledger.recordVerification(lease, INITIAL, [{ ...NO_FINDING, lost: many.length }]);
      expect((await listed()).map(({ uid }) => uid)).toEqual(many.map(({ uid }) => uid));
    });
  });

  describe('where a verification has to look', () => {
    test('is told by target folder: copies, those of the pass, and the first of ours', async () => {
      const { ledger, inbox } = stage;
      const sent = await stage.addFolder('Sent');
      await stage.census(inbox, INITIAL, [1, 2, 3, 4]);
      await stage.census(sent, INITIAL, [1, 2]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 11, { state: 'already-there' });
      await stage.deliver(inbox, INITIAL, 2, 'f2', 12);
      await stage.deliver(inbox, DELTA, 3, 'f3', 21);
      await stage.deliver(inbox, DELTA, 4, 'f4', 20);
      await stage.deliver(sent, DELTA, 1, 'f5', null);
      await stage.deliver(sent, DELTA, 2, 'f6', 30, { copyFingerprint: 'content:ab/cd' });
      expect(await ledger.tallyDelivered(stage.mailboxId, 2)).toEqual([
        {
          targetPath: ['INBOX'],
          copies: 4,
          withoutUid: 0,
          byContent: 0,
          ofPass: 2,
          firstUidOfPass: 20,
          firstUidOfOurs: 12,
        },
        {
          targetPath: ['Sent'],
          copies: 2,
          withoutUid: 1,
          byContent: 1,
          ofPass: 2,
          firstUidOfPass: 30,
          firstUidOfOurs: 1,
        },
      ]);
      expect(await ledger.tallyDelivered(stage.mailboxId, 3)).toMatchObject([
        { ofPass: 0, firstUidOfPass: null },
        { ofPass: 0, firstUidOfPass: null },
      ]);
      const copies = await collect(ledger.listDelivered(stage.mailboxId, ['INBOX'], 12));
      expect(copies[0]).toMatchObject({ targetUid: 12, targetUidValidity: '99' });
    });
  });
}
