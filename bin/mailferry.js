#!/usr/bin/env node
// The `mailferry` command, from any folder: runs cli/main.ts under the Node that the project brings.
import { join } from 'node:path';
import { nodeBinary, PROJECT } from '../setup/packages.js';
import { runProgram } from '../setup/run-program.js';

const node = nodeBinary();
if (node === null) {
  console.error(
    `Mailferry is not set up in ${PROJECT}.\n  Remedy: run \`npm ci\` there (or any of its commands, such as \`npm start\`).`,
  );
  process.exit(1);
}
const args = [join(PROJECT, 'cli', 'main.ts'), ...process.argv.slice(2)];
process.exit(await runProgram(node, args, { cwd: process.cwd(), env: process.env }));
