import { MigrationError } from '../../domain/errors.ts';
import type { TokenSource } from '../graph/token-source.ts';
import type { EwsCallKind } from './outcome.ts';

/** How requests say who sends them. */
export interface EwsSignIn {
  /** Value of the `Authorization` header, for one request. @throws as TokenSource.get */
  authorization(): Promise<string>;
  /** After 401 to that value: whether the same request has a chance now, with another one. */
  renew(authorization: string): Promise<boolean>;
  /** What a 401 means that stays. */
  refused(call: EwsCallKind): MigrationError;
}

/** User and password of the service account (exchange.md §4.2). @param onRefused  told before the refusal is thrown */
export function basicSignIn(user: string, password: string, onRefused: () => void): EwsSignIn {
  const value = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return {
    authorization: async () => value,
    renew: async () => false,
    refused(call) {
      onRefused();
      return new MigrationError('AUTH_FAILED', 'The server refuses user name or password of the service account.', {
        facts: { operation: call.operation, status: 401 },
      });
    },
  };
}

/** Tokens of an application. */
export function tokenSignIn(tokens: TokenSource): EwsSignIn {
  return {
    authorization: async () => `Bearer ${await tokens.get()}`,
    renew: async (authorization) => tokens.renew(authorization.replace(/^Bearer /, '')),
    refused: ({ operation }) => tokens.refused({ name: operation, effect: false }, undefined),
  };
}
