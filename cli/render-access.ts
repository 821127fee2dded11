import { type AccessReport, isEnough } from '../domain/permissions.ts';
import { type Cell, type Io, printable, renderTable } from './output.ts';

const HAS = { yes: 'has it', no: 'MISSING', unproved: 'shows at the first mailbox', excess: 'has it, unused' } as const;

/** What each application needs and has; below it, once, the command for each that is missing or too much. */
export function renderAccess(io: Io, report: AccessReport): string {
  const rows = report.rows.map(({ namedAs, purpose, right, why, has }): Cell[] => [
    namedAs,
    purpose,
    right,
    HAS[has],
    why,
  ]);
  const table = renderTable(io, ['APPLICATION', 'FOR', 'NEEDS', 'HAS', 'WHY'], rows);
  const lines = [
    ...report.faults.flatMap(({ clientId, message, remedy }) => [`${clientId}: ${message}`, `  ${remedy}`]),
    ...report.settings.flatMap(({ setting, found, why, command }) => [
      `${setting} is ${found}: ${why}.`,
      `  ${command}`,
    ]),
    ...report.rows.flatMap(({ right, has, command }) => {
      if (command === null || has === 'unproved') return [];
      return [has === 'excess' ? `${right} is asked for and not used:` : `${right} is missing:`, `  ${command}`];
    }),
  ];
  const script = isEnough(report) ? '' : 'All at once: mailferry tenant script plan.yaml mailboxes.csv\n';
  return `${table}${lines.map((line) => `${printable(line)}\n`).join('')}${script}`;
}
