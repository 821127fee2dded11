import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { MigrationError } from '../../domain/errors.ts';
import { EMPTY_TALLY } from '../../domain/mail.ts';
import type { MailboxView } from '../../domain/migration-view.ts';
import type { AccessReport } from '../../domain/permissions.ts';
import type { PlannedMailbox } from '../../domain/plan.ts';
import type { Issue, Json, MigrationStore, StoredMailbox, StoredMigration } from '../../domain/ports/store.ts';
import type { StepId } from '../../domain/steps.ts';

interface MailboxRow {
  stored: StoredMailbox;
  view: MailboxView;
}

export function createMemoryMigrations(now: () => number): MigrationStore {
  const migrations = new Map<string, StoredMigration>();
  const mailboxes = new Map<string, MailboxRow>();
  const changes = new Map<string, readonly string[]>();
  const moved = new Map<string, number>();
  const access = new Map<string, AccessReport>();
  const allowed = new Map<string, number | null>();
  const evidence: { migrationId: string; id: string; step: StepId; recordedAt: string; body: Json }[] = [];
  const issues = new Map<string, Issue>();
  const time = (): string => new Date(now()).toISOString();

  const get = (id: string): StoredMigration => migrations.get(id) ?? missing(`There is no migration ${id}.`);
  const row = (id: string): MailboxRow => mailboxes.get(id) ?? missing(`There is no mailbox ${id}.`);
  const rows = (migrationId: string): MailboxRow[] =>
    [...mailboxes.values()].filter((one) => one.stored.migrationId === migrationId);
  const inList = (migrationId: string): MailboxRow[] =>
    rows(migrationId).filter((one) => one.stored.status !== 'dropped');
  const update = (id: string, stored: Partial<StoredMailbox>, view: Partial<MailboxView>): void => {
    const old = row(id);
    mailboxes.set(id, { stored: { ...old.stored, ...stored }, view: { ...old.view, ...view } });
  };
  const add = (migrationId: string, planned: PlannedMailbox): string => {
    const position = rows(migrationId).length;
    const id = `mbx_${migrationId.replace(/^mig_/, '')}_${position}`;
    mailboxes.set(id, {
      stored: { id, migrationId, position, planned, status: 'listed', mapping: {}, passNumber: 0 },
      view: {
        id,
        migrationId,
        address: planned.address,
        displayName: planned.displayName,
        sourceUser: planned.sourceUser,
        targetUser: planned.targetUser,
        status: 'listed',
        heldCode: null,
        heldMessage: null,
        preflight: null,
        routes: null,
        tally: { ...EMPTY_TALLY },
        lastPass: null,
      },
    });
    return id;
  };

  return {
    async createMigration({ id, plan, mailboxes: planned, createdBy }) {
      if (migrations.has(id)) return;
      for (const other of migrations.values()) {
        if (other.view?.status === 'ended' || other.view?.status === 'cancelled') continue;
        const targets = new Set(inList(other.id).map((one) => one.view.targetUser.toLowerCase()));
        const shared = planned.find((one) => targets.has(one.targetUser.toLowerCase()));
        if (shared !== undefined) {
          throw new MigrationError('CONFLICT', 'A target mailbox is part of another migration that has not ended.', {
            facts: { migration: other.id },
          });
        }
      }
      migrations.set(id, { id, plan, createdAt: time(), createdBy, view: null });
      for (const mailbox of planned) add(id, mailbox);
    },
    async getMigration(id) {
      return get(id);
    },
    async *listMigrations() {
      yield* migrations.values();
    },
    async recordView(id, view) {
      migrations.set(id, { ...get(id), view });
    },
    async recordPlan(id, plan) {
      migrations.set(id, { ...get(id), plan });
    },
    async recordAccess(id, report) {
      access.set(get(id).id, report);
    },
    async findAccess(id) {
      return access.get(id) ?? null;
    },
    async getMailbox(id) {
      return row(id).stored;
    },
    async *listMailboxes(migrationId) {
      for (const one of rows(migrationId)) yield one.view;
    },
    async getMailboxView(id) {
      return row(id).view;
    },
    async pageMailboxes(migrationId, afterPosition, limit) {
      return inList(migrationId)
        .map((one) => one.stored)
        .filter((one) => one.position > afterPosition)
        .slice(0, limit);
    },
    async pageDueMailboxes(migrationId, pass, afterPosition, limit) {
      return inList(migrationId)
        .map((one) => one.stored)
        .filter((one) => one.position > afterPosition && one.passNumber < pass.number)
        .slice(0, limit);
    },
    async countMailboxes(migrationId, pass) {
      const all = inList(migrationId).map((one) => one.stored);
      return {
        total: all.length,
        done: all.filter((one) => one.passNumber >= pass.number).length,
        held: all.filter((one) => one.status === 'held').length,
      };
    },
    async recordPreflight(mailboxId, preflight) {
      update(mailboxId, {}, { preflight });
    },
    async recordMailboxStatus(mailboxId, status, held) {
      update(mailboxId, { status }, { status, heldCode: held?.code ?? null, heldMessage: held?.message ?? null });
    },
    async recordRoutes(mailboxId, routes) {
      update(mailboxId, {}, { routes });
    },
    async findRoutes(mailboxId) {
      return row(mailboxId).view.routes;
    },
    async recordAllowedDeletions(mailboxId, count) {
      row(mailboxId);
      allowed.set(mailboxId, count);
    },
    async findAllowedDeletions(mailboxId) {
      return allowed.get(mailboxId) ?? null;
    },
    async recordPassEnd(pass, ended) {
      for (const one of ended) {
        const { migrationId } = row(one.mailboxId).stored;
        update(
          one.mailboxId,
          { passNumber: pass.number },
          { lastPass: { kind: pass.kind, number: pass.number, finishedAt: time(), moved: one.moved } },
        );
        moved.set(`${migrationId}/${pass.number}/${one.mailboxId}`, one.moved);
      }
    },
    async countMoved(migrationId, pass) {
      let sum = 0;
      for (const [key, count] of moved) if (key.startsWith(`${migrationId}/${pass.number}/`)) sum += count;
      return sum;
    },
    async addMailboxes(migrationId, changeId, planned) {
      const known = changes.get(changeId);
      if (known !== undefined) return known;
      const there = new Set(inList(migrationId).map((one) => one.view.address.toLowerCase()));
      if (planned.some((one) => there.has(one.address.toLowerCase()))) {
        throw new MigrationError('CONFLICT', 'A mailbox with one of these addresses is in the list already.');
      }
      const ids = planned.map((one) => add(get(migrationId).id, one));
      changes.set(changeId, ids);
      return ids;
    },
    async dropMailboxes(_migrationId, mailboxIds) {
      for (const id of mailboxIds) update(id, { status: 'dropped' }, { status: 'dropped' });
    },
    async recordMapping(mailboxId, mapping) {
      update(mailboxId, { mapping }, {});
    },
    async tallyMailbox(mailboxId) {
      return { ...row(mailboxId).view.tally };
    },
    async tallyMigration() {
      return { ...EMPTY_TALLY };
    },
    async recordEvidence(migrationId, step, body) {
      const id = `evi_${createHash('sha256')
        .update(`${migrationId}/${step}/${canonicalize(body)}`)
        .digest('hex')
        .slice(0, 24)}`;
      if (!evidence.some((one) => one.id === id)) evidence.push({ migrationId, id, step, recordedAt: time(), body });
      return id;
    },
    async *listEvidence(migrationId) {
      for (const one of evidence) if (one.migrationId === migrationId) yield one;
    },
    async findEvidence(migrationId, step) {
      return evidence.findLast((one) => one.migrationId === migrationId && one.step === step) ?? null;
    },
    async recordIssue(issue) {
      if (!issues.has(issue.id)) issues.set(issue.id, { ...issue, reportedAt: time(), outcome: null, note: null });
    },
    async settleIssue(id, outcome, note) {
      const issue = issues.get(id) ?? missing(`There is no issue ${id}.`);
      issues.set(id, { ...issue, outcome, note });
    },
    async *listIssues(migrationId) {
      for (const issue of issues.values()) if (issue.migrationId === migrationId) yield issue;
    },
  };
}

function missing(message: string): never {
  throw new MigrationError('NOT_FOUND', message);
}
