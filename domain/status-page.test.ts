import { expect, test } from 'vitest';
import type { MigrationView } from './migration-view.ts';
import { renderStatusPage } from './status-page.ts';
import { STEP_IDS, type StepId, type StepState } from './steps.ts';

/** Limit of the server for details, less what encryption adds. */
const DETAILS_BYTES = 20_000 - 200;

function viewWith(note: string, changes: Partial<MigrationView> = {}): MigrationView {
  const state: StepState = {
    status: 'waiting',
    waitingFor: ['client', 'provider'],
    note,
    evidenceId: null,
    changedAt: null,
  };
  return {
    status: 'running',
    phase: 'data-migration',
    step: 'B1',
    waitingFor: ['provider'],
    headline: note,
    steps: Object.fromEntries(STEP_IDS.map((id) => [id, state])) as Record<StepId, StepState>, // every id, once
    openGate: null,
    cutoverAt: '2026-12-01T20:00:00.000Z',
    dnsPath: 'direct',
    pass: { kind: 'delta', number: 2, done: 41, total: 50, held: 3 },
    progress: 82,
    updatedAt: '2026-11-01T00:00:00.000Z',
    ...changes,
  };
}

test('shows every step, whom it waits for, and how far the pass is', () => {
  const page = renderStatusPage('Acme', viewWith('an answer'));
  for (const id of STEP_IDS) expect(page).toContain(` | ${id} `);
  expect(page).toContain('waiting for client and provider: an answer');
  expect(page).toContain('Pass delta 2: 41 of 50 mailboxes done, 3 held.');
  expect(page).toContain('Cutover: 2026-12-01T20:00:00.000Z');
});

test('leaves out a pass and a date that are not there', () => {
  const page = renderStatusPage('Acme', viewWith('', { pass: null, cutoverAt: null }));
  expect(page).not.toMatch(/Pass |Cutover: /);
});

test.each([
  ['<script>alert(1)</script>', '\\<script\\>alert(1)\\</script\\>'],
  ['[click](https://example.test)', '\\[click\\](https://example.test)'],
  ['a | b', 'a \\| b'],
  ['one\r\n| two', 'one \\| two'],
  ['**bold** _it_ `code`', '\\*\\*bold\\*\\* \\_it\\_ \\`code\\`'],
  ['a\\', 'a\\\\'],
])('shows %j as text, in notes, headline and name', (text, shown) => {
  const lines = renderStatusPage(text, viewWith(text)).split('\n');
  expect(lines[0]).toBe(`## ${shown}`);
  expect(lines[2]).toBe(`**${shown}**`);
  expect(lines.at(-1)).toMatch(/ \|$/);
  expect(lines.at(-1)).toContain(`: ${shown} |`);
  expect(lines.filter((line) => line.includes(' waiting for '))).toHaveLength(STEP_IDS.length);
});

test.each([
  ['letters', 'x'],
  ['three bytes a letter', '語'],
  ['four bytes a letter', '📬'],
  ['what has to be escaped', '|'],
])('stays under the limit of the server with long notes of %s', (_, letter) => {
  const long = letter.repeat(5_000);
  const page = renderStatusPage(long, viewWith(long));
  expect(Buffer.byteLength(page)).toBeLessThan(DETAILS_BYTES);
  expect(page).not.toContain(letter.repeat(601));
  expect(page.isWellFormed()).toBe(true);
});
