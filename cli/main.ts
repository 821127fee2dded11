#!/usr/bin/env node
import { runCli } from './run.ts';

const interrupt = new AbortController();
// `up` has its own way to stop; here Ctrl-C ends what waits.
if (process.argv[2] !== 'up') process.once('SIGINT', () => interrupt.abort());
// A reader that went away (`| head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTerminal: process.stdout.isTTY === true,
  width: process.stdout.isTTY ? process.stdout.columns : null,
  signal: interrupt.signal,
});
