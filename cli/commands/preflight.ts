import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { ERRORS, isErrorCode } from '../../domain/errors.ts';
import type { Forecast } from '../../domain/forecast.ts';
import { type AccessReport, isEnough } from '../../domain/permissions.ts';
import { type Context, freshKey, path } from '../context.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { printable, renderTable } from '../output.ts';
import { renderAccess } from '../render-access.ts';
import { createMigration } from './migration.ts';

interface Verdicts {
  readonly running: boolean;
  readonly total: number;
  readonly checked: number;
  readonly ok: number;
  readonly access?: AccessReport | null;
  readonly mailboxes: readonly {
    readonly address: string;
    readonly preflight: {
      readonly ok: boolean;
      readonly code: string | null;
      readonly message: string | null;
      readonly folders: number;
      readonly messages: number;
      readonly bytes: number | null;
      readonly renames?: readonly { readonly from: string; readonly to: string; readonly why: string }[];
      readonly forecast?: Forecast;
    } | null;
  }[];
}

const LOOK_EVERY_MS = 1_000;

export function preflightCommands(program: Command, context: Context): void {
  program
    .command('preflight [plan] [mailboxes]')
    .description('check that every mailbox can be reached and read; exit code 8 when one cannot')
    .option('--migration <id>', 'check the mailboxes of a migration that is there already')
    .action(async (plan: string | undefined, mailboxes: string | undefined, options: { migration?: string }) => {
      if (options.migration !== undefined) return report(context, await check(context, options.migration));
      if (plan === undefined || mailboxes === undefined) {
        throw new CliError(EXIT.usage, 'Name the plan and the mailbox list, or give --migration.');
      }
      // A draft of its own, which is cancelled afterwards: a check leaves nothing that claims the mailboxes.
      const { id } = await createMigration(context, plan, mailboxes, freshKey());
      try {
        report(context, await check(context, id));
      } finally {
        await context.api().call('POST', path`/v1/migrations/${id}/cancel`, { body: { reason: 'was a preflight' } });
      }
    });
}

async function check(context: Context, id: string): Promise<Verdicts> {
  const api = context.api();
  const url = path`/v1/migrations/${id}/preflight`;
  await api.call('POST', url);
  for (;;) {
    const verdicts = await api.call<Verdicts>('GET', url);
    if (context.io.isTerminal && !context.json()) {
      context.io.err(`\r\u001b[K${verdicts.checked} of ${verdicts.total} mailboxes checked`);
    }
    if (!verdicts.running) {
      if (context.io.isTerminal && !context.json()) context.io.err('\r\u001b[K');
      return verdicts;
    }
    try {
      await sleep(LOOK_EVERY_MS, undefined, { signal: context.io.signal });
    } catch (cause) {
      throw new CliError(EXIT.interrupted, 'Stopped waiting.', { cause });
    }
  }
}

function report(context: Context, verdicts: Verdicts): void {
  context.show(verdicts, ({ mailboxes, ok, total, access = null }) => {
    const rows = mailboxes.map(({ address, preflight: one }) => [
      address,
      one === null ? 'not checked' : one.ok ? 'ok' : (one.code ?? 'failed'),
      one?.folders ?? 0,
      one?.messages ?? 0,
      one?.bytes == null ? '-' : toMib(one.bytes),
      one?.forecast === undefined ? '-' : durationWords(one.forecast.seconds),
      one?.message ?? '',
    ]);
    const notes = mailboxes.flatMap(({ address, preflight: one }) => notesOf(one).map((note) => `${address}: ${note}`));
    const told = notes.length === 0 ? '' : `${notes.map(printableLine).join('')}\n`;
    const codes = new Set(mailboxes.flatMap(({ preflight: one }) => (isErrorCode(one?.code) ? [one.code] : [])));
    const remedies = [...codes].map((code) => `${code}: ${ERRORS[code].remedy}\n`).join('');
    const rights = access === null ? '' : `${renderAccess(context.io, access)}\n`;
    return `${rights}${renderTable(context.io, ['ADDRESS', 'VERDICT', 'FOLDERS', 'MESSAGES', 'MIB', 'ABOUT', 'WHY'], rows)}\n${told}${remedies}${remedies && '\n'}${ok} of ${total} mailboxes can be moved.\n`;
  });
  const enough = verdicts.access == null || isEnough(verdicts.access);
  if (verdicts.ok < verdicts.total || !enough) context.end(EXIT.notPassed);
}

type Checked = NonNullable<Verdicts['mailboxes'][number]['preflight']>;

/** Of one mailbox: five hundred mailboxes are to be read by a person. */
const RENAMES_SHOWN = 10;

/** What a person should see before anything moves: what will not fit, what will be renamed, what takes days. */
function notesOf(one: Checked | null): readonly string[] {
  const renames = one?.renames ?? [];
  const notes = renames.slice(0, RENAMES_SHOWN).map(({ from, to, why }) => `"${from}" becomes "${to}": ${why}.`);
  const left = renames.length - notes.length;
  if (left > 0) notes.push(`${left} more folders get other names; --json has them all.`);
  if (one?.forecast === undefined) return notes;
  const { tooLarge, unfit, daily, labels } = one.forecast;
  if (tooLarge.largest.length > 0 && tooLarge.limitBytes !== null) {
    const number = tooLarge.count ?? `at least ${tooLarge.largest.length}`;
    const limit = `${toMib(tooLarge.limitBytes)} MiB${tooLarge.isAssumed ? ', the usual limit' : ''}`;
    const largest = tooLarge.largest.map(({ folder, uid, bytes }) => `"${folder}" UID ${uid} (${toMib(bytes)} MiB)`);
    notes.unshift(`will not fit: ${number} larger than ${limit}; the largest: ${largest.join(', ')}.`);
  }
  notes.unshift(...unfit.map(({ folder, why }) => `will not fit: "${folder}" ${why}.`));
  if (labels && labels.places > labels.messages) {
    const becomes =
      labels.policy === 'every-label'
        ? 'each place gets a copy'
        : 'each message is copied once, into the first of them';
    notes.push(`Gmail shows ${labels.messages} messages in ${labels.places} places: ${becomes}.`);
  }
  if (daily?.days != null && daily.days > 1) {
    notes.push(`takes ${daily.days} days, as the source gives ${Math.round(daily.bytesPerDay / 1e6)} MB a day.`);
  }
  return notes;
}

/** Names of folders come from strangers; the line's own end is ours. */
function printableLine(line: string): string {
  return `${printable(line)}\n`;
}

/** Small ones with a digit, so that 35.2 beside a limit of 35 is no riddle. */
function toMib(bytes: number): number {
  const mib = bytes / 1_048_576;
  return mib < 100 ? Math.round(mib * 10) / 10 : Math.round(mib);
}

function durationWords(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3_600) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
