import type { MigrationView } from './migration-view.ts';
import { STEP_IDS, STEPS, type StepState } from './steps.ts';

const MARKS: Readonly<Record<StepState['status'], string>> = {
  ahead: '·',
  doing: '▶',
  waiting: '…',
  done: '✓',
  'not-needed': '–',
};

/** A migration on one page of Markdown, for the Temporal UI. Under 20,000 bytes, the server's limit for details. */
export function renderStatusPage(client: string, view: MigrationView): string {
  const lines = [`## ${inert(client)}`, '', `**${inert(view.headline)}**`, ''];
  if (view.pass) {
    lines.push(
      `Pass ${view.pass.kind} ${view.pass.number}: ${view.pass.done} of ${view.pass.total} mailboxes done, ${view.pass.held} held.`,
      '',
    );
  }
  if (view.cutoverAt) lines.push(`Cutover: ${view.cutoverAt}`, '');
  lines.push('| | step | state |', '|---|---|---|');
  for (const id of STEP_IDS) {
    const { status, waitingFor, note } = view.steps[id];
    const whom = status === 'waiting' && waitingFor.length > 0 ? `waiting for ${waitingFor.join(' and ')}: ` : '';
    lines.push(`| ${MARKS[status]} | ${id} ${STEPS[id].title} | ${whom}${inert(note)} |`);
  }
  return lines.join('\n');
}

/** Notes hold server texts: they must not become tables, links or HTML in the page, nor fill it. */
function inert(text: string): string {
  return shorten(text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>|]/g, '\\$&'));
}

/** Nineteen notes, a headline and a name of so many bytes leave a third of the page for the rest. */
const LONGEST_BYTES = 600;

/** Cut between characters: half of a surrogate pair is no text. */
function shorten(text: string): string {
  const utf8 = new TextEncoder(); // there is no Buffer in the workflow sandbox
  if (utf8.encode(text).length <= LONGEST_BYTES) return text;
  let kept = '';
  let bytes = 0;
  for (const character of text) {
    bytes += utf8.encode(character).length;
    if (bytes > LONGEST_BYTES) break;
    kept += character;
  }
  return `${kept}…`;
}
