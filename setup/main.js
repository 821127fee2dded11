/**
 * Makes sure that all is there which a command needs, then becomes that command. A second time nothing is missing, so nothing
 * is said and no network is used.
 */
import { join } from 'node:path';

import { ensureDebianPackages } from './debian-packages.js';
import { ensurePackages, nodeBinary, PROJECT } from './packages.js';
import { CannotGoOn } from './report.js';
import { runProgram } from './run-program.js';

const VITEST = ['node_modules/vitest/vitest.mjs', 'run'];

/** What each command needs, and the programs it then runs, one after the other. */
const COMMANDS = {
  demo: { needs: ['temporal'], programs: [['lab/demo/main.ts']] },
  start: { needs: ['temporal'], programs: [['cli/main.ts', 'up']] },
  test: { needs: ['temporal', 'test server', 'debian packages'], programs: [VITEST] },
  check: {
    needs: [],
    programs: [
      ['node_modules/typescript/bin/tsc', '-p', '.'],
      ['node_modules/@biomejs/biome/bin/biome', 'check'],
      [...VITEST, 'tidy'],
    ],
  },
  bench: { needs: ['temporal', 'debian packages'], programs: [['bench/main.ts']] },
  worker: { needs: [], programs: [['workers/main.ts']] },
  api: { needs: [], programs: [['api/main.ts']] },
  cli: { needs: [], programs: [['cli/main.ts']] },
};

/** @param argv  the command and its arguments; the process ends with the command's exit code. */
export async function main(argv) {
  const [name, ...args] = argv;
  const command = Object.hasOwn(COMMANDS, name ?? '') ? COMMANDS[name] : null;
  if (command === null) {
    console.error(`usage: node setup/run.js <${Object.keys(COMMANDS).join('|')}> [arguments]`);
    process.exit(2);
  }
  try {
    await setUp(command.needs);
  } catch (error) {
    if (!(error instanceof CannotGoOn)) throw error;
    console.error(`\nMailferry cannot be set up: ${error.message}\n  Remedy: ${error.remedy}`);
    process.exit(1);
  }
  // Types are stripped once: a process starts sooner and keeps 20 MB less.
  const env = { NODE_COMPILE_CACHE: join(PROJECT, '.cache', 'compile'), ...process.env };
  // Only a run of everything can tell that a suite did not run.
  if (name === 'test' && args.length === 0) env['MAILFERRY_WHOLE_TEST_RUN'] = '1';
  let worst = 0;
  for (const program of command.programs) {
    const code = await runProgram(nodeBinary(), [...program, ...args], { cwd: PROJECT, env });
    worst = worst === 0 ? code : worst;
    if (code > 128) break; // ended by a signal: so are we
  }
  process.exit(worst);
}

async function setUp(needs) {
  ensurePackages();
  const found = await import('./temporal-binary.js');
  const usesOwnServer = (process.env['TEMPORAL_ADDRESS'] ?? '') === '';
  const { ensureBinary } = await import('./report.js');
  if (needs.includes('temporal') && usesOwnServer) await ensureBinary(found, found.TEMPORAL_CLI);
  if (needs.includes('test server')) await ensureBinary(found, found.TEMPORAL_TEST_SERVER);
  if (needs.includes('debian packages')) ensureDebianPackages();
}
