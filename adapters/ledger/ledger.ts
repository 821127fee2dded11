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

/** The ledger on PostgreSQL. Every `record…` is one statement, fenced and durable when its promise resolves. */
export function createPostgresLedger(db: Db): Ledger {
  return {
    takeLease: (mailboxId, holder) => takeLease(db, mailboxId, holder),
    recordFolder: (lease, folder) => recordFolder(db, lease, folder),
    listFolders: (mailboxId) => listFolders(db, mailboxId),
    recordFolderFault: (lease, folderId, fault) => recordFolderFault(db, lease, folderId, fault),
    recordCensus: (lease, folderId, uidValidity, pass, entries) =>
      recordCensus(db, lease, folderId, uidValidity, pass, entries),
    recordCensusEnd: (lease, folderId, pass, status) => recordCensusEnd(db, lease, folderId, pass, status),
    nextUnfinished: (folderId, limit) => nextUnfinished(db, folderId, limit),
    listIntended: (folderId) => listIntended(db, folderId),
    recordIntents: (lease, folderId, intents) => recordIntents(db, lease, folderId, intents),
    recordOutcomes: (lease, folderId, pass, outcomes) => recordOutcomes(db, lease, folderId, pass, outcomes),
    recordAdoption: (lease, folderId, _pass, message) => recordAdoption(db, lease, folderId, message),
    listDelivered: (mailboxId, targetPath, fromUid) => listDelivered(db, mailboxId, targetPath, fromUid),
    tallyFolders: (mailboxId) => tallyFolders(db, mailboxId),
    recordVerification: (lease, pass, findings) => recordVerification(db, lease, pass, findings),
    listExceptions: (mailboxId) => listExceptions(db, mailboxId),
  };
}
