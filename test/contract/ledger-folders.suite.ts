import { describe, expect, test } from 'vitest';
import { COMPLETE, DELTA, folderPlan, INITIAL, type LedgerStage, PARTIAL, STATUS } from './ledger-stage.ts';

export function folderContract(stage: LedgerStage): void {
  describe('folders', () => {
    test('are found again by the name of the source and take the new mapping', async () => {
      const again = await stage.addFolder('INBOX', { targetPath: ['INBOX', 'old'] });
      expect(again.id).toBe(stage.inbox.id);
      const entry = { ...folderPlan('INBOX'), targetPath: ['INBOX', 'old'], id: stage.inbox.id };
      const nothing = { status: null, fault: null, counts: null, unfinished: false };
      expect(again).toEqual({ ...entry, ...nothing });
      expect(await stage.ledger.listFolders(stage.mailboxId)).toEqual([{ ...entry, ...nothing }]);
    });

    test('come back in the order given, known and new ones, many at a time', async () => {
      const { ledger, lease, inbox } = stage;
      const names = Array.from({ length: 300 }, (_, n) => `Folder ${(n * 7) % 300}`);
      const plans = [...names.slice(0, 100), 'INBOX', ...names.slice(100)].map(folderPlan);
      const made = await ledger.recordFolders(lease, plans);
      expect(made.map(({ sourceId }) => sourceId)).toEqual(plans.map(({ sourceId }) => sourceId));
      expect(made[100]?.id).toBe(inbox.id);
      const again = await ledger.recordFolders(lease, plans.toReversed());
      expect(again).toEqual(made.toReversed());
      expect(await ledger.listFolders(stage.mailboxId)).toHaveLength(301);
    });

    test('may share a target folder, and there may be none', async () => {
      const plans = ['A', 'B'].map((name) => ({ ...folderPlan(name), targetPath: ['Archive'] }));
      const made = await stage.ledger.recordFolders(stage.lease, plans);
      expect(made.map(({ targetPath }) => targetPath)).toEqual([['Archive'], ['Archive']]);
      expect(await stage.ledger.recordFolders(stage.lease, [])).toEqual([]);
    });

    test('keep the numbers of the last census when they are recorded again', async () => {
      await stage.census(stage.inbox, INITIAL, [1, 2]);
      const again = await stage.addFolder('INBOX');
      expect(again.status).toEqual({ uidValidity: '7', uidNext: 100, exists: 2, highestModSeq: '12' });
      expect(again.unfinished).toBe(true);
    });

    test('T45: keep how many messages STATUS, SEARCH and FETCH told, until a census tells again', async () => {
      const { ledger, lease, inbox } = stage;
      const find = async () => (await ledger.listFolders(stage.mailboxId))[0]?.counts;
      const counts = { status: 9, search: null, fetch: 7 };
      await ledger.recordCensusEnd(lease, inbox.id, INITIAL, STATUS, { complete: true, counts });
      expect(await find()).toEqual(counts);
      await ledger.recordCensusEnd(lease, inbox.id, DELTA, STATUS, PARTIAL);
      await ledger.recordCensusEnd(lease, inbox.id, DELTA, STATUS, COMPLETE);
      expect(await find()).toEqual(counts);
      const others = { status: 1, search: 2, fetch: 3 };
      await ledger.recordCensusEnd(lease, inbox.id, DELTA, STATUS, { complete: true, counts: others });
      expect(await find()).toEqual(others);
    });

    test('keep a fault until it is cleared', async () => {
      const { ledger, lease, inbox, mailboxId } = stage;
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
      const [folder] = await stage.ledger.recordFolders(stage.lease, [plan]);
      expect((await stage.ledger.listFolders(stage.mailboxId)).find(({ id }) => id === folder?.id)).toMatchObject(plan);
    });

    test('T13: go on under a new name with all their messages', async () => {
      const { ledger, lease, inbox } = stage;
      await stage.census(inbox, INITIAL, [1, 2]);
      await stage.deliver(inbox, INITIAL, 1, 'f1', 31);
      await ledger.recordRename(lease, inbox.id, { sourceId: 'Neu', sourcePath: ['Neu'] });
      const again = await stage.addFolder('Neu', { role: 'inbox', targetPath: ['INBOX'] });
      expect(again).toMatchObject({ id: inbox.id, sourceId: 'Neu', sourcePath: ['Neu'], unfinished: true });
      expect(again.status?.exists).toBe(2);
      expect(await ledger.listFolders(stage.mailboxId)).toHaveLength(1);
      expect(await stage.unfinishedUids(inbox)).toEqual([2]);
      expect(await stage.delivered(['INBOX'])).toHaveLength(1);
    });

    test('are not renamed to a name that has a row', async () => {
      await stage.addFolder('Sent');
      const to = { sourceId: 'Sent', sourcePath: ['Sent'] };
      await expect(stage.ledger.recordRename(stage.lease, stage.inbox.id, to)).rejects.toThrow();
      expect((await stage.ledger.listFolders(stage.mailboxId)).map(({ sourceId }) => sourceId)).toEqual([
        'INBOX',
        'Sent',
      ]);
    });
  });
}
