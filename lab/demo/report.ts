import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { EMPTY_TALLY, type Tally } from '../../domain/mail.ts';
import { ROUTES as WAYS_IN } from '../../domain/routes.ts';
import { STEP_IDS, type StepId } from '../../domain/steps.ts';

const count = z.int().nonnegative();

const Counts = z.strictObject({
  source: count,
  copied: count,
  repaired: count,
  wrapped: count,
  alreadyThere: count,
  vanished: count,
  excluded: count,
  refused: count,
  lost: count,
  doubled: count,
} satisfies Record<keyof Tally, typeof count>);

const OracleCounts = z.strictObject({ lost: count, doubled: count, misfiled: count, rewritten: count });

export const ROUTES = ['old-mx', 'new-mx-redirected', 'new-mx-direct', 'old-mx-by-heart'] as const;

const Arrivals = z.strictObject({ sent: count, exactlyOnce: count, missing: count, more: count });

const StepReport = z.strictObject({
  status: z.enum(['ahead', 'doing', 'waiting', 'done', 'not-needed']),
  waitingFor: z.array(z.enum(['client', 'provider', 'users', 'service'])),
  note: z.string(),
  evidenceId: z.string().nullable(),
  changedAt: z.iso.datetime().nullable(),
});

/** `report.json` of the demo; docs/demo.md tells each field. */
export const DemoReport = z.strictObject({
  ok: z.boolean(),
  seed: z.string(),
  migrationId: z.string(),
  seconds: z.number().nonnegative(),
  source: z.enum(['Dovecot', 'embedded IMAP server']),
  total: Counts,
  mailboxes: z.array(
    z.strictObject({ address: z.string(), ...Counts.shape, verified: z.boolean(), oracle: OracleCounts }),
  ),
  oracle: OracleCounts,
  route: z.enum(WAYS_IN).nullable(),
  sentDuringMove: z.strictObject({
    ...Arrivals.shape,
    routes: z.array(z.strictObject({ route: z.enum(ROUTES), ...Arrivals.shape })),
  }),
  stragglers: z.strictObject({ sent: count, found: count, sweeps: count }),
  sentByTenant: count,
  workerKills: z.array(z.string()),
  steps: z.strictObject(
    Object.fromEntries(STEP_IDS.map((id) => [id, StepReport])) as Record<StepId, typeof StepReport>, // keys are all the ids
  ),
});

export type DemoReport = z.output<typeof DemoReport>;
export type OracleCounts = z.output<typeof OracleCounts>;
export type Route = (typeof ROUTES)[number];

const TALLY_KEYS = Object.keys(EMPTY_TALLY) as (keyof Tally)[]; // a literal's own keys

/** @returns what is wrong, one sentence each; nothing when all is well. */
export function findFaults(report: Omit<DemoReport, 'ok'>): string[] {
  const { oracle, total, sentDuringMove, mailboxes, stragglers } = report;
  const faults: string[] = [];
  const none = (number: number, what: string) => {
    if (number !== 0) faults.push(`${number} ${what}`);
  };
  none(total.lost, 'messages lost, says the service');
  none(total.doubled, 'messages doubled, says the service');
  none(oracle.lost, 'messages lost, says the independent reader');
  none(oracle.doubled, 'messages doubled, says the independent reader');
  none(oracle.misfiled, 'messages in a wrong folder, says the independent reader');
  none(sentDuringMove.missing, 'messages that were sent during the move are missing');
  none(sentDuringMove.more, 'messages that were sent during the move are there more than once');
  none(report.sentByTenant, 'messages that the hosted side wrote to somebody by itself');
  if (sentDuringMove.exactlyOnce !== sentDuringMove.sent)
    faults.push(`${sentDuringMove.exactlyOnce} of ${sentDuringMove.sent} messages sent are there exactly once`);
  if (stragglers.found < stragglers.sent)
    faults.push(`the sweeps found ${stragglers.found} of ${stragglers.sent} stragglers`);
  for (const mailbox of mailboxes) {
    if (!mailbox.verified) faults.push(`${mailbox.address} is not verified`);
    // By IMAP all bytes come back but those of messages that are told as changed.
    const told = mailbox.repaired + mailbox.wrapped;
    const byBytes = report.route === null || report.route === 'imap';
    if (byBytes && mailbox.oracle.rewritten > told)
      faults.push(
        `${mailbox.address}: ${mailbox.oracle.rewritten} messages have other bytes, and ${told} are told as changed`,
      );
    if (endedOf(mailbox) !== mailbox.source)
      faults.push(`${mailbox.address}: ${mailbox.source} messages at the source, ${endedOf(mailbox)} accounted for`);
  }
  for (const key of TALLY_KEYS) {
    const sum = mailboxes.reduce((so, mailbox) => so + mailbox[key], 0);
    if (sum !== total[key]) faults.push(`${key}: ${total[key]} in total, ${sum} in the mailboxes`);
  }
  const undone = STEP_IDS.filter((id) => !['done', 'not-needed'].includes(report.steps[id].status));
  if (undone.length > 0) faults.push(`not done: ${undone.join(', ')}`);
  return faults;
}

export function isOk(report: Omit<DemoReport, 'ok'>): boolean {
  return findFaults(report).length === 0;
}

/** Messages of the source that are in a terminal state. */
function endedOf({ copied, repaired, wrapped, alreadyThere, vanished, excluded, refused }: Tally): number {
  return copied + repaired + wrapped + alreadyThere + vanished + excluded + refused;
}

/** @returns the two files' paths. */
export async function writeReports(
  folder: string,
  report: DemoReport,
  page: string,
): Promise<{ json: string; html: string }> {
  const json = join(folder, 'report.json');
  const html = join(folder, 'report.html');
  await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(html, page);
  return { json, html };
}
