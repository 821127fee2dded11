import type { z } from 'zod';
import { addTallies, EMPTY_TALLY, type Tally } from '../domain/mail.ts';
import type { StoredMigration } from '../domain/ports/store.ts';
import { STEP_IDS, STEPS } from '../domain/steps.ts';
import type { ServerDeps } from './deps.ts';
import { collect } from './paging.ts';
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
  return `\uFEFF${[header, ...rows].map((row) => row.map(csvCell).join(',')).join('\r\n')}\r\n`;
}

/** A cell that begins like a formula gets a leading quote: names come from strangers (OWASP, CSV injection). */
export function csvCell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const inert = /^[=+\-@\t\r\0]/.test(value) ? `'${value}` : value;
  return /[",\r\n;]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

/** One page that needs nothing else, to keep or to print. No script, so nothing in it can run. */
export function renderHtml(report: Report): string {
  const { migration, total } = report;
  const { view } = migration;
  const steps = STEP_IDS.map((id) => [id, STEPS[id].title, view.steps[id].status, view.steps[id].note]);
  const mailboxes = report.mailboxes.map((one) => [
    one.address,
    one.heldCode === null ? one.status : `${one.status}: ${one.heldCode}`,
    ...TALLY_COLUMNS.map((column) => one.tally[column]),
  ]);
  const sum = ['total', '', ...TALLY_COLUMNS.map((column) => total[column])];
  const gates = report.gates.map((one) => [
    one.gate,
    one.revision,
    one.state,
    one.digest.slice(0, 12),
    one.decisions.map((decision) => `${decision.party} ${decision.verdict} ${decision.decidedAt}`).join('; '),
  ]);
  const exceptions = report.exceptions.map((one) => [
    one.address,
    one.sourcePath.join(' / '),
    one.uid,
    one.state,
    one.code ?? '',
    one.detail ?? '',
  ]);
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(`Migration of ${migration.client.name}`)}</title>
<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1c2430}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}div{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d8dee6;vertical-align:top}td.n{text-align:right;
font-variant-numeric:tabular-nums}tfoot td{font-weight:600}</style>
<h1>${escapeHtml(`Migration of ${migration.client.name}`)}</h1>
<p>${escapeHtml(`${view.headline} (${view.status}, ${migration.id}, as of ${report.generatedAt})`)}</p>
<h2>Mailboxes</h2>${table(['mailbox', 'status', ...TALLY_COLUMNS.map(wordsOf)], mailboxes, sum)}
<h2>Steps</h2>${table(['step', 'title', 'status', 'note'], steps)}
<h2>Gates</h2>${table(['gate', 'revision', 'state', 'digest', 'decisions'], gates)}
<h2>Messages without a copy at the target</h2>${table(['mailbox', 'folder', 'UID', 'state', 'code', 'why'], exceptions)}
</html>
`;
}

function table(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  sum?: readonly (string | number)[],
): string {
  if (rows.length === 0) return '<p>None.</p>';
  const cells = (row: readonly (string | number)[]): string =>
    `<tr>${row.map((cell) => (typeof cell === 'number' ? `<td class="n">${cell}</td>` : `<td>${escapeHtml(cell)}</td>`)).join('')}</tr>`;
  const head = `<tr>${header.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`).join('')}</tr>`;
  const foot = sum === undefined ? '' : `<tfoot>${cells(sum)}</tfoot>`;
  return `<div><table><thead>${head}</thead><tbody>${rows.map(cells).join('\n')}</tbody>${foot}</table></div>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
