// What every npm script of ours runs first: `node setup/run.js <demo|test|start|check|worker|api|cli> [arguments]`.
// This file has to be understood by Nodes far too old for the rest, so that they can say so; all else is in main.js.
const oldest = 20;
const major = Number(process.versions.node.split('.')[0]);
if (major < oldest) {
  console.error(
    `Mailferry cannot start: this is Node ${process.versions.node}, and its set-up needs Node ${oldest} or later.\n` +
      '  Remedy: install a current Node from https://nodejs.org/ or with your package manager, then run the same command again.',
  );
  process.exit(1);
}
import('./main.js').then((setup) => setup.main(process.argv.slice(2)));
