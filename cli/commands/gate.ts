import type { Command } from 'commander';
import { describeEvidence } from '../../domain/evidence-words.ts';
import { isStepId } from '../../domain/steps.ts';
import { linkClient } from '../client.ts';
import { type Context, type Gate, path } from '../context.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { printable, renderTable } from '../output.ts';

interface Question {
  readonly kind: 'gate' | 'acknowledgement';
  readonly organisation: string;
  readonly title: string;
  readonly text: string;
  readonly state: string;
  readonly digest: string | null;
  readonly evidence: unknown;
}

interface DecisionOptions {
  readonly link?: string;
  readonly code?: string;
  readonly digest?: string;
  readonly comment?: string;
}

export function gateCommands(program: Command, context: Context): void {
  const gate = program.command('gate').description('look at approvals and decide, as operator or with a link');
  const { io, show } = context;

  gate
    .command('list <migration>')
    .description('every revision of every gate')
    .action(async (id: string) => {
      const { gates } = await context.api().call<{ gates: Gate[] }>('GET', path`/v1/migrations/${id}/gates`);
      show(gates, () =>
        renderTable(
          io,
          ['ID', 'GATE', 'REVISION', 'STATE', 'OPENED', 'DECISIONS'],
          gates.map((one) => [
            one.id,
            one.gate,
            one.revision,
            one.state,
            one.openedAt,
            one.decisions.map((decision) => `${decision.party} ${decision.verdict}`).join(', ') || '-',
          ]),
        ),
      );
    });

  gate
    .command('show [gate]')
    .description('a gate with its evidence; exit code 8 when it was rejected')
    .option('--link <url>', 'as the contact who got this link')
    .action(async (id: string | undefined, { link }: DecisionOptions) => {
      if (link !== undefined) {
        const question = await linkClient(link).call<Question>('GET', '/v1/link');
        show(
          question,
          (one) =>
            `${printable(one.organisation)}: ${printable(one.title)} (${one.state})\n${printable(one.text)}\n\n${renderEvidence(one.evidence)}digest ${one.digest ?? '-'}\n`,
        );
        return;
      }
      const one = await context.api().call<Gate>('GET', path`/v1/gates/${needed(id)}`);
      show(
        one,
        () =>
          `${one.gate}, revision ${one.revision}: ${one.state}\n\n${renderEvidence(one.evidence)}digest ${one.digest}\n`,
      );
      if (one.state === 'rejected') context.end(EXIT.notPassed);
    });

  gate
    .command('challenge')
    .description('send a one-time code to your second address')
    .requiredOption('--link <url>', 'the link from the mail, in quotes')
    .action(async ({ link }: { link: string }) => {
      const receipt = await linkClient(link).call<{ message: string }>('POST', '/v1/link/challenge');
      show(receipt, ({ message }) => `${printable(message)}\n`);
    });

  for (const verdict of ['approve', 'reject'] as const) {
    gate
      .command(`${verdict} [gate]`)
      .description(`${verdict} a gate, on the evidence as it is now`)
      .option('--link <url>', 'as the contact who got this link')
      .option('--code <digits>', 'the code that `gate challenge` sent; needed with --link')
      .option('--digest <hex>', 'refuse if the evidence is not this one (from `gate show`)')
      .option('--comment <text>', 'needed to reject', '')
      .action(async (id: string | undefined, options: DecisionOptions) => {
        const decision =
          options.link === undefined
            ? await asOperator(id, verdict, options)
            : await asContact(options.link, verdict, options);
        show(decision, () => `Recorded: ${decision.verdict} (${decision.id}).\n`);
      });
  }

  async function asOperator(id: string | undefined, verdict: string, { digest, comment }: DecisionOptions) {
    const api = context.api();
    const url = path`/v1/gates/${needed(id)}`;
    const shown = digest ?? (await api.call<Gate>('GET', url)).digest;
    return api.call<{ id: string; verdict: string }>('POST', `${url}/decision`, {
      body: { verdict, digest: shown, comment },
    });
  }

  async function asContact(link: string, verdict: string, { code, digest, comment }: DecisionOptions) {
    if (code === undefined) {
      throw new CliError(EXIT.usage, 'A link alone decides nothing: --code is missing.', {
        hint: 'mailferry gate challenge --link …',
      });
    }
    const api = linkClient(link);
    const question = await api.call<Question>('GET', '/v1/link');
    // With a link of an acknowledgement, to approve is to acknowledge.
    const said = question.kind === 'acknowledgement' && verdict === 'approve' ? 'acknowledge' : verdict;
    const body = { verdict: said, digest: digest ?? question.digest, code, comment };
    return api.call<{ id: string; verdict: string }>('POST', '/v1/link/decision', { body });
  }

  function needed(id: string | undefined): string {
    if (id === undefined)
      throw new CliError(EXIT.usage, 'Name a gate, or give --link.', { hint: 'mailferry gate list <migration>' });
    return id;
  }

  /** Lists become tables, evidence of steps a line each, the rest names and values. */
  function renderEvidence(evidence: unknown): string {
    if (typeof evidence !== 'object' || evidence === null) return '';
    return Object.entries(evidence)
      .map(([key, value]: [string, unknown]) => {
        if (key === 'steps' && isMap(value)) return renderSteps(value);
        if (isMap(value)) {
          const pairs = Object.entries(value).map(([name, one]) => `${name} ${cell(one)}`);
          return `${printable(key)}: ${printable(pairs.join(', '))}\n`;
        }
        if (!Array.isArray(value) || value.length === 0 || !value.every(isMap)) {
          return `${printable(key)}: ${printable(Array.isArray(value) && value.length === 0 ? 'none' : String(cell(value)))}\n`;
        }
        const columns = [...new Set(value.flatMap((row) => Object.keys(row)))];
        const rows = value.map((row) => columns.map((column) => cell(row[column])));
        return `\n${printable(key)}\n${renderTable(io, columns, rows)}\n`;
      })
      .join('');
  }
}

function renderSteps(steps: Record<string, unknown>): string {
  return Object.entries(steps)
    .map(([id, body]) => `${id}: ${printable(isStepId(id) ? describeEvidence(id, body) : String(cell(body)))}\n`)
    .join('');
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function cell(value: unknown): string | number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '-' : JSON.stringify(value);
}
