import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Where `up` leaves word for the other commands. Both ends import these names from here. */
export const API_URL_FILE = 'api-url';
export const OPERATOR_TOKEN_FILE = 'operator-token';

export function homeFolder(env: Readonly<Record<string, string | undefined>>): string {
  return resolve(env['MAILFERRY_HOME'] || '.mailferry');
}

/** Writes one of the files above for the owner's eyes only. Twice is safe. */
export function writeHomeFile(home: string, name: string, value: string): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const file = join(home, name);
  writeFileSync(file, `${value}\n`, { mode: 0o600 });
  chmodSync(file, 0o600); // the mode above holds for new files only
}

/** @returns null when there is no such file. */
export function findHomeFile(home: string, name: string): string | null {
  const file = join(home, name);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : null;
}
