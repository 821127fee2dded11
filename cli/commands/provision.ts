import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { type Context, freshKey, path } from '../context.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { printable, renderTable } from '../output.ts';
import { createMigration } from './migration.ts';

interface PlannedRow {
  readonly object: string;
  readonly address: string;
  readonly verdict: 'create' | 'adopt' | 'change' | 'conflict';
  readonly changes: readonly string[];
  readonly conflicts: readonly { readonly code: string; readonly text: string }[];
  readonly differences: readonly string[];
}

interface Provisioning {
  readonly state: RunState;
  readonly rows: readonly PlannedRow[];
  readonly made: readonly {
    readonly kind: string;
    readonly address: string;
    readonly detail: string;
    readonly state: string;
  }[];
}

interface Undo {
  readonly state: RunState;
  readonly rows: readonly {
    readonly kind: string;
    readonly address: string;
    readonly detail: string;
    readonly action: 'remove' | 'leave' | 'gone';
    readonly why: string;
  }[];
}

type RunState = 'none' | 'running' | 'done' | 'failed';

interface Options {
  readonly dryRun?: boolean;
  readonly undo?: boolean;
  readonly yes?: boolean;
}

const LOOK_EVERY_MS = 1_000;

export function provisionCommands(program: Command, context: Context): void {
  program
    .command('provision <plan-or-id> [mailboxes]')
    .description(
      'what the tenant gets: the plan object by object (exit code 8 on a conflict), what was made, or taking it back',
    )
    .option('--dry-run', 'plan anew what would be created and adopted; changes nothing')
    .option('--undo', 'take back what this migration made and nobody has used since; cancel the migration first')
    .option('--yes', 'with --undo: do not ask')
    .action(async (planOrId: string, mailboxes: string | undefined, options: Options) => {
      if (options.undo) {
        if (options.dryRun || mailboxes !== undefined)
          throw new CliError(EXIT.usage, '--undo takes the id of a migration.');
        return await undo(context, planOrId, options.yes ?? false);
      }
      if (mailboxes === undefined) {
        const url = path`/v1/migrations/${planOrId}/provisioning`;
        if (!options.dryRun) return show(context, await context.api().call<Provisioning>('GET', url));
        return show(context, await plan(context, planOrId));
      }
      if (!options.dryRun) {
        throw new CliError(
          EXIT.usage,
          'The work itself is step A3 of a migration; with a plan and a list only --dry-run is known.',
          {
            hint: 'Next: mailferry migration create plan.yaml mailboxes.csv',
          },
        );
      }
      // A draft of its own, which is cancelled afterwards: a plan leaves nothing that claims the mailboxes.
      const { id } = await createMigration(context, planOrId, mailboxes, freshKey());
      try {
        show(context, await plan(context, id));
      } finally {
        await context.api().call('POST', path`/v1/migrations/${id}/cancel`, { body: { reason: 'was a dry run' } });
      }
    });
}

async function plan(context: Context, id: string): Promise<Provisioning> {
  await context.api().call('POST', path`/v1/migrations/${id}/provisioning/plan`);
  return await untilDone<Provisioning>(context, path`/v1/migrations/${id}/provisioning`);
}

async function undo(context: Context, id: string, yes: boolean): Promise<void> {
  if (!yes) await confirm(context, id);
  await context.api().call('POST', path`/v1/migrations/${id}/provisioning/undo`);
  const result = await untilDone<Undo>(context, path`/v1/migrations/${id}/provisioning/undo`);
  const left = result.rows.filter(({ action }) => action === 'leave');
  context.show(result, ({ rows }) => {
    if (rows.length === 0) return 'This migration made nothing that is still there.\n';
    const removed = rows.filter(({ action }) => action === 'remove');
    const table = [...removed, ...left].map(({ kind, address, detail, action, why }) => [
      action === 'remove' ? 'removed' : 'left',
      kind,
      printable(address),
      printable(detail),
      printable(why),
    ]);
    return `${renderTable(context.io, ['', 'WHAT', 'OF', '', 'WHY'], table)}\n${removed.length} taken back, ${left.length} left.\n`;
  });
  if (left.length > 0) context.end(EXIT.skipped);
}

async function confirm({ io }: Context, id: string): Promise<void> {
  if (!io.isTerminal) throw new CliError(EXIT.usage, 'Nobody can be asked here: say --yes to take the work back.');
  const question = createInterface({ input: process.stdin, output: process.stderr });
  const typed = await question.question(`This deletes accounts in the tenant. Type ${id} to go on: `);
  question.close();
  if (typed.trim() !== id) throw new CliError(EXIT.usage, 'That is not the id; nothing was changed.');
}

async function untilDone<T extends { readonly state: RunState }>(context: Context, url: string): Promise<T> {
  for (;;) {
    const answer = await context.api().call<T>('GET', url);
    if (answer.state === 'failed') {
      throw new CliError(EXIT.failure, 'The tenant could not be asked; the failure is in the Temporal UI.', {
        hint: 'Check the rights and credentials of graph and exchangeAdmin in the plan.',
      });
    }
    if (answer.state !== 'running') return answer;
    try {
      await sleep(LOOK_EVERY_MS, undefined, { signal: context.io.signal });
    } catch (cause) {
      throw new CliError(EXIT.interrupted, 'Stopped waiting; the tenant is still being asked.', { cause });
    }
  }
}

function show(context: Context, found: Provisioning): void {
  context.show(found, ({ rows, made }) => {
    if (rows.length === 0) return 'Nothing is planned yet. Next: mailferry provision ID --dry-run\n';
    const table = renderTable(
      context.io,
      ['VERDICT', 'OBJECT', 'ADDRESS', 'WHAT'],
      rows.map(({ verdict, object, address, changes, conflicts, differences }) => [
        verdict,
        object,
        printable(address),
        printable(
          [...conflicts.map(({ code, text }) => `${code}: ${text}`), ...changes, ...differences].join('; ') ||
            'as it is',
        ),
      ]),
    );
    const count = (verdict: PlannedRow['verdict']) => rows.filter((row) => row.verdict === verdict).length;
    const sums = `${count('create')} to create, ${count('change')} to complete, ${count('adopt')} to adopt as they are, ${count('conflict')} in conflict.`;
    const live = made.filter(({ state }) => state !== 'undone').length;
    return `${table}\n${sums}\n${live === 0 ? '' : `This migration has made or changed ${live} things in the tenant.\n`}`;
  });
  if (found.rows.some(({ verdict }) => verdict === 'conflict')) context.end(EXIT.notPassed);
}
