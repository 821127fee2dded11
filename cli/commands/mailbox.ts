import type { Command } from 'commander';
import { allPages, type Context, type Mailbox, type MailboxReport, path } from '../context.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { renderTable } from '../output.ts';
import { renderMailbox } from '../render-mailbox.ts';
import { renderMailboxReport } from '../render-mailbox-report.ts';
import { order } from './migration.ts';

export function mailboxCommands(program: Command, context: Context): void {
  const mailbox = program.command('mailbox').description('look at mailboxes and map their folders');

  mailbox
    .command('list <migration>')
    .description('mailboxes of a migration with their counts')
    .option('--held', 'only those that wait for a person')
    .action(async (id: string, { held }: { held?: boolean }) => {
      const all = await allPages<Mailbox>(context.api(), path`/v1/migrations/${id}/mailboxes`, 'mailboxes');
      const shown = held ? all.filter((one) => one.status === 'held') : all;
      context.show(shown, () =>
        renderTable(
          context.io,
          ['ID', 'ADDRESS', 'STATUS', 'SOURCE', 'COPIED', 'THERE', 'REFUSED', 'LOST', 'WHY HELD'],
          shown.map(({ id: mailboxId, address, status, tally, heldCode, heldMessage }) => [
            mailboxId,
            address,
            status,
            tally.source,
            tally.copied + tally.repaired + tally.wrapped,
            tally.alreadyThere,
            tally.refused,
            tally.lost,
            heldCode === null ? '' : `${heldCode} ${heldMessage ?? ''}`,
          ]),
        ),
      );
    });

  mailbox
    .command('show <mailbox>')
    .description('one mailbox: its state, and by which route its mail goes into Exchange and why')
    .action(async (id: string) => {
      const one = await context.api().call<Mailbox>('GET', path`/v1/mailboxes/${id}`);
      context.show(one, () => renderMailbox(context.io, one));
    });

  mailbox
    .command('allow-deletions <mailbox>')
    .description('let the next delta delete at most that many copies at the target; 0 keeps them this time')
    .requiredOption('--count <n>', 'the number that DELETIONS_HELD names')
    .action((id: string, { count }: { count: string }) => {
      if (!/^\d{1,8}$/.test(count)) throw new CliError(EXIT.usage, `"${count}" is no number of messages.`);
      return order(context, 'PUT', path`/v1/mailboxes/${id}/allowed-deletions`, { count: Number(count) });
    });

  mailbox
    .command('report <mailbox>')
    .description('which messages are missing or not as they should be, why, and what to do; exit codes as of `report`')
    .option('--csv', 'as CSV')
    .action(async (id: string, { csv }: { csv?: boolean }) => {
      const api = context.api();
      const url = path`/v1/mailboxes/${id}/report`;
      if (csv) return context.io.out(await api.text(`${url}?format=csv`));
      const report = await api.call<MailboxReport>('GET', url);
      context.show(report, () => renderMailboxReport(context.io, report));
      const { refused, lost, doubled } = report.mailbox.tally;
      if (lost + doubled > 0) context.end(EXIT.notPassed);
      else if (refused > 0) context.end(EXIT.skipped);
    });

  mailbox
    .command('map <mailbox> <pairs...>')
    .description('map source folders to other names at the target, as "Old name=New name"; replaces the mapping before')
    .action((id: string, pairs: string[]) => {
      const mapping: Record<string, string> = {};
      for (const pair of pairs) {
        const at = pair.indexOf('=');
        if (at < 1 || at === pair.length - 1) throw new CliError(EXIT.usage, `"${pair}" is not of the form "Old=New".`);
        mapping[pair.slice(0, at)] = pair.slice(at + 1);
      }
      return order(context, 'PUT', path`/v1/mailboxes/${id}/mapping`, { mapping });
    });
}
