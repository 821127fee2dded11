/** Lines that set-up shows, and the errors that it ends with. */

/** Set-up ends: what is wrong, and what the reader can do about it. */
export class CannotGoOn extends Error {
  constructor(message, remedy) {
    super(message);
    this.remedy = remedy;
  }
}

let begun = false;

/** One line for one thing that is being done. On standard error: a command's output may be piped. */
export function say(line) {
  if (!begun) process.stderr.write('Setting Mailferry up (once):\n');
  begun = true;
  process.stderr.write(`  ${line}\n`);
}

/** @returns the seconds since `start` (from performance.now()), for people. */
export function seconds(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/** Fetches a Temporal binary where it is nowhere yet. `finder` is temporal-binary.js. */
export async function ensureBinary(finder, binary) {
  let fetching = false;
  const start = performance.now();
  const found = await finder.findBinary(binary, process.env, {
    report: (line) => {
      fetching = true;
      say(`${line} …`);
    },
  });
  if (found.path === null) {
    throw new CannotGoOn(
      `there is no way to get the ${binary.label}:\n    ${found.tried.join('\n    ')}`,
      `connect to the network once, or install \`${binary.command}\` and name it in ${binary.variable}.` +
        (binary.command === 'temporal' ? ' With TEMPORAL_ADDRESS a server that runs elsewhere is used instead.' : ''),
    );
  }
  if (fetching) say(`${binary.label}: fetched from ${found.source} in ${seconds(start)}`);
}
