import type { MigrationStore } from '../../domain/ports/store.ts';
import type { Db } from './database.ts';
import { findEvidence, listEvidence, recordEvidence } from './store-evidence.ts';
import { listIssues, recordIssue, settleIssue } from './store-issues.ts';
import { addMailboxes, dropMailboxes } from './store-mailbox-list.ts';
import {
  countMailboxes,
  findAllowedDeletions,
  findRoutes,
  getMailbox,
  getMailboxView,
  listMailboxes,
  pageMailboxes,
  recordAllowedDeletions,
  recordMailboxStatus,
  recordMapping,
  recordPreflight,
  recordRoutes,
  tallyMailbox,
  tallyMigration,
} from './store-mailboxes.ts';
import {
  createMigration,
  findAccess,
  getMigration,
  listMigrations,
  recordAccess,
  recordPlan,
  recordView,
} from './store-migrations.ts';
import { countMoved, recordPassEnd } from './store-passes.ts';

/** Plans, mailboxes, evidence, issues and the read model on PostgreSQL. */
export function createMigrationStore(db: Db): MigrationStore {
  return {
    createMigration: (input) => createMigration(db, input),
    getMigration: (id) => getMigration(db, id),
    listMigrations: () => listMigrations(db),
    recordView: (id, view) => recordView(db, id, view),
    recordPlan: (id, plan) => recordPlan(db, id, plan),
    recordAccess: (id, access) => recordAccess(db, id, access),
    findAccess: (id) => findAccess(db, id),
    getMailbox: (id) => getMailbox(db, id),
    listMailboxes: (migrationId) => listMailboxes(db, migrationId),
    getMailboxView: (id) => getMailboxView(db, id),
    pageMailboxes: (migrationId, after, limit) => pageMailboxes(db, migrationId, null, after, limit),
    pageDueMailboxes: (migrationId, pass, after, limit) => pageMailboxes(db, migrationId, pass, after, limit),
    countMailboxes: (migrationId, pass) => countMailboxes(db, migrationId, pass),
    recordPreflight: (mailboxId, verdict) => recordPreflight(db, mailboxId, verdict),
    recordMailboxStatus: (mailboxId, status, held) => recordMailboxStatus(db, mailboxId, status, held),
    recordRoutes: (mailboxId, routes) => recordRoutes(db, mailboxId, routes),
    findRoutes: (mailboxId) => findRoutes(db, mailboxId),
    recordAllowedDeletions: (mailboxId, count) => recordAllowedDeletions(db, mailboxId, count),
    findAllowedDeletions: (mailboxId) => findAllowedDeletions(db, mailboxId),
    recordPassEnd: (pass, ended) => recordPassEnd(db, pass, ended),
    countMoved: (migrationId, pass) => countMoved(db, migrationId, pass),
    addMailboxes: (migrationId, changeId, mailboxes) => addMailboxes(db, migrationId, changeId, mailboxes),
    dropMailboxes: (migrationId, mailboxIds) => dropMailboxes(db, migrationId, mailboxIds),
    recordMapping: (mailboxId, mapping) => recordMapping(db, mailboxId, mapping),
    tallyMailbox: (mailboxId) => tallyMailbox(db, mailboxId),
    tallyMigration: (migrationId) => tallyMigration(db, migrationId),
    recordEvidence: (migrationId, step, body) => recordEvidence(db, migrationId, step, body),
    listEvidence: (migrationId) => listEvidence(db, migrationId),
    findEvidence: (migrationId, step) => findEvidence(db, migrationId, step),
    recordIssue: (issue) => recordIssue(db, issue),
    settleIssue: (id, outcome, note, by) => settleIssue(db, id, outcome, note, by),
    listIssues: (migrationId) => listIssues(db, migrationId),
  };
}
