import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { LEASE_VALID_MS, type Lease, type Ledger } from '../../domain/ports/ledger.ts';
import {
  COMPLETE,
  copied,
  entry,
  folderPlan,
  INITIAL,
  intent,
  type LedgerStage,
  NO_FINDING,
  STATUS,
} from './ledger-stage.ts';

const ONE = { uidValidity: '7', uid: 1 };

/** Every write of the port, on a message 1 that is planned. A new method belongs here too: the last test counts them. */
const WRITES: Readonly<Record<string, (ledger: Ledger, lease: Lease, folderId: string) => Promise<unknown>>> = {
  renewLease: (ledger, lease) => ledger.renewLease(lease),
  recordFolders: (ledger, lease) => ledger.recordFolders(lease, [folderPlan('Sent')]),
  recordRename: (ledger, lease, id) => ledger.recordRename(lease, id, { sourceId: 'New', sourcePath: ['New'] }),
  recordFolderFault: (ledger, lease, id) =>
    ledger.recordFolderFault(lease, id, { code: 'FOLDER_REFUSED', message: '' }),
  recordCensus: (ledger, lease, id) => ledger.recordCensus(lease, id, '7', INITIAL, [entry(2)]),
  recordChanges: (ledger, lease, id) =>
    ledger.recordChanges(lease, id, '7', {
      flags: [{ uid: 1, flags: ['\\Seen'] }],
      vanished: [{ firstUid: 1, lastUid: 1 }],
    }),
  recordPresence: (ledger, lease, id) => ledger.recordPresence(lease, id, '7', { firstUid: 1, lastUid: 9 }, []),
  recordCensusEnd: (ledger, lease, id) => ledger.recordCensusEnd(lease, id, INITIAL, STATUS, COMPLETE),
  recordIntents: (ledger, lease, id) => ledger.recordIntents(lease, id, [intent(1, 'f')]),
  recordOutcomes: (ledger, lease, id) => ledger.recordOutcomes(lease, id, INITIAL, [copied(1, 'f', 1)]),
  recordAdoptions: (ledger, lease, id) => ledger.recordAdoptions(lease, id, INITIAL, [{ ...ONE, fingerprint: 'f' }]),
  recordPlaces: (ledger, lease, id) =>
    ledger.recordPlaces(lease, [{ ...ONE, folderId: id, excluded: 'no', takesFrom: null }]),
  recordRemovals: (ledger, lease, id) => ledger.recordRemovals(lease, [{ ...ONE, folderId: id }], 'intended'),
  recordInDoubt: (ledger, lease, id) => ledger.recordInDoubt(lease, id, [ONE]),
  recordFlags: (ledger, lease, id) => ledger.recordFlags(lease, id, [{ ...ONE, flags: ['\\Seen'] }]),
  recordDeviations: (ledger, lease) => ledger.recordDeviations(lease, []),
  recordVerification: (ledger, lease) =>
    ledger.recordVerification(lease, INITIAL, [{ ...NO_FINDING, lost: 1, doubled: 1, seen: 1 }]),
};

export function leaseContract(stage: LedgerStage): void {
  describe('the lease', () => {
    test('is refused for a mailbox that nobody knows', async () => {
      await expect(stage.ledger.takeLease(`mbx-${randomUUID()}`, 'worker')).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
    });

    test('has a higher fence for each holder', async () => {
      const next = await stage.ledger.takeLease(stage.mailboxId, 'worker 2');
      expect(next.fence).toBeGreaterThan(stage.lease.fence);
      expect(next.mailboxId).toBe(stage.mailboxId);
    });

    test.each(Object.entries(WRITES))('stops %s of an earlier holder', async (_name, write) => {
      const { ledger, inbox, lease } = stage;
      await stage.census(inbox, INITIAL, [1]);
      const before = await everything(stage);
      await ledger.takeLease(stage.mailboxId, 'worker 2');
      await expect(write(ledger, lease, inbox.id)).rejects.toMatchObject({ code: 'LEASE_LOST' });
      expect(await everything(stage)).toEqual(before);
    });

    test.each(Object.entries(WRITES))('lets its holder do %s', async (_name, write) => {
      await stage.census(stage.inbox, INITIAL, [1]);
      await write(stage.ledger, stage.lease, stage.inbox.id);
    });

    test('of one mailbox does not touch another', async () => {
      const other = await stage.addMailbox();
      const otherLease = await stage.ledger.takeLease(other, 'worker 2');
      await stage.ledger.recordFolders(otherLease, [folderPlan('INBOX')]);
      await stage.census(stage.inbox, INITIAL, [1]);
      expect(await stage.ledger.listFolders(other)).toHaveLength(1);
      expect((await stage.ledger.tallyFolders(other))[0]?.exists).toBe(0);
    });

    test('is settled at once where nobody held the mailbox before', async () => {
      const lease = await stage.ledger.takeLease(await stage.addMailbox(), 'worker 1');
      expect(lease.settledInMs).toBe(0);
    });

    test('is settled at once when the holder before released it', async () => {
      await stage.ledger.renewLease(stage.lease);
      await stage.ledger.releaseLease(stage.lease);
      expect((await stage.ledger.takeLease(stage.mailboxId, 'worker 2')).settledInMs).toBe(0);
    });

    test('settles when the holder before has stopped, who may have renewed it just now', async () => {
      await stage.ledger.renewLease(stage.lease);
      const { settledInMs } = await stage.ledger.takeLease(stage.mailboxId, 'worker 2');
      expect(settledInMs).toBeGreaterThan(LEASE_VALID_MS - 2_000);
      expect(settledInMs).toBeLessThanOrEqual(LEASE_VALID_MS);
    });

    test('settles no earlier because a holder between gave up while it waited for the one before', async () => {
      const second = await stage.ledger.takeLease(stage.mailboxId, 'worker 2');
      await stage.ledger.releaseLease(second);
      const third = await stage.ledger.takeLease(stage.mailboxId, 'worker 3');
      expect(third.settledInMs).toBeGreaterThan(LEASE_VALID_MS - 2_000);
    });

    test("is not released by a holder that it is not any more's", async () => {
      const second = await stage.ledger.takeLease(stage.mailboxId, 'worker 2');
      await stage.ledger.releaseLease(stage.lease);
      await stage.ledger.renewLease(second);
      expect((await stage.ledger.takeLease(stage.mailboxId, 'worker 3')).settledInMs).toBeGreaterThan(0);
    });

    test('is asked for by every write of the port', () => {
      const { ledger } = stage;
      const names = new Set([...Object.keys(ledger), ...Object.getOwnPropertyNames(Object.getPrototypeOf(ledger))]);
      const writes = [...names].filter((name) => name.startsWith('record') || name === 'renewLease');
      expect(writes.toSorted()).toEqual(Object.keys(WRITES).toSorted());
    });
  });
}

async function everything({ ledger, mailboxId, inbox }: LedgerStage) {
  return {
    folders: await ledger.listFolders(mailboxId),
    unfinished: await ledger.listUnfinished(inbox.id, null, 10),
    tallies: await ledger.tallyFolders(mailboxId),
  };
}
