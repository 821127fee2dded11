import type { Ledger } from '../../domain/ports/ledger.ts';
import type { Db } from './database.ts';
import { takeLease } from './fencing.ts';
import { listFolders, recordCensusEnd, recordFolder, recordFolderFault } from './ledger-folders.ts';
import {
  listDelivered,
  listIntended,
  nextUnfinished,
  recordAdoption,
  recordCensus,
  recordIntents,
  recordOutcomes,
} from './ledger-messages.ts';
import { listExceptions, recordVerification, tallyFolders } from './ledger-tallies.ts';
import { parseFolderId } from './mailbox-numbers.ts';

/** The ledger on PostgreSQL. Every `record…` is one statement, fenced and durable when its promise resolves. */
export function createPostgresLedger(db: Db): Ledger {
  return {
    takeLease: (mailboxId, holder) => takeLease(db, mailboxId, holder),
    recordFolder: (lease, folder) => recordFolder(db, lease, folder),
    listFolders: (mailboxId) => listFolders(db, mailboxId),
    recordFolderFault: async (lease, folderId, fault) => recordFolderFault(db, lease, parseFolderId(folderId), fault),
    recordCensus: async (lease, folderId, uidValidity, pass, entries) =>
      recordCensus(db, lease, parseFolderId(folderId), uidValidity, pass, entries),
    recordCensusEnd: async (lease, folderId, pass, status) =>
      recordCensusEnd(db, lease, parseFolderId(folderId), pass, status),
    nextUnfinished: async (folderId, limit) => nextUnfinished(db, parseFolderId(folderId), limit),
    listIntended: async (folderId) => listIntended(db, parseFolderId(folderId)),
    recordIntents: async (lease, folderId, intents) => recordIntents(db, lease, parseFolderId(folderId), intents),
    recordOutcomes: async (lease, folderId, pass, outcomes) =>
      recordOutcomes(db, lease, parseFolderId(folderId), pass, outcomes),
    recordAdoption: async (lease, folderId, _pass, message) =>
      recordAdoption(db, lease, parseFolderId(folderId), message),
    listDelivered: (mailboxId, targetPath, fromUid) => listDelivered(db, mailboxId, targetPath, fromUid),
    tallyFolders: (mailboxId) => tallyFolders(db, mailboxId),
    recordVerification: (lease, pass, findings) => recordVerification(db, lease, pass, findings),
    listExceptions: (mailboxId) => listExceptions(db, mailboxId),
  };
}
