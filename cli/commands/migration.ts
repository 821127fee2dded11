import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { STEP_IDS, STEPS } from '../../domain/steps.ts';
import { allPages, type Context, freshKey, keyOf, type Migration, path, readText } from '../context.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { type Colour, cutTo, paint, printable, renderTable } from '../output.ts';

const LOOK_EVERY_MS = 2_000;
/** Without a terminal one line now and then is enough for a log. */
const LINE_EVERY_MS = 30_000;
/** One that was just started is shown as a draft until its workflow has written for the first time. */
const DRAFT_PATIENCE_MS = 6_000;
/** The longest title has room. */
const TITLE_WIDTH = Math.max(...STEP_IDS.map((step) => STEPS[step].title.length));
/** Nobody waits for anything any more. */
const OVER = ['ended', 'cancelled'];
const ENDED = ['completed', 'in-support', ...OVER];

export function migrationCommands(program: Command, context: Context): void {
  const migration = program.command('migration').description('plan, start, watch and steer migrations');
  const { io, show } = context;

  migration
    .command('create <plan> <mailboxes>')
    .description('store a plan (plan.yaml and mailbox list) as a draft; the same files twice make one migration')
    .option('--new', 'make another migration even if these files were sent before')
    .action(async (planFile: string, mailboxesFile: string, options: { new?: boolean }) => {
      const created = await createMigration(context, planFile, mailboxesFile, options.new ? freshKey() : null);
      show(created, ({ id, client }) => `${id}  ${printable(client.name)}\nNext: mailferry migration start ${id}\n`);
    });

  migration
    .command('start <id>')
    .description('start a migration; twice is once')
    .action((id: string) => order(context, 'POST', path`/v1/migrations/${id}/start`));

  migration
    .command('list')
    .description('all migrations')
    .action(async () => {
      const all = await allPages<Migration>(context.api(), '/v1/migrations', 'migrations');
      show(all, () =>
        all.length === 0
          ? 'No migrations yet. Next: mailferry migration create plan.yaml mailboxes.csv\n'
          : renderTable(
              io,
              ['ID', 'CLIENT', 'STATUS', 'STEP', 'PASS', 'WAITS FOR', 'NOW'],
              all.map(({ id, client, view }) => [
                id,
                client.name,
                view.status,
                view.step ?? '-',
                shareOf(view),
                view.waitingFor.join(' ') || '-',
                view.headline,
              ]),
            ),
      );
    });

  migration
    .command('status <id>')
    .description('where a migration is, step by step')
    .action(async (id: string) => {
      show(await context.api().call<Migration>('GET', path`/v1/migrations/${id}`), (one) => renderStatus(context, one));
    });

  migration
    .command('watch <id>')
    .description('follow a migration until it is complete or waits for a person (--forever: until it has ended)')
    .option('--forever', 'go on while somebody has to act')
    .action((id: string, options: { forever?: boolean }) => watch(context, id, options.forever ?? false));

  migration
    .command('pause <id>')
    .description('hold a migration')
    .requiredOption('--reason <text>', 'why; it stands in the audit log')
    .action((id: string, body: { reason: string }) => order(context, 'POST', path`/v1/migrations/${id}/pause`, body));

  migration
    .command('resume <id>')
    .description('go on with a held migration')
    .action((id: string) => order(context, 'POST', path`/v1/migrations/${id}/resume`));

  migration
    .command('retry <id> [mailboxes...]')
    .description('try held mailboxes again now; without names all of them')
    .action((id: string, mailboxIds: string[]) =>
      order(context, 'POST', path`/v1/migrations/${id}/retry`, {
        mailboxIds: mailboxIds.length > 0 ? mailboxIds : null,
      }),
    );

  migration
    .command('add <id> <mailboxes>')
    .description('add the mailboxes of a list to a migration')
    .action((id: string, file: string) => {
      const { text, name, folder } = readText(file);
      const body = { mailboxes: text, mailboxesFile: name, folder };
      return order(context, 'POST', path`/v1/migrations/${id}/mailboxes`, body, keyOf('add', id, text));
    });

  migration
    .command('drop <id> <mailboxes...>')
    .description('take mailboxes (by id) out of a migration; nothing is deleted anywhere')
    .action((id: string, mailboxIds: string[]) =>
      order(context, 'POST', path`/v1/migrations/${id}/mailboxes/drop`, { mailboxIds }),
    );

  migration
    .command('cutover-date <id> <when>')
    .description('set or move the cutover, e.g. 2027-01-15T20:00:00+01:00')
    .action((id: string, at: string) => order(context, 'PUT', path`/v1/migrations/${id}/cutover-date`, { at }));

  migration
    .command('dns-path <id> <path>')
    .description('direct or third-party-filter')
    .action((id: string, way: string) => order(context, 'PUT', path`/v1/migrations/${id}/dns-path`, { path: way }));

  migration
    .command('acknowledge <id> <step>')
    .description("tick off B2, B4, C4 or C6 on the client's behalf")
    .requiredOption('--note <text>', 'how the client said so')
    .action((id: string, step: string, { note }: { note: string }) =>
      order(context, 'POST', path`/v1/migrations/${id}/acknowledgements`, { step, note }),
    );

  migration
    .command('cancel <id>')
    .description('end a migration for good; nothing is deleted anywhere')
    .requiredOption('--reason <text>', 'why; it stands in the audit log')
    .action((id: string, body: { reason: string }) => order(context, 'POST', path`/v1/migrations/${id}/cancel`, body));
}

