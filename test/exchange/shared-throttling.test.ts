/** Two workers with one PostgreSQL between them, against the throttle of the simulated tenant (exchange.md §3, §9.5). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGraphClient, type GraphClient } from '../../adapters/graph/graph-client.ts';
import { createHttpsTransport } from '../../adapters/graph/https-transport.ts';
import { createTokenPool } from '../../adapters/graph/token-pool.ts';
import { type Db, openDatabase } from '../../adapters/ledger/database.ts';
import { createThrottleStore } from '../../adapters/ledger/throttle-store.ts';
import { createRequestLimiter } from '../../adapters/limiter/request-limiter.ts';
import { createAuthority } from '../../lab/authority.ts';
import { type HostedTenant, startHostedTenant } from '../../lab/exchange/tenant.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';

const ANN = 'ann@harbour.test';
const RETRY_AFTER_MS = 1_813;
/** The bound is a second (the limiter's half, and what a loaded machine takes for a request). */
const HEARD_WITHIN_MS = 1_000;
/** The refusal was on its way for some time before it was seen here. */
const ON_ITS_WAY_MS = 200;
const signal = new AbortController().signal;

let folder: string;
let caPem: string;
let tenant: HostedTenant;
let database: TestDatabase;
const dbs: Db[] = [];

beforeAll(async () => {
  const authority = await createAuthority();
  caPem = authority.caPem;
  folder = mkdtempSync(join(tmpdir(), 'mailferry-throttle-'));
  writeFileSync(join(folder, 'ca.pem'), caPem);
  tenant = await startHostedTenant({ authority, domains: ['harbour.test'], readyAfterMs: 0 });
  tenant.addMailbox(ANN);
  database = await testDatabase();
});
afterAll(async () => {
  await Promise.all(dbs.map((db) => db.destroy()));
  await database?.drop();
  await tenant?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A process of its own, as far as throttling goes: its own pool, its own requests. */
function startWorker(name: string): GraphClient {
  const db = openDatabase(database.url);
  dbs.push(db);
  const limiter = createRequestLimiter(createThrottleStore(db), name);
  const { baseUrl, tokenUrl, tenantId, clientId } = tenant;
  const application = { baseUrl, tokenUrl, tenantId, clientId, clientSecret: 'env:X', caFile: join(folder, 'ca.pem') };
  const tokens = createTokenPool({ secrets: { resolve: async () => 'lab-secret' } })(application);
  const party = { app: `${clientId}@${tenantId}`, mailbox: ANN };
  const send = createHttpsTransport(caPem);
  return createGraphClient({ baseUrl, tokens, send, timeoutMs: 10_000, now: Date.now, limit: { limiter, party } });
}

test('what one worker is refused, both wait for within a second, to the fraction; then both go on, and none is refused again', async () => {
  const workers = [startWorker('one'), startWorker('other')];
  const read = (worker: GraphClient | undefined) =>
    worker?.call({ name: 'get inbox', effect: false, method: 'GET', path: `/users/${ANN}/mailFolders/inbox` }, signal);
  // Tokens and connections are there before anything is measured.
  for (const worker of workers) expect(await read(worker)).toMatchObject({ did: 'happen' });
  // The tenant takes one at a time from now on; two are sent at first.
  Object.assign(tenant.graph.limits, { concurrent: 1, retryAfterSeconds: RETRY_AFTER_MS / 1_000 });
  tenant.graph.latencyMs = 150;
  const arrivals: number[] = [];
  const refusals: number[] = [];
  tenant.fault = ({ path }) => {
    if (path.includes('mailFolders')) arrivals.push(performance.now());
    return null;
  };
  const insist = async (worker: GraphClient | undefined) => {
    for (;;) {
      const outcome = await read(worker);
      if (outcome?.did === 'happen') return;
      if (outcome?.status !== 429) throw new Error(`answered ${outcome?.status}`);
      expect(outcome.retryAfterMs).toBe(RETRY_AFTER_MS);
      refusals.push(performance.now());
    }
  };
  await Promise.all([0, 1, 0, 1, 0, 1].map((at) => insist(workers[at])));
  expect(refusals).toHaveLength(1);
  const [refusedAt = 0] = refusals;
  // What the other worker knew of the mailbox is used for half a second at most; then it has heard of the wait, and keeps to it.
  const since = arrivals.map((at) => at - refusedAt);
  expect(since.filter((ms) => ms > HEARD_WITHIN_MS && ms < RETRY_AFTER_MS - ON_ITS_WAY_MS)).toEqual([]);
  const after = since.filter((ms) => ms >= RETRY_AFTER_MS - ON_ITS_WAY_MS);
  expect(after.length).toBeGreaterThanOrEqual(3);
  expect(Math.min(...after)).toBeLessThan(RETRY_AFTER_MS + 1_000);
});
