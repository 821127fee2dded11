import { parseArgs } from 'node:util';
import { ROUTES, type Route } from '../../domain/routes.ts';

export interface DemoOptions {
  readonly mailboxes: number;
  /** All mailboxes together, before mail that is sent during the move. */
  readonly messages: number;
  readonly seed: string;
  /** Stop at each gate and let the person at the screen decide. */
  readonly handsOn: boolean;
  /** kill -9 of the worker process in mid-transfer, once a pass. */
  readonly killWorker: boolean;
  /** The one way into the hosted mailboxes; null leaves the choice to the probe. */
  readonly route: Route | null;
}

export const USAGE = `Usage: npm run demo -- [options]

Moves the mail of a small example organisation from its old server to a hosted one, through every step from A1 to D1.

  --mailboxes N    mailboxes of the organisation (6)
  --messages N     messages in all of them together (360)
  --seed TEXT      makes other mail; the same text makes the same mail (mailferry)
  --hands-on       stop at each gate and say how to approve
  --kill-worker    kill -9 the worker process in mid-transfer, once a pass
  --route NAME     imap, ews, graph-json or import-mime; without it the probe chooses
`;

/** @returns the options, or what is wrong with them. */
export function readOptions(
  args: readonly string[],
): DemoOptions | { readonly problem: string } | { readonly help: true } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        mailboxes: { type: 'string', default: '6' },
        messages: { type: 'string', default: '360' },
        seed: { type: 'string', default: 'mailferry' },
        'hands-on': { type: 'boolean', default: false },
        'kill-worker': { type: 'boolean', default: false },
        route: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return { help: true };
    const mailboxes = readCount('--mailboxes', values.mailboxes, 1, 200);
    const messages = readCount('--messages', values.messages, mailboxes, 100_000);
    const route = values.route === undefined ? null : readRoute(values.route);
    const { seed, 'hands-on': handsOn, 'kill-worker': killWorker } = values;
    return { mailboxes, messages, seed, handsOn, killWorker, route };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function readCount(name: string, text: string, least: number, most: number): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < least || count > most) {
    throw new RangeError(`${name} is a whole number from ${least} to ${most}, not '${text}'`);
  }
  return count;
}

function readRoute(text: string): Route {
  const found = ROUTES.find((route) => route === text);
  if (found === undefined) throw new RangeError(`--route is one of ${ROUTES.join(', ')}, not '${text}'`);
  return found;
}
