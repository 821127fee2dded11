/**
 * The npm packages of the lockfile, our Node among them.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CannotGoOn, say, seconds } from './report.js';

export const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(PROJECT, 'node_modules');
const STAMP = join(MODULES, '.mailferry-setup');
const OUR_NODE = join(MODULES, 'node', 'bin', 'node');
const NODE_MAJOR = 24;

/** Installs what the lockfile names, unless that is what is there. Twice is the same as once. */
export function ensurePackages() {
  const lockfile = readFileSync(join(PROJECT, 'package-lock.json'));
  const stamp = `${createHash('sha256').update(lockfile).digest('hex')} ${process.platform}-${process.arch}`;
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp && existsSync(OUR_NODE)) return;
  if (!isInstalledByHand(lockfile)) install();
  requireNode();
  writeFileSync(STAMP, stamp);
}

/** Our Node; where its package brought none, the one that runs this, if it is recent enough. */
export function nodeBinary() {
  if (isExecutable(OUR_NODE)) return OUR_NODE;
  return Number(process.versions.node.split('.')[0]) >= NODE_MAJOR ? process.execPath : null;
}

/** Somebody ran `npm ci` without us: npm's own record of what it installed agrees with the lockfile. */
function isInstalledByHand(lockfile) {
  const record = join(MODULES, '.package-lock.json');
  if (!existsSync(record) || !existsSync(OUR_NODE)) return false;
  const { packages: wanted } = JSON.parse(lockfile.toString());
  const { packages: installed } = JSON.parse(readFileSync(record, 'utf8'));
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || (installed[path] === undefined && entry.optional === true)) return true;
    return installed[path]?.version === entry.version;
  });
}

function install() {
  say('packages: npm ci …');
  const start = performance.now();
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: PROJECT,
    encoding: 'utf8',
    env: {
      ...process.env,
      // Not by a Node that npm ci is about to delete.
      PATH: pathWithoutOurs(process.env['PATH'] ?? ''),
      npm_config_prefer_offline: 'true',
      // npm's own patience with a missing network is more than a minute.
      npm_config_fetch_retry_mintimeout: '1000',
      npm_config_fetch_retry_maxtimeout: '5000',
      npm_config_update_notifier: 'false',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (result.error !== undefined) {
    throw new CannotGoOn(
      `npm cannot be run (${result.error.code})`,
      'install npm (it comes with Node from https://nodejs.org/; on Debian: apt-get install npm).',
    );
  }
  if (result.status !== 0) throw explain(`${result.stderr}\n${result.stdout}`);
  say(`packages: installed in ${seconds(start)}`);
}

function requireNode() {
  if (nodeBinary() !== null) return;
  throw new CannotGoOn(
    `the package \`node\` did not bring Node ${NODE_MAJOR} for ${process.platform}-${process.arch}`,
    `allow its install script (npm config set ignore-scripts false) and run the command again, or use Node ${NODE_MAJOR} yourself.`,
  );
}

function explain(output) {
  const registry =
    spawnSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).stdout?.trim() ?? 'the registry';
  const lines = output
    .split('\n')
    .filter((line) => line.startsWith('npm error'))
    .map((line) => line.slice('npm error '.length).trim())
    .filter((line) => line !== '' && !line.includes('complete log of this run'));
  const said = lines.slice(0, 6).join('\n    ');
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|EHOSTUNREACH|network/i.test(output)) {
    return new CannotGoOn(
      `npm cannot reach ${registry}\n    ${said}`,
      'connect this machine to the network, or name your mirror (npm config set registry URL); once set up, no network is needed.',
    );
  }
  if (/ENOSPC/.test(output)) {
    return new CannotGoOn(`the disk is full\n    ${said}`, 'make about 1.5 GB free, then run the same command again.');
  }
  if (/EACCES|EPERM|EROFS/.test(output)) {
    return new CannotGoOn(`npm may not write to ${PROJECT}\n    ${said}`, 'make the folder writable for this user.');
  }
  return new CannotGoOn(
    `npm ci failed\n    ${said || output.trim()}`,
    'run `npm ci` in this folder, and mend what it names.',
  );
}

function pathWithoutOurs(path) {
  return path
    .split(delimiter)
    .filter((folder) => folder !== join(MODULES, '.bin'))
    .join(delimiter);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or made for another system
  }
}
