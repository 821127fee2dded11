/** What the client of Microsoft Graph does with one call, against the lab's tenant over HTTPS. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  createGraphClient,
  type GraphCall,
  type GraphClient,
  type GraphClientOptions,
} from '../../adapters/graph/graph-client.ts';
import { createHttpsTransport } from '../../adapters/graph/https-transport.ts';
import { createTokenSource } from '../../adapters/graph/token-source.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { RequestLimiter } from '../../domain/ports/request-limiter.ts';
import { type Authority, createAuthority } from '../../lab/authority.ts';
import { type HostedTenant, startHostedTenant, type TenantCall } from '../../lab/exchange/tenant.ts';

const signal = new AbortController().signal;
const read: GraphCall = { name: 'list domains', effect: false, method: 'GET', path: '/domains' };
const write: GraphCall = { name: 'create user', effect: true, method: 'POST', path: '/users', body: {} };

let authority: Authority;
let tenant: HostedTenant;
let nowMs = 0;
beforeAll(async () => {
  authority = await createAuthority();
});
afterEach(() => tenant.close());

async function open(options: Partial<GraphClientOptions> = {}, timeoutMs = 5_000): Promise<GraphClient> {
  nowMs = Date.now();
  const now = () => nowMs;
  tenant = await startHostedTenant({ authority, domains: ['example.test'], now });
  const { baseUrl, tokenUrl, tenantId, clientId } = tenant;
  const send = createHttpsTransport(authority.caPem);
  const secrets = { resolve: () => Promise.resolve('lab-secret') };
  const endpoint = { baseUrl, tokenUrl, tenantId, clientId, clientSecret: 'env:SECRET', caFile: null } as const;
  const tokens = createTokenSource({ endpoint, secrets, send, timeoutMs, now });
  return createGraphClient({ baseUrl, tokens, send, timeoutMs, now, ...options });
}

/** All calls that came to Graph itself, with what they carried. */
function watch(): TenantCall[] {
  const seen: TenantCall[] = [];
  tenant.fault = (call) => {
    if (!call.path.endsWith('/token')) seen.push(call);
    return null;
  };
  return seen;
}

