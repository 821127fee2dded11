import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, totalmem } from 'node:os';
import { findDovecot } from '../lab/dovecot.ts';
import { missingPeers } from './tools/all.ts';

/** Where and with what it was measured: what a reader needs to judge the figures, and no name of a host. */
export function describeMachine(at: Date): string {
  const model = cpus()[0]?.model.trim() || 'unknown processor';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`;
  const versions = [
    `Node ${process.versions.node}`,
    `Temporal SDK ${packageVersion('@temporalio/client')}`,
    `Dovecot ${firstWord(findDovecot() ?? 'dovecot', '--version')}`,
    firstLine('mbsync', '--version').replace('isync', 'mbsync'),
    process.env['IMAPSYNC'] ? `imapsync ${firstLine(process.env['IMAPSYNC'], '--version')}` : '',
  ].filter((part) => part !== '' && !part.includes('not here'));
  const load = (loadavg()[0] ?? 0).toFixed(1);
  const month = at.toISOString().slice(0, 10);
  return `${month}; ${cpus().length} cores (${model}), ${memory}, Linux; ${versions.join(', ')}; load when it began ${load}.`;
}

/** What is missing from every table for want of a program. */
export function describeGaps(): string {
  const missing = missingPeers();
  return missing.length === 0 ? '' : `Not measured, because not installed: ${missing.join(', ')}.`;
}

function packageVersion(name: string): string {
  // The package's exports do not name package.json, so its entry shows the way.
  const entry = createRequire(import.meta.url).resolve(name);
  const folder = entry.slice(0, entry.lastIndexOf(name) + name.length);
  const { version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as { version: string }; // npm's own format
  return version;
}

function firstWord(program: string, option: string): string {
  return firstLine(program, option).split(' ')[0] ?? '';
}

function firstLine(program: string, option: string): string {
  try {
    return (
      execFileSync(program, [option], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')[0] ?? ''
    );
  } catch {
    return 'not here';
  }
}
