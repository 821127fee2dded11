import { escapeHtml, reportTable } from '../../api/report-page.ts';
import { type DemoReport, ROUTES } from './report.ts';
import { ROUTE_WORDS } from './show-outcome.ts';

const END = '</main>';

/** The service's own report with what only the demo knows: the independent reader's counts and the mail sent meanwhile. */
export function addDemoSections(page: string, report: DemoReport): string {
  const at = page.lastIndexOf(END);
  if (at < 0) throw new Error(`the service's report has no ${END} any more`);
  return `${page.slice(0, at)}${sections(report)}${page.slice(at)}`;
}

function sections({
  mailboxes,
  oracle,
  sentDuringMove,
  stragglers,
  sentByTenant,
  workerKills,
  seconds,
}: DemoReport): string {
  const { routes, ...all } = sentDuringMove;
  const kills = workerKills.length === 0 ? '' : ` The worker was killed with SIGKILL in ${workerKills.join(', ')}.`;
  return `<h2>Demo: counted by an independent reader</h2>
<p>After the last step, both servers were read again by a program that shares no code with the copier. The whole took ${seconds} s.${escapeHtml(kills)}</p>
${reportTable(
  ['mailbox', 'lost', 'doubled', 'in a wrong folder'],
  mailboxes.map((each) => [each.address, each.oracle.lost, each.oracle.doubled, each.oracle.misfiled]),
  ['all', oracle.lost, oracle.doubled, oracle.misfiled],
)}
<h2>Demo: mail sent during the move</h2>
<p>Somebody outside wrote all the while. Sweeps of the old server found ${stragglers.found} of ${stragglers.sent} stragglers.
The hosted side wrote ${sentByTenant} mails by itself.</p>
${reportTable(
  ['way', 'sent', 'in the target exactly once', 'missing', 'more than once'],
  ROUTES.flatMap((route) => routes.filter((each) => each.route === route)).map((each) => [
    ROUTE_WORDS[each.route],
    each.sent,
    each.exactlyOnce,
    each.missing,
    each.more,
  ]),
  ['all', all.sent, all.exactlyOnce, all.missing, all.more],
)}
`;
}
