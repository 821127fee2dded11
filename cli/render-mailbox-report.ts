import type { MailboxReport } from './context.ts';
import { type Cell, type Io, printable, renderTable } from './output.ts';
import { renderRoutes } from './render-mailbox.ts';

/** Lines of a list; a mailbox may have a hundred thousand, and a screen has not. */
const SHOWN = 50;

/** State first, then where the trouble is, then each message, then what to do about each code once. */
export function renderMailboxReport(io: Io, report: MailboxReport): string {
  const { mailbox, remedy, folders, verification, exceptions, deviations, notes } = report;
  const held =
    mailbox.heldCode === null
      ? []
      : [`${mailbox.heldCode}: ${mailbox.heldMessage ?? ''}`, `What to do: ${remedy ?? ''}`];
  const faults = folders.flatMap(({ sourcePath, fault }) =>
    fault === null
      ? []
      : [`Folder "${sourcePath.join('/')}" could not be copied: ${fault.message} (${fault.code}) ${fault.remedy}`],
  );
  const sections = [
    [`${mailbox.address} (${mailbox.id}) is ${mailbox.status}.`, ...held, ...faults]
      .map((line) => `${printable(line)}\n`)
      .join(''),
    renderRoutes(io, mailbox.routes),
    folderTable(io, report),
    verificationTable(io, verification),
    exceptionTable(io, exceptions),
    deviationTable(io, deviations),
    noteTable(io, notes),
    remedies([...exceptions, ...deviations]),
  ];
  return sections.filter((section) => section !== '').join('\n');
}

function folderTable(io: Io, { folders }: MailboxReport): string {
  const states = ['copied', 'repaired', 'wrapped', 'alreadyThere', 'vanished', 'excluded', 'refused'] as const;
  const header = [
    'FOLDER',
    'SOURCE',
    ...states.map((state) => (state === 'alreadyThere' ? 'THERE' : state.toUpperCase())),
    'OPEN',
  ];
  const rows = folders.map(({ sourcePath, exists, tally, unfinished }): Cell[] => [
    sourcePath.join('/'),
    exists,
    ...states.map((state) => tally[state]),
    unfinished,
  ]);
  return renderTable(io, header, rows);
}

function verificationTable(io: Io, verification: MailboxReport['verification']): string {
  if (verification.length === 0) return 'The target was not re-read yet.\n';
  const columns = ['lost', 'doubled', 'misfiled', 'changed', 'altered', 'datesMoved', 'flagsLost', 'seen'] as const;
  const names = ['LOST', 'DOUBLED', 'MISFILED', 'CHANGED', 'ALTERED', 'DATES', 'FLAGS', 'READ'];
  const rows = verification.map(({ targetPath, ...numbers }): Cell[] => [
    targetPath.join('/'),
    ...columns.map((column) => numbers[column]),
  ]);
  return renderTable(io, ['FOLDER AT THE TARGET', ...names], rows);
}

function exceptionTable(io: Io, exceptions: MailboxReport['exceptions']): string {
  if (exceptions.length === 0) return '';
  const header = ['NO COPY OF', 'UID', 'UIDVALIDITY', 'RECEIVED', 'BYTES', 'STATE', 'CODE', 'WHY'];
  const rows = exceptions.slice(0, SHOWN).map(({ sourcePath, uid, uidValidity, internalDate, ...rest }): Cell[] => {
    const { sizeBytes, state, code, detail } = rest;
    return [sourcePath.join('/'), uid, uidValidity, internalDate ?? '', sizeBytes, state, code ?? '', detail ?? ''];
  });
  return renderTable(io, header, rows) + more(exceptions.length);
}

function deviationTable(io: Io, deviations: MailboxReport['deviations']): string {
  if (deviations.length === 0) return '';
  const header = [
    'NOT AS IT SHOULD BE',
    'UID',
    'SOURCE',
    'UID THERE',
    'UIDVALIDITY',
    'RECEIVED',
    'BYTES',
    'CODE',
    'WHAT',
  ];
  const rows = deviations
    .slice(0, SHOWN)
    .map(({ targetPath, targetUid, sourcePath, uid, uidValidity, ...rest }): Cell[] => {
      const place = [targetPath.join('/'), targetUid ?? '', sourcePath?.join('/') ?? '', uid ?? '', uidValidity ?? ''];
      return [...place, rest.receivedAt ?? '', rest.sizeBytes, rest.code, rest.detail];
    });
  return renderTable(io, header, rows) + more(deviations.length);
}

function noteTable(io: Io, notes: MailboxReport['notes']): string {
  if (notes.length === 0) return '';
  const rows = notes.slice(0, SHOWN).map(({ sourcePath, uid, uidValidity, state, detail }): Cell[] => {
    return [sourcePath.join('/'), uid, uidValidity, state, detail ?? ''];
  });
  return renderTable(io, ['COPIED, AND TO BE KNOWN', 'UID', 'UIDVALIDITY', 'STATE', 'WHAT'], rows) + more(notes.length);
}

function more(count: number): string {
  return count > SHOWN ? `… and ${count - SHOWN} more; \`--csv\` and \`--json\` have them all.\n` : '';
}

function remedies(
  entries: readonly { readonly code: string | null; readonly remedy: string; readonly state?: string }[],
): string {
  const lines = new Set(entries.map(({ code, state, remedy }) => `${code ?? state ?? ''}: ${remedy}`));
  return lines.size === 0 ? '' : `What to do\n${[...lines].map((line) => `  ${printable(line)}\n`).join('')}`;
}
