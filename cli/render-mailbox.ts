import { ERRORS, isErrorCode } from '../domain/errors.ts';
import type { Mailbox } from './context.ts';
import { type Cell, type Io, printable, renderTable } from './output.ts';

/** One mailbox for a person: how it stands, and what the probe found of each way into it. */
export function renderMailbox(io: Io, mailbox: Mailbox): string {
  const { address, displayName, status, heldCode, heldMessage, lastPass, tally } = mailbox;
  const lines = [`${address} (${displayName}): ${status}`];
  if (heldCode !== null) {
    lines.push(`${heldCode} ${heldMessage ?? ''}`.trim());
    if (isErrorCode(heldCode)) lines.push(ERRORS[heldCode].remedy);
  }
  if (lastPass !== null) {
    const { kind, number, finishedAt, moved } = lastPass;
    lines.push(`last pass: ${kind} (number ${number}) ended ${finishedAt} and moved ${moved}`);
  }
  const delivered = tally.copied + tally.repaired + tally.wrapped;
  lines.push(
    `${tally.source} at the source, ${delivered} copied, ${tally.alreadyThere} there, ${tally.refused} refused`,
  );
  const routes = renderRoutes(io, mailbox.routes);
  return `${lines.map(printable).join('\n')}\n${routes && '\n'}${routes}`;
}

/** Empty of a mailbox that no probe has looked at. */
export function renderRoutes(io: Io, routes: Mailbox['routes']): string {
  if (routes === null) return '';
  const rows = routes.verdicts.map(({ route, usable, fidelity, tried, findings }): Cell[] => [
    route === routes.chosen ? `${route} *` : route,
    usable ? 'usable' : tried === false ? 'not tried' : 'not usable',
    fidelity ?? '',
    findings.join('; '),
  ]);
  const by = routes.chosen === null ? 'No route is usable.' : '* mail goes by this one.';
  const doubt = routes.doubt === null ? '' : ` In doubt since: ${printable(routes.doubt)}`;
  const table = renderTable(io, ['ROUTE', 'VERDICT', 'KEEPS', 'FOUND'], rows);
  return `${table}${by} Probed ${routes.probedAt}.${doubt}\n`;
}