describe('a call to Graph', () => {
  test.each([
    ['503 to an effect', write, { status: 503 }, { did: 'unknown', status: 503 }],
    ['504 to an effect', write, { status: 504, afterEffect: true }, { did: 'unknown', status: 504 }],
    ['503 to a look', read, { status: 503 }, { did: 'not happen', status: 503 }],
    ['413 to an effect', write, { status: 413 }, { did: 'not happen', status: 413 }],
    ['a cut connection to an effect', write, { drop: true }, { did: 'unknown', status: null }],
    ['a cut connection to a look', read, { drop: true }, { did: 'not happen', status: null }],
    [
      '429 with a fraction',
      write,
      { status: 429, headers: { 'retry-after': '2.128' } },
      { did: 'not happen', status: 429, retryAfterMs: 2_128 },
    ],
    [
      "Exchange's own word",
      write,
      { status: 409, body: { error: { code: 'ErrorFolderExists', message: 'x' } } },
      { did: 'not happen', code: 'ErrorFolderExists' },
    ],
  ] as const)('takes %s for what it is, and repeats nothing', async (_case, call, fault, outcome) => {
    const client = await open();
    let calls = 0;
    tenant.fault = ({ path }) => {
      if (path.endsWith('/token')) return null;
      calls += 1;
      return fault;
    };
    expect(await client.call(call, signal)).toMatchObject(outcome);
    expect(calls).toBe(1);
  });

  test('that gets no answer in time is given up', async () => {
    const client = await open({}, 200);
    tenant.fault = ({ path }) => (path.endsWith('/token') ? null : { hang: true });
    expect(await client.call(write, signal)).toMatchObject({ did: 'unknown', status: null });
    expect(await client.call(read, signal)).toMatchObject({ did: 'not happen', status: null });
  });

  test('to nobody did not happen, though it is an effect', async () => {
    const client = await open();
    await client.call(read, signal);
    await tenant.close();
    // The connection that was kept may be found cut after the call went out on it; the next one is a new one.
    await client.call(read, signal);
    expect(await client.call(write, signal)).toMatchObject({ did: 'not happen', status: null });
  });

  test('goes to beta where it is asked to, as text where the body is text', async () => {
    const client = await open();
    const seen = watch();
    const headers = { Prefer: 'IdType="ImmutableId"' };
    await client.call(
      { ...write, version: 'beta', path: '/users/a/mailFolders/b/importMime', body: 'QUJD', headers },
      signal,
    );
    expect(seen[0]).toMatchObject({ path: '/beta/users/a/mailFolders/b/importMime', method: 'POST' });
    expect(seen[0]?.headers).toMatchObject({
      'content-type': 'text/plain',
      'content-length': '4',
      prefer: headers.Prefer,
    });
  });

  test('T57: is made once more with a new token, all of them that were under way at the end of the old one', async () => {
    const client = await open();
    await client.call(read, signal);
    nowMs += 120_000;
    tenant.access.revokeTokens();
    const seen = watch();
    const outcomes = await Promise.all([read, write, read].map((call) => client.call(call, signal)));
    // The create is refused for its empty body, after its token was good.
    expect(outcomes.map((outcome) => [outcome.did, outcome.status])).toEqual([
      ['happen', 200],
      ['not happen', 400],
      ['happen', 200],
    ]);
    expect(tenant.access.given).toBe(2);
    expect(seen.map(({ headers }) => headers['authorization']?.split(' ').length)).toEqual(seen.map(() => 2));
  });

  test('T57: with a fresh token that is refused waits for a person, and is not made again', async () => {
    const client = await open();
    await client.call(read, signal);
    tenant.access.revokeTokens();
    const seen = watch();
    await expect(client.call(write, signal)).rejects.toMatchObject({ code: 'CONSENT_REVOKED' });
    expect(seen).toHaveLength(1);
  });

  test('that changes something is not sent when the lease is lost, a look is', async () => {
    let isOurs = true;
    const client = await open({ mayWrite: () => isOurs });
    await client.call(write, signal);
    const seen = watch();
    isOurs = false;
    await expect(client.call(write, signal)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    const range = { content: Buffer.from('x'), offset: 0, sizeBytes: 1 };
    const session = { name: 'upload', url: `${tenant.baseUrl}up` };
    await expect(client.callSession({ ...session, range }, signal)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(seen).toEqual([]);
    expect(await client.call(read, signal)).toMatchObject({ did: 'happen' });
    await client.callSession({ ...session, range: null }, signal);
    expect(seen.map(({ method }) => method)).toEqual(['GET', 'GET']);
  });

  test('goes to an upload session without a token, with its place in the whole', async () => {
    const client = await open();
    const seen = watch();
    const range = { content: Buffer.from('cdef'), offset: 2, sizeBytes: 9 };
    await client.callSession({ name: 'upload', url: `${tenant.baseUrl}up?authtoken=x`, range }, signal);
    expect(seen[0]?.headers['authorization']).toBeUndefined();
    expect(seen[0]).toMatchObject({
      method: 'PUT',
      headers: { 'content-range': 'bytes 2-5/9', 'content-length': '4' },
    });
    const open2 = client.callSession({ name: 'upload', url: 'http://example.test/', range }, signal);
    await expect(open2).rejects.toMatchObject({ code: 'PROTOCOL_VIOLATION' });
  });

  test('is made by the limiter, which learns of its bytes and of waits', async () => {
    const uploads: number[] = [];
    const waits: unknown[] = [];
    const limiter: RequestLimiter = {
      async run(_party, uploadBytes, _signal, call) {
        uploads.push(uploadBytes);
        return await call().catch((error: unknown) => {
          waits.push(error instanceof MigrationError ? error.retryAfterMs : error);
          throw error;
        });
      },
    };
    const client = await open({ limit: { limiter, party: { app: 'a', mailbox: 'b' } } });
    await client.call(read, signal);
    await client.call({ ...write, body: { x: 'ü' } }, signal);
    tenant.fault = () => ({ status: 503, headers: { 'retry-after': '0.5' } });
    expect(await client.call(write, signal)).toMatchObject({ did: 'unknown', status: 503 });
    expect(uploads).toEqual([0, 10, 2]);
    expect(waits).toEqual([500]);
  });

  test('is given up when the caller is cancelled, with the reason of the caller', async () => {
    const client = await open();
    await client.call(read, signal);
    const caller = new AbortController();
    const reason = new Error('cancelled');
    tenant.fault = () => {
      caller.abort(reason);
      return { hang: true };
    };
    await expect(client.call(write, caller.signal)).rejects.toBe(reason);
  });
});