/** @param key  null: the files' own, so that a repeat finds the first migration. */
export async function createMigration(
  context: Context,
  planFile: string,
  mailboxesFile: string,
  key: string | null,
): Promise<Migration> {
  const plan = readText(planFile);
  const mailboxes = readText(mailboxesFile);
  return context.api().call<Migration>('POST', '/v1/migrations', {
    body: {
      plan: plan.text,
      planFile: plan.name,
      mailboxes: mailboxes.text,
      mailboxesFile: mailboxes.name,
      folder: plan.folder,
    },
    idempotencyKey: key ?? keyOf('create', plan.folder, plan.name, plan.text, mailboxes.name, mailboxes.text),
  });
}

/** Sends a command and prints what happens now. */
export async function order(
  context: Context,
  method: 'POST' | 'PUT',
  url: string,
  body?: unknown,
  idempotencyKey?: string,
): Promise<void> {
  const receipt = await context
    .api()
    .call<{ message: string }>(method, url, { body, ...(idempotencyKey !== undefined && { idempotencyKey }) });
  context.show(receipt, ({ message }) => `${printable(message)}\n`);
}

/** How far the pass under way is; without one there is nothing to be far in. */
function shareOf(view: Migration['view']): string {
  return view.pass === null ? '-' : `${Math.floor(view.progress)} %`;
}

function renderStatus({ io }: Context, { id, client, view }: Migration): string {
  const colours: Readonly<Record<string, Colour>> = { done: 'green', doing: 'bold', waiting: 'yellow' };
  const head = `${paint(io, 'bold', printable(client.name))}  ${id}  ${view.status}\n${printable(view.headline)}\n`;
  const pass =
    view.pass === null
      ? ''
      : `Pass ${view.pass.kind} ${view.pass.number}: ${view.pass.done} of ${view.pass.total} mailboxes, ${view.pass.held} held\n`;
  const gate =
    view.openGate === null
      ? ''
      : `Open gate: ${view.openGate.gate}. Next: mailferry gate show ${view.openGate.gateId}\n`;
  const steps = STEP_IDS.map((step) => {
    const { status, note, waitingFor } = view.steps[step];
    const who = waitingFor.length > 0 ? `${waitingFor.join(' and ')}: ` : '';
    const line =
      `  ${step}  ${STEPS[step].title.padEnd(TITLE_WIDTH)}  ${status.padEnd(10)}  ${who}${printable(note)}`.trimEnd();
    const shown = io.width === null ? line : cutTo(line, io.width);
    const colour = colours[status];
    return colour === undefined ? shown : paint(io, colour, shown);
  });
  return `${head}${pass}${gate}\n${steps.join('\n')}\n`;
}

async function watch(context: Context, id: string, forever: boolean): Promise<void> {
  const { io } = context;
  const api = context.api();
  const begun = Date.now();
  let before = '';
  let lastLineAt = 0;
  for (let misses = 0; ; ) {
    let one: Migration;
    try {
      one = await api.call<Migration>('GET', path`/v1/migrations/${id}`);
      misses = 0;
    } catch (error) {
      // A service that is started again is worth a minute of patience; the migration does not need it.
      misses += 1;
      if (!(error instanceof CliError && error.exitCode === EXIT.temporary) || misses > 30) throw error;
      await pause(io.signal);
      continue;
    }
    const { view } = one;
    if (view.status === 'draft' && Date.now() - begun < DRAFT_PATIENCE_MS) {
      await pause(io.signal);
      continue;
    }
    const line = `${shareOf(view).padStart(5)}  ${view.step ?? '--'}  ${printable(view.headline)}`;
    if (context.json()) {
      if (line !== before) io.out(`${JSON.stringify(one)}\n`);
    } else if (io.isTerminal) io.out(`\r\u001b[K${cutTo(line, (io.width ?? 80) - 1)}`);
    else if (line !== before || Date.now() - lastLineAt >= LINE_EVERY_MS) {
      io.out(`${line}\n`);
      lastLineAt = Date.now();
    }
    before = line;
    const needsSomebody = view.waitingFor.some((party) => party !== 'service') || view.status === 'paused';
    if ((forever ? OVER : ENDED).includes(view.status) || (needsSomebody && !forever)) {
      if (io.isTerminal && !context.json()) io.out('\n');
      if (view.status === 'cancelled') context.end(EXIT.failure);
      else if (view.status !== 'draft') await endBySkipped(context, id, ENDED.includes(view.status));
      return;
    }
    await pause(io.signal);
  }
}

async function endBySkipped(context: Context, id: string, ended: boolean): Promise<void> {
  if (!ended) return;
  const { total } = await context
    .api()
    .call<{ total: { refused: number; lost: number } }>('GET', path`/v1/migrations/${id}/report`);
  if (total.refused + total.lost > 0) context.end(EXIT.skipped);
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  } catch (cause) {
    throw new CliError(EXIT.interrupted, 'Stopped watching; the migration goes on.', { cause });
  }
}
