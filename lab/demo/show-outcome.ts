import { type DemoReport, ROUTES, type Route } from './report.ts';
import type { Screen } from './screen.ts';

export const ROUTE_WORDS: Readonly<Record<Route, string>> = {
  'old-mx': 'by the old MX, to the old server',
  'new-mx-redirected': 'by the new MX, redirected to the old server',
  'new-mx-direct': 'by the new MX, delivered to the new server',
  'old-mx-by-heart': 'by the old MX after completion (stragglers)',
};

export function showOutcome(report: DemoReport, faults: readonly string[], screen: Screen): void {
  screen.table(
    ['mailbox', 'source', 'copied', 'other', 'verified', 'lost', 'doubled'],
    [
      ...report.mailboxes.map((each) => [
        each.address,
        each.source,
        each.copied,
        otherOf(each),
        each.verified ? 'yes' : 'NO',
        each.oracle.lost,
        each.oracle.doubled,
      ]),
      [
        'all',
        report.total.source,
        report.total.copied,
        otherOf(report.total),
        '',
        report.oracle.lost,
        report.oracle.doubled,
      ],
    ],
  );
  const { routes, ...all } = report.sentDuringMove;
  screen.plain('');
  screen.table(
    ['sent during the move', 'sent', 'once', 'missing', 'more'],
    [
      ...ROUTES.flatMap((route) => routes.filter((each) => each.route === route)).map((each) => [
        ROUTE_WORDS[each.route],
        each.sent,
        each.exactlyOnce,
        each.missing,
        each.more,
      ]),
      ['all', all.sent, all.exactlyOnce, all.missing, all.more],
    ],
  );
  const { stragglers, workerKills } = report;
  screen.plain(`\n  Sweeps of the old server found ${stragglers.found} of ${stragglers.sent} stragglers.`);
  if (report.sentByTenant === 0) screen.plain('  The hosted side sent nothing by itself: no receipt, reply or report.');
  if (workerKills.length > 0)
    screen.plain(`  The worker was killed ${workerKills.length} times in mid-transfer: ${workerKills.join(', ')}.`);
  for (const fault of faults) screen.bad(`  ${fault}`);
  const verdict = `\n  ${report.total.source} messages at the source, ${report.oracle.lost} lost, ${report.oracle.doubled} doubled, in ${report.seconds} s.`;
  if (report.ok) screen.good(verdict);
  else screen.bad(verdict);
}

/** In another terminal state than copied. */
function otherOf(tally: DemoReport['total']): number {
  return tally.repaired + tally.wrapped + tally.alreadyThere + tally.vanished + tally.excluded + tally.refused;
}
