import { collect } from '../../domain/collect.ts';
import type { Pass } from '../../domain/passes.ts';
import type { Lease, Ledger, Outcome } from '../../domain/ports/ledger.ts';
import type { LoadedMailbox } from './ledger-load.ts';

export interface HotPathInput {
  readonly ledger: Ledger;
  readonly lease: Lease;
  readonly mailbox: LoadedMailbox;
  /** Of each folder. */
  readonly messagesEach: number;
  /** Rows of a window. */
  readonly size: number;
  /** Of the messages that are gone: 3, 103, 203, … */
  readonly fingerprints: readonly string[];
}

export interface HotPath {
  readonly name: string;
  /** Rows of messages that one of its statements may look at. */
  readonly reads: number;
  run(): Promise<unknown>;
}

const PASS: Pass = { kind: 'delta', number: 2 };
const UID_VALIDITY = '1700000000';

/** What a copy, a delta pass and a verification do for each window, page or folder. */
export function hotPaths({ ledger, lease, mailbox, messagesEach, size, fingerprints }: HotPathInput): HotPath[] {
  const [folder = '', ...others] = mailbox.folderIds;
  const from = Math.floor(messagesEach / 2);
  const uids = Array.from({ length: size }, (_, n) => from + n);
  const unfinished = Array.from({ length: size }, (_, n) => n * 50 + (n % 2) + 1).filter((uid) => uid <= messagesEach);
  const status = { uidValidity: UID_VALIDITY, uidNext: messagesEach + 1, exists: messagesEach, highestModSeq: '9' };
  const flags = uids.map((uid) => ({ uid, uidValidity: UID_VALIDITY, flags: ['\\Seen', '\\Answered'] }));
  const census = (uid: number) => ({ uid, sizeBytes: 4_000, internalDate: '2025-03-04T05:06:07Z', flags: ['\\Seen'] });
  const inFolder = messagesEach + size; // the census below finds new ones
  const inMailbox = inFolder * mailbox.folderIds.length;
  const path = (index: number) => mailbox.targetPaths[index] ?? [];
  const one = async (rows: AsyncIterable<unknown>) => {
    for await (const _ of rows) break;
  };
  return [
    {
      name: 'recordCensus, known messages',
      reads: size,
      run: () => ledger.recordCensus(lease, folder, UID_VALIDITY, PASS, uids.map(census)),
    },
    {
      name: 'recordCensus, new messages',
      reads: size,
      run: () =>
        ledger.recordCensus(
          lease,
          folder,
          UID_VALIDITY,
          PASS,
          uids.map((uid) => census(uid + messagesEach)),
        ),
    },
    {
      name: 'recordChanges',
      reads: size,
      run: () =>
        ledger.recordChanges(lease, folder, UID_VALIDITY, {
          flags,
          vanished: [{ firstUid: from, lastUid: from + 9 }],
        }),
    },
    {
      name: 'recordPresence',
      reads: size,
      run: () =>
        ledger.recordPresence(
          lease,
          folder,
          UID_VALIDITY,
          { firstUid: from, lastUid: from + size - 1 },
          flags.slice(5),
        ),
    },
    {
      name: 'recordCensusEnd, partial',
      reads: 1,
      run: () => ledger.recordCensusEnd(lease, folder, PASS, status, { complete: false, counts: null }),
    },
    { name: 'countPresent', reads: inFolder, run: () => ledger.countPresent(folder) },
    { name: 'listFolders', reads: mailbox.folderIds.length, run: () => ledger.listFolders(mailbox.id) },
    { name: 'listUnfinished, first page', reads: size, run: () => ledger.listUnfinished(folder, null, size) },
    { name: 'listUnfinished, a later page', reads: size, run: () => ledger.listUnfinished(folder, from, size) },
    { name: 'listIntended', reads: 2 * size, run: () => ledger.listIntended(mailbox.id) },
    { name: 'countMoved', reads: inMailbox, run: () => ledger.countMoved(mailbox.id, PASS) },
    {
      name: 'recordIntents',
      // A window of unfinished messages lies scattered among those that are done.
      reads: size * 50,
      run: () =>
        ledger.recordIntents(
          lease,
          folder,
          unfinished.map((uid) => intentOf(uid)),
        ),
    },
    {
      name: 'recordOutcomes',
      reads: size * 50,
      run: () => ledger.recordOutcomes(lease, folder, PASS, unfinished.map(outcomeOf)),
    },
    {
      name: 'recordAdoptions',
      reads: size * 50,
      run: () => {
        const adopters = unfinished.slice(0, fingerprints.length);
        const wanted = adopters.map((uid, at) => ({
          uidValidity: UID_VALIDITY,
          uid,
          fingerprint: fingerprints[at] ?? '',
        }));
        return ledger.recordAdoptions(lease, others[0] ?? '', PASS, wanted);
      },
    },
    { name: 'hasOrphans', reads: inMailbox / 100, run: () => ledger.hasOrphans(mailbox.id) },
    {
      name: 'listDelivered, all pages',
      reads: 2_100,
      run: async () => {
        for (const index of mailbox.targetPaths.keys()) await collect(ledger.listDelivered(mailbox.id, path(index), 1));
      },
    },
    {
      name: 'countDelivered',
      reads: messagesEach,
      run: () => ledger.countDelivered(mailbox.id, path(0)),
    },
    { name: 'listTargetPaths', reads: mailbox.folderIds.length, run: () => ledger.listTargetPaths(mailbox.id) },
    { name: 'listFlagsDue', reads: inMailbox / 100 + 2 * size, run: () => ledger.listFlagsDue(mailbox.id, null, size) },
    { name: 'recordFlags', reads: size, run: () => ledger.recordFlags(lease, folder, flags) },
    { name: 'tallyFolders', reads: inMailbox, run: () => ledger.tallyFolders(mailbox.id) },
    { name: 'listMismatches', reads: inMailbox, run: () => ledger.listMismatches(mailbox.id) },
    { name: 'listExceptions, first page', reads: inMailbox, run: () => one(ledger.listExceptions(mailbox.id)) },
  ];
}

function intentOf(uid: number) {
  return { uidValidity: UID_VALIDITY, uid, fingerprint: 'f'.repeat(64), copyFingerprint: null, targetUidNext: 1 };
}

function outcomeOf(uid: number): Outcome {
  return {
    uidValidity: UID_VALIDITY,
    uid,
    state: 'copied',
    fingerprint: 'f'.repeat(64),
    copyFingerprint: null,
    target: { uidValidity: '1600000000', uid: 10_000_000 + uid },
    code: null,
    detail: null,
    flags: ['\\Seen'],
    receivedAt: null,
  };
}
