import type { z } from 'zod';
import { addTallies, EMPTY_TALLY, type Tally } from '../domain/mail.ts';
import type { StoredMigration } from '../domain/ports/store.ts';
import { csvLine } from './csv.ts';
import type { ServerDeps } from './deps.ts';
import { collect } from './paging.ts';
import { wordsOf } from './report-page.ts';
import { shown } from './routes/migrations.ts';
import type { Report as ReportSchema } from './schemas.ts';

export type Report = z.output<typeof ReportSchema>;

type Deps = Pick<ServerDeps, 'migrations' | 'approvals' | 'ledger' | 'clock'>;

/** Puts a migration's report together: the same numbers feed JSON, CSV and HTML. Dropped mailboxes are listed but not summed. */
export async function buildReport(
  { migrations, approvals, ledger, clock }: Deps,
  migration: StoredMigration,
): Promise<Report> {
  const mailboxes = await collect(migrations.listMailboxes(migration.id));
  const exceptions: Report['exceptions'][number][] = [];
  let total: Tally = { ...EMPTY_TALLY };
  for (const mailbox of mailboxes) {
    if (mailbox.status === 'dropped') continue;
    total = addTallies(total, mailbox.tally);
    for await (const exception of ledger.listExceptions(mailbox.id)) {
      exceptions.push({ mailboxId: mailbox.id, address: mailbox.address, ...exception });
    }
  }
  return {
    migration: shown(migration),
    generatedAt: new Date(clock.now()).toISOString(),
    total,
    mailboxes,
    exceptions,
    gates: await collect(approvals.listGates(migration.id)),
    evidence: await collect(migrations.listEvidence(migration.id)),
    issues: await collect(migrations.listIssues(migration.id)),
  };
}

const TALLY_COLUMNS = Object.keys(EMPTY_TALLY) as (keyof Tally)[]; // a literal's own keys

/** One line a mailbox, RFC 4180, with a byte order mark so that spreadsheets read it as UTF-8. */
export function renderCsv(report: Report): string {
  const header = ['address', 'display name', 'status', 'held', ...TALLY_COLUMNS.map(wordsOf), 'last pass', 'preflight'];
  const rows = report.mailboxes.map((one) => [
    one.address,
    one.displayName,
    one.status,
    one.heldCode ?? '',
    ...TALLY_COLUMNS.map((column) => one.tally[column]),
    one.lastPass === null ? '' : `${one.lastPass.kind} ${one.lastPass.number}`,
    one.preflight === null ? '' : one.preflight.ok ? 'ok' : (one.preflight.code ?? 'failed'),
  ]);
  return `\uFEFF${[header, ...rows].map(csvLine).join('')}`;
}
