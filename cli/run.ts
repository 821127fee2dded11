import { Command, CommanderError } from 'commander';
import { ERRORS, MigrationError } from '../domain/errors.ts';
import { gateCommands } from './commands/gate.ts';
import { mailboxCommands } from './commands/mailbox.ts';
import { migrationCommands } from './commands/migration.ts';
import { preflightCommands } from './commands/preflight.ts';
import { provisionCommands } from './commands/provision.ts';
import { reportCommands } from './commands/report.ts';
import { serviceCommands } from './commands/service.ts';
import { tenantCommands } from './commands/tenant.ts';
import { createContext } from './context.ts';
import { CliError, EXIT, exitCodeOf } from './exit-codes.ts';
import { type Io, paint } from './output.ts';

/** Runs one command line. @returns the exit code; never throws. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  let exitCode: number = EXIT.ok;
  // Anywhere on the line, also behind the command's own words.
  const json = args.includes('--json');
  const program = new Command('mailferry');
  const context = createContext(
    io,
    () => json,
    (code) => {
      exitCode = code;
    },
  );
  serviceCommands(program, context);
  migrationCommands(program, context);
  mailboxCommands(program, context);
  gateCommands(program, context);
  preflightCommands(program, context);
  provisionCommands(program, context);
  reportCommands(program, context);
  tenantCommands(program, context);
  program.description('moves the mail of whole organisations').showHelpAfterError('(--help shows what there is)');
  for (const command of everyCommand(program)) {
    command
      .exitOverride()
      .configureOutput({ writeOut: io.out, writeErr: io.err })
      .option('--json', 'machine-readable output');
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, io, json);
  }
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

function explain(error: unknown, io: Io, json: boolean): number {
  // Commander has said it already; help that was asked for is no fault.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const told = io.signal.aborted
    ? { message: 'Interrupted.', hint: null, exitCode: EXIT.interrupted, problem: null }
    : tell(error);
  if (json)
    io.err(
      `${JSON.stringify({ error: { message: told.message, hint: told.hint, exitCode: told.exitCode, problem: told.problem } })}\n`,
    );
  else {
    io.err(`${paint(io, 'red', 'error:')} ${told.message}\n`);
    if (told.hint !== null) io.err(`${told.hint}\n`);
  }
  return told.exitCode;
}

function tell(error: unknown): { message: string; hint: string | null; exitCode: number; problem: unknown } {
  if (error instanceof CliError) return error;
  if (error instanceof MigrationError) {
    const { httpStatus, remedy } = ERRORS[error.code];
    const exitCode = error.code === 'CONFIG_INVALID' ? EXIT.usage : exitCodeOf(httpStatus, error.code);
    return { message: `${error.message} (${error.code})`, hint: remedy, exitCode, problem: null };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { message, hint: null, exitCode: EXIT.failure, problem: null };
}
