import { describeEvidence } from '../domain/evidence-words.ts';
import { localTime, withLocalTimes } from '../domain/local-time.ts';
import { EMPTY_TALLY, type Tally } from '../domain/mail.ts';
import { isStepId, STEP_IDS, STEPS } from '../domain/steps.ts';
import type { Report } from './report.ts';
import { REPORT_STYLE } from './report-style.ts';

const TALLY_COLUMNS = Object.keys(EMPTY_TALLY) as (keyof Tally)[]; // a literal's own keys

const STATUS_WORDS = {
  ahead: 'ahead',
  doing: 'under way',
  waiting: 'waiting',
  done: 'done',
  'not-needed': 'not needed',
} as const;

/**
 * One page that needs nothing else, to keep or to print. No script, so nothing in it can run.
 *
 * @param timeZone of the client; all times are told in it.
 */
export function renderHtml(report: Report, timeZone: string): string {
  const { migration, total } = report;
  const { view } = migration;
  const title = escapeHtml(`Migration of ${migration.client.name}`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${REPORT_STYLE}</style></head>
<body><main>
<header><h1>${title}</h1>
<p class="lead">${escapeHtml(withLocalTimes(view.headline, timeZone))}</p>
<p class="quiet">${escapeHtml(`${migration.client.domains.join(', ')} · ${migration.id} · as of ${localTime(report.generatedAt, timeZone)}`)}</p></header>
${tiles(total, report.mailboxes.filter(({ status }) => status !== 'dropped').length)}
<h2>Mailboxes</h2>${mailboxTable(report)}
<h2>Steps</h2>${stepTable(report, timeZone)}
<h2>Gates</h2>${gateTable(report, timeZone)}
<h2>Messages without a copy at the target</h2>${exceptionTable(report)}
<h2>Reported issues</h2>${issueTable(report)}
</main></body></html>
`;
}

function tiles(total: Tally, mailboxes: number): string {
  const mood = (value: number) => (value === 0 ? 'good' : 'bad');
  const shown = [
    ['mailboxes', mailboxes, ''],
    ['messages at the source', total.source, ''],
    ['refused', total.refused, mood(total.refused)],
    ['lost', total.lost, mood(total.lost)],
    ['doubled', total.doubled, mood(total.doubled)],
  ] as const;
  const items = shown.map(
    ([name, value, kind]) => `<div class="${kind}"><dt>${name}</dt><dd>${value.toLocaleString('en-GB')}</dd></div>`,
  );
  return `<dl class="tiles">${items.join('')}</dl>`;
}

function mailboxTable({ mailboxes, total }: Report): string {
  return reportTable(
    ['mailbox', 'status', ...TALLY_COLUMNS.map(wordsOf)],
    mailboxes.map((one) => [
      one.address,
      one.heldCode === null ? one.status : `${one.status}: ${one.heldCode}`,
      ...TALLY_COLUMNS.map((column) => one.tally[column]),
    ]),
    ['all', '', ...TALLY_COLUMNS.map((column) => total[column])],
  );
}

function stepTable({ migration, evidence }: Report, timeZone: string): string {
  return reportTable(
    ['step', 'title', 'state', 'what was found'],
    STEP_IDS.map((id) => {
      const { status, note, waitingFor, evidenceId } = migration.view.steps[id];
      const stored = evidence.find((each) => each.id === evidenceId);
      const proof = stored && isStepId(stored.step) ? describeEvidence(stored.step, stored.body) : '';
      const whom = status === 'waiting' && waitingFor.length > 0 ? ` for ${waitingFor.join(' and ')}` : '';
      const said = note.includes(proof) ? note : `${note}\n${proof}`;
      return [id, STEPS[id].title, `${STATUS_WORDS[status]}${whom}`, withLocalTimes(said, timeZone)];
    }),
  );
}

function gateTable({ gates }: Report, timeZone: string): string {
  return reportTable(
    ['gate', 'revision', 'state', 'evidence', 'decisions'],
    gates.map(({ gate, revision, state, digest, decisions }) => [
      gate,
      revision,
      state,
      digest.slice(0, 12),
      decisions
        .map(({ party, verdict, decidedAt }) => `${party}: ${verdict}, ${localTime(decidedAt, timeZone)}`)
        .join('\n'),
    ]),
  );
}

function exceptionTable({ exceptions }: Report): string {
  return reportTable(
    ['mailbox', 'folder', 'UID', 'state', 'code', 'why'],
    exceptions.map((one) => [
      one.address,
      one.sourcePath.join(' / '),
      one.uid,
      one.state,
      one.code ?? '',
      one.detail ?? '',
    ]),
  );
}

function issueTable({ issues }: Report): string {
  return reportTable(
    ['kind', 'what was reported', 'outcome', 'note'],
    issues.map(({ kind, text, outcome, note }) => [kind, text, outcome ?? 'open', note ?? '']),
  );
}

type Row = readonly (string | number)[];

/** A table that scrolls by itself where the page is too narrow; columns of numbers stand to the right. `None.` without rows. */
export function reportTable(header: readonly string[], rows: readonly Row[], sum?: Row): string {
  if (rows.length === 0) return '<p class="quiet">None.</p>';
  const isNumber = header.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const className = (column: number) => (isNumber[column] ? ' class="n"' : '');
  // On a narrow screen the rows of a table of words become cards; a table of numbers scrolls under its first column.
  const kind = isNumber.filter(Boolean).length > 1 ? 'wide' : 'wide cards';
  const cells = (row: Row): string =>
    `<tr>${row.map((cell, column) => `<td data-label="${escapeHtml(header[column] ?? '')}"${typeof cell === 'number' ? numberClass(cell, header[column] ?? '') : ''}>${escapeHtml(String(cell))}</td>`).join('')}</tr>`;
  const head = header.map((cell, column) => `<th scope="col"${className(column)}>${escapeHtml(cell)}</th>`).join('');
  const foot = sum === undefined ? '' : `<tfoot>${cells(sum)}</tfoot>`;
  const name = escapeHtml(header.slice(0, 2).join(', '));
  return `<div class="${kind}" tabindex="0" role="region" aria-label="Table of ${name}"><table><thead><tr>${head}</tr></thead><tbody>${rows.map(cells).join('\n')}</tbody>${foot}</table></div>`;
}

/** Zeros step back, so that what is not zero is seen; a loss is red. */
function numberClass(cell: number, column: string): string {
  if (cell === 0) return ' class="n zero"';
  return /^(lost|doubled|missing|refused|more)\b/.test(column) ? ' class="n bad"' : ' class="n"';
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** `alreadyThere` as `already there`. */
export function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
