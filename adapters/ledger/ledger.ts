import type { Ledger } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { releaseLease, renewLease, takeLease } from './fencing.ts';
import { hasOrphans, recordAdoptions } from './ledger-adoptions.ts';
import { countPresent, recordCensus, recordCensusEnd, recordChanges, recordPresence } from './ledger-census.ts';
import { countDelivered, countMoved, listDelivered, listTargetPaths } from './ledger-delivered.ts';
import { listExceptions, listNotes } from './ledger-exceptions.ts';
import { listFlagsDue, recordFlags } from './ledger-flags.ts';
import { listFolders, recordFolderFault, recordFolders, recordRename } from './ledger-folders.ts';
import { listIntended, listUnfinished, recordInDoubt, recordIntents, recordOutcomes } from './ledger-messages.ts';
import { listOpenOrigins, recordPlaces } from './ledger-origins.ts';
import { countCopies, listRemovable, listRemovalsIntended, recordRemovals } from './ledger-removals.ts';
import { listMismatches, tallyFolders } from './ledger-tallies.ts';
import {
  listDeviations,
  listFindings,
  recordDeviations,
  recordVerification,
  tallyDelivered,
} from './ledger-verifications.ts';
import { parseFolderId } from './mailbox-numbers.ts';

/** The ledger on PostgreSQL. Every `record…` is one statement, fenced and durable when its promise resolves. */
export function createPostgresLedger(db: Db): Ledger {
  return {
    takeLease: (mailboxId, holder) => takeLease(db, mailboxId, holder),
    renewLease: (lease) => renewLease(db, lease),
    releaseLease: (lease) => releaseLease(db, lease),

    recordFolders: (lease, folders) => recordFolders(db, lease, folders),
    listFolders: (mailboxId) => listFolders(db, mailboxId),
    recordRename: async (lease, folderId, to) => recordRename(db, lease, parseFolderId(folderId), to),
    recordFolderFault: async (lease, folderId, fault) => recordFolderFault(db, lease, parseFolderId(folderId), fault),

    recordCensus: async (lease, folderId, uidValidity, pass, entries) =>
      recordCensus(db, lease, parseFolderId(folderId), uidValidity, pass, entries),
    recordChanges: async (lease, folderId, uidValidity, changes) =>
      recordChanges(db, lease, parseFolderId(folderId), uidValidity, changes),
    recordPresence: async (lease, folderId, uidValidity, range, entries) =>
      recordPresence(db, lease, parseFolderId(folderId), uidValidity, range, entries),
    countPresent: async (folderId) => countPresent(db, parseFolderId(folderId)),
    recordCensusEnd: async (lease, folderId, pass, status, end) =>
      recordCensusEnd(db, lease, parseFolderId(folderId), pass, status, end),

    listUnfinished: async (folderId, beforeUid, limit) => listUnfinished(db, parseFolderId(folderId), beforeUid, limit),
    listIntended: (mailboxId) => listIntended(db, mailboxId),
    recordIntents: async (lease, folderId, intents) => recordIntents(db, lease, parseFolderId(folderId), intents),
    recordOutcomes: async (lease, folderId, pass, outcomes) =>
      recordOutcomes(db, lease, parseFolderId(folderId), pass, outcomes),
    recordAdoptions: async (lease, folderId, _pass, messages) =>
      recordAdoptions(db, lease, parseFolderId(folderId), messages),
    listOpenOrigins: (mailboxId) => listOpenOrigins(db, mailboxId),
    recordPlaces: (lease, places) => recordPlaces(db, lease, places),
    listRemovable: (mailboxId) => listRemovable(db, mailboxId),
    listRemovalsIntended: (mailboxId) => listRemovalsIntended(db, mailboxId),
    countCopies: (mailboxId) => countCopies(db, mailboxId),
    recordRemovals: (lease, copies, state) => recordRemovals(db, lease, copies, state),
    recordInDoubt: async (lease, folderId, messages) => recordInDoubt(db, lease, parseFolderId(folderId), messages),
    hasOrphans: (mailboxId) => hasOrphans(db, mailboxId),

    listDelivered: (mailboxId, targetPath, fromUid) => listDelivered(db, mailboxId, targetPath, fromUid),
    countDelivered: (mailboxId, targetPath) => countDelivered(db, mailboxId, targetPath),
    countMoved: (mailboxId, pass) => countMoved(db, mailboxId, pass),
    listTargetPaths: (mailboxId) => listTargetPaths(db, mailboxId),

    listFlagsDue: (mailboxId, after, limit) => listFlagsDue(db, mailboxId, after, limit),
    recordFlags: async (lease, folderId, merged) => recordFlags(db, lease, parseFolderId(folderId), merged),

    tallyFolders: (mailboxId) => tallyFolders(db, mailboxId),
    listMismatches: (mailboxId) => listMismatches(db, mailboxId),
    listExceptions: (mailboxId) => listExceptions(db, mailboxId),
    listNotes: (mailboxId) => listNotes(db, mailboxId),

    tallyDelivered: (mailboxId, passNumber) => tallyDelivered(db, mailboxId, passNumber),
    recordDeviations: (lease, deviations) => recordDeviations(db, lease, deviations),
    recordVerification: (lease, pass, findings) => recordVerification(db, lease, pass, findings),
    listFindings: (mailboxId) => listFindings(db, mailboxId),
    listDeviations: (mailboxId) => listDeviations(db, mailboxId),
  };
}
