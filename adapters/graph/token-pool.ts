import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { MigrationError } from '../../domain/errors.ts';
import type { AdminEndpoint } from '../../domain/plan.ts';
import type { Secrets } from '../../domain/ports/services.ts';
import { createHttpsTransport } from './https-transport.ts';
import { createTokenSource, type TokenSource } from './token-source.ts';

/** Tokens of an application, by endpoint and scope: whoever asks for the same shares them. */
export type TokenPool = (application: AdminEndpoint, scope?: string) => TokenSource;

export interface TokenPoolOptions {
  readonly secrets: Secrets;
  /** For one call; 60 s by default. */
  readonly timeoutMs?: number;
  readonly now?: () => number;
}

/** @returns may throw TLS_UNTRUSTED where the application's certificate file cannot be read */
export function createTokenPool({ secrets, timeoutMs = 60_000, now = Date.now }: TokenPoolOptions): TokenPool {
  const sources = new Map<string, TokenSource>();
  return (endpoint, scope) => {
    const caPem = endpoint.caFile === null ? null : readAuthority(endpoint.caFile);
    const key = createHash('sha256')
      .update(JSON.stringify([endpoint, scope ?? null, caPem]))
      .digest('hex');
    const known = sources.get(key);
    if (known !== undefined) return known;
    const send = createHttpsTransport(caPem);
    const made = createTokenSource({ endpoint, secrets, send, timeoutMs, now, ...(scope !== undefined && { scope }) });
    sources.set(key, made);
    return made;
  };
}

function readAuthority(caFile: string): string {
  try {
    return readFileSync(caFile, 'utf8');
  } catch (cause) {
    throw new MigrationError('TLS_UNTRUSTED', `The certificate file ${caFile} cannot be read.`, { cause });
  }
}
