import { MigrationError } from '../../domain/errors.ts';
import { Closing, Interrupted } from './closing.ts';
import { readOptions, USAGE } from './options.ts';
import { runDemo } from './run.ts';
import { Screen } from './screen.ts';

/** What a shell expects of a program that Ctrl-C has ended. */
const INTERRUPTED = 130;

const screen = new Screen();
const options = readOptions(process.argv.slice(2));
if ('help' in options) screen.plain(USAGE);
else if ('problem' in options) {
  screen.bad(`${options.problem}\n\n${USAGE}`);
  process.exitCode = 2;
} else {
  const closing = new Closing((error) => screen.bad(`while stopping: ${error}`));
  closing.listen();
  process.exitCode = await runDemo(options, screen, closing).catch((error: unknown) => {
    if (error instanceof Interrupted) {
      screen.plain('\nStopping.');
      return INTERRUPTED;
    }
    screen.bad(messageOf(error));
    return 1;
  });
  await closing.close();
  process.exit(); // whatever still listens somewhere must not hold the terminal
}

function messageOf(error: unknown): string {
  if (error instanceof MigrationError) return `${error.message}\n${error.kind.remedy}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
