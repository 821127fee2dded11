import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import type { AccessStore } from '../domain/ports/store.ts';
import { findHomeFile, OPERATOR_TOKEN_FILE, writeHomeFile } from '../home.ts';
import { registerSecret } from '../log.ts';

/**
 * Makes sure that there is an operator: with the token of the environment, of the home folder, or a new one which is written there
 * **before** it is stored, so that a crash in between loses nothing. Twice is once.
 * @returns false when operators exist and none has this token.
 */
export async function ensureOperatorToken(
  config: Pick<Config, 'home' | 'operatorToken'>,
  access: AccessStore,
): Promise<boolean> {
  let token = config.operatorToken ?? findHomeFile(config.home, OPERATOR_TOKEN_FILE);
  if (token === null) {
    token = randomBytes(32).toString('base64url');
    writeHomeFile(config.home, OPERATOR_TOKEN_FILE, token);
  }
  registerSecret(token);
  await access.ensureFirstOperator('operator', token);
  return (await access.findOperator(token)) !== null;
}
