/** A process that holds an embedded service until it is told to end; tests kill it. Prints one line of JSON when it is up. */
import { readConfig } from '../../config.ts';
import { MigrationError } from '../../domain/errors.ts';
import { startEmbedded } from '../../embedded/service.ts';
import { watchdogPid } from '../../embedded/watchdog.ts';

try {
  const embedded = await startEmbedded(readConfig(process.env), {
    fast: true,
    searchAttributes: { HeldKeyword: 'Keyword' },
    onFatal: (error) => {
      process.stderr.write(`${error.message}\n`);
      process.exit(3);
    },
  });
  embedded.announce('http://127.0.0.1:7080');
  process.once('SIGTERM', () => {
    void embedded.stop().then(() => process.exit(0));
  });
  const { databaseUrl, temporalAddress, postgres, temporal } = embedded;
  const pids = { postgres: postgres?.pid(), temporal: temporal?.pid(), watchdog: watchdogPid() };
  process.stdout.write(`${JSON.stringify({ databaseUrl, temporalAddress, pids })}\n`);
  setInterval(() => undefined, 60_000);
} catch (error) {
  if (!(error instanceof MigrationError)) throw error;
  process.stdout.write(`${JSON.stringify({ code: error.code, message: error.message })}\n`);
  process.exitCode = 2;
}
