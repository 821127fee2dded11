import type { Command } from 'commander';
import { type Context, freshKey, keyOf, path, type Report } from '../context.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { renderTable } from '../output.ts';
import { order } from './migration.ts';

export function reportCommands(program: Command, context: Context): void {
  program
    .command('report <migration>')
    .description(
      'what became of every mailbox; exit code 7 when messages were refused, 8 when some are lost or doubled',
    )
    .option('--csv', 'as CSV')
    .option('--html', 'as one HTML page')
    .action(async (id: string, { csv, html }: { csv?: boolean; html?: boolean }) => {
      const api = context.api();
      const url = path`/v1/migrations/${id}/report`;
      if (csv || html) return context.io.out(await api.text(`${url}?format=${csv ? 'csv' : 'html'}`));
      const report = await api.call<Report>('GET', url);
      context.show(report, () => render(context, report));
      const { refused, lost, doubled } = report.total;
      if (lost + doubled > 0) context.end(EXIT.notPassed);
      else if (refused > 0) context.end(EXIT.skipped);
    });

  const issue = program.command('issue').description('what users report');
  issue
    .command('report <migration> <text>')
    .description('report an issue; missing mail holds the gate `data` until it is settled')
    .option('--kind <kind>', 'missing-mail, access, client-set-up or other', 'missing-mail')
    .option('--mailbox <id>', 'the mailbox it is about')
    .action((id: string, text: string, { kind, mailbox }: { kind: string; mailbox?: string }) =>
      order(
        context,
        'POST',
        path`/v1/migrations/${id}/issues`,
        { kind, text, mailboxId: mailbox ?? null },
        keyOf('issue', id, kind, mailbox ?? '', text),
      ),
    );
  issue
    .command('settle <migration> <issue>')
    .description('settle an issue')
    .requiredOption('--outcome <outcome>', 'resolved, or accepted by the client')
    .requiredOption('--note <text>', 'what was done')
    .action((id: string, issueId: string, body: { outcome: string; note: string }) =>
      order(context, 'POST', path`/v1/migrations/${id}/issues/${issueId}/settlement`, body, freshKey()),
    );

  const audit = program.command('audit').description('the record of who did what');
  audit
    .command('verify')
    .description('recompute the hash chain; exit code 8 when it is broken')
    .action(async () => {
      const verdict = await context
        .api()
        .call<{ intact: boolean; firstBreak: string | null }>('GET', '/v1/audit/verification');
      context.show(verdict, ({ intact, firstBreak }) =>
        intact ? 'The audit log is intact.\n' : `The audit log is broken at ${firstBreak}.\n`,
      );
      if (!verdict.intact) throw new CliError(EXIT.notPassed, 'The audit log does not fit its hashes.');
    });
}

function render({ io }: Context, { migration, mailboxes, total, exceptions }: Report): string {
  const columns = [
    'source',
    'copied',
    'repaired',
    'wrapped',
    'alreadyThere',
    'vanished',
    'excluded',
    'refused',
    'lost',
    'doubled',
  ] as const;
  const header = [
    'MAILBOX',
    'STATUS',
    ...columns.map((column) => (column === 'alreadyThere' ? 'THERE' : column.toUpperCase())),
  ];
  const rows = mailboxes.map((one) => [one.address, one.status, ...columns.map((column) => one.tally[column])]);
  const sum = ['total', '', ...columns.map((column) => total[column])];
  const left =
    exceptions.length === 0
      ? ''
      : `\n${exceptions.length} messages have no copy at the target; \`--json\` names them.\n`;
  return `${migration.view.headline}\n\n${renderTable(io, header, [...rows, sum])}${left}`;
}
