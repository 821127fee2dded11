/**
 * The key that encrypts what crosses Temporal.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Config, parsePayloadKey } from '../config.ts';
import { MigrationError } from '../domain/errors.ts';
import { registerSecret } from '../log.ts';

/** Where the key file is, whether it exists or not: another process of the same installation is pointed here. */
export function payloadKeyFileOf(config: Pick<Config, 'home' | 'payloadKeyFile'>): string {
  return config.payloadKeyFile ?? join(config.home, 'keys', 'payload.key');
}

/**
 * The 32 bytes from the environment or the key file. They are registered as a secret for the log.
 *
 * @param create  makes the file (0600) where there is none. Only the embedded service may: two processes that each made
 *                their own key could not read each other.
 * @throws CONFIG_INVALID where there is no key, or one of the wrong shape.
 */
export function getPayloadKey(
  config: Pick<Config, 'home' | 'payloadKey' | 'payloadKeyFile'>,
  { create }: { readonly create: boolean },
): Buffer {
  const file = payloadKeyFileOf(config);
  if (config.payloadKey === null && create && !existsSync(file)) makeKeyFile(file);
  const key = config.payloadKey ?? readKeyFile(file);
  registerSecret(key.toString('hex'));
  registerSecret(key.toString('base64'));
  return key;
}

function makeKeyFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // Written aside and linked: of two that make it at once the first wins, and nobody reads half of it.
  const draft = `${file}.new-${process.pid}`;
  writeFileSync(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function readKeyFile(file: string): Buffer {
  const variable = 'MAILFERRY_PAYLOAD_KEY_FILE';
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const message = `There is no payload key in ${file}: set MAILFERRY_PAYLOAD_KEY or ${variable} to the key that all processes share.`;
    throw new MigrationError('CONFIG_INVALID', message, { facts: { file, variable }, cause: error });
  }
  const key = parsePayloadKey(text);
  if (key !== null) return key;
  throw new MigrationError('CONFIG_INVALID', `${file} (${variable}) does not hold 32 bytes in hex or base64.`, {
    facts: { file, variable },
  });
}
