import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AccessStore, Json } from '../domain/ports/store.ts';
import { operatorOf } from './auth.ts';

/** Header of creations (draft-ietf-httpapi-idempotency-key-header). */
export const IdempotencyHeaders = z.looseObject({
  'idempotency-key': z
    .string('the Idempotency-Key header is required here')
    .regex(/^[\x21-\x7e]{8,200}$/, 'must be 8 to 200 visible ASCII characters')
    .describe('Chosen by the caller; the same key and body give the same answer again'),
});

/** An opaque id that follows from the caller's key: the same request twice makes one thing, whatever died in between. */
export function idFromKey(prefix: 'mig' | 'chg' | 'iss', request: FastifyRequest): string {
  return `${prefix}_${digestOf(scopedKey(request)).slice(0, 24)}`;
}

/**
 * Runs a creation once per key. The answer of the first run is given again; an error frees the key, which is right because ids
 * follow from the key and every write below is idempotent.
 * @throws IDEMPOTENCY_KEY_REUSED, CONFLICT
 */
export async function once<T extends Json>(
  access: AccessStore,
  request: FastifyRequest,
  status: number,
  run: () => Promise<T>,
): Promise<T> {
  const key = scopedKey(request);
  const fingerprint = digestOf(`${request.method} ${request.url}\n${canonicalize(request.body ?? null)}`);
  const earlier = await access.beginRequest(key, fingerprint);
  if (earlier !== null) return earlier.body as T; // stored by this very function
  try {
    const body = await run();
    await access.endRequest(key, { status, body });
    return body;
  } catch (error) {
    await access.forgetRequest(key);
    throw error;
  }
}

function scopedKey(request: FastifyRequest): string {
  return `${operatorOf(request).id}:${request.routeOptions.url}:${String(request.headers['idempotency-key'])}`;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
