import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../adapters/ledger/database.ts';
import { createHostConnections, type HostConnectionsOptions } from '../../adapters/ledger/host-connections.ts';
import { createSignIns } from '../../adapters/ledger/sign-ins.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(async () => {
  await database?.drop();
});

/** A process with a pool of its own; `die` ends it without a word. */
function newProcess(options: HostConnectionsOptions) {
  const db = openDatabase(database.url);
  return { hosts: createHostConnections(db, options), die: () => db.destroy() };
}

test('a place comes back when its holder has died, and not before', async () => {
  const living = newProcess({ renewMs: 50, placeValidMs: 400 });
  const dying = newProcess({ renewMs: 50, placeValidMs: 400 });
  expect(await living.hosts.findPlace('host:1', 2, false)).not.toBeNull();
  expect(await dying.hosts.findPlace('host:1', 2, false)).not.toBeNull();
  const third = newProcess({ placeValidMs: 60_000 });
  // Three times as long as a place is valid: renewals keep both.
  const until = Date.now() + 1_200;
  while (Date.now() < until) expect(await third.hosts.findPlace('host:1', 2, false)).toBeNull();
  await dying.die();
  await expect.poll(() => third.hosts.findPlace('host:1', 2, false), { timeout: 5_000 }).not.toBeNull();
  expect(await third.hosts.findPlace('host:1', 2, false)).toBeNull();
  await Promise.all([living.die(), third.die()]);
});

test('a holder that comes to itself after its place was taken does not give the place of the other away', async () => {
  const sleeping = newProcess({ renewMs: 60_000, placeValidMs: 1 });
  const place = await sleeping.hosts.findPlace('host:2', 1, false);
  const next = newProcess({});
  await expect.poll(() => next.hosts.findPlace('host:2', 1, false)).not.toBeNull();
  await place?.release();
  expect(await sleeping.hosts.findPlace('host:2', 1, false)).toBeNull();
  await Promise.all([sleeping.die(), next.die()]);
});

test('a process that waited and died does not keep the place wanted', async () => {
  const holding = newProcess({ wantedMs: 0 });
  const waiting = newProcess({ waitValidMs: 300 });
  await holding.hosts.findPlace('host:3', 1, false);
  await waiting.hosts.findPlace('host:3', 1, true);
  expect(await holding.hosts.isWanted('host:3')).toBe(true);
  await expect.poll(() => holding.hosts.isWanted('host:3')).toBe(false);
  await Promise.all([holding.die(), waiting.die()]);
});

test('answers from memory within a second, also while the database is away', async () => {
  const process = newProcess({ wantedMs: 60_000 });
  expect(await process.hosts.isWanted('host:4')).toBe(false);
  const waiting = newProcess({});
  const holding = newProcess({});
  await holding.hosts.findPlace('host:4', 1, false);
  await waiting.hosts.findPlace('host:4', 1, true);
  expect(await process.hosts.isWanted('host:4')).toBe(false); // the answer of before
  expect(await holding.hosts.isWanted('host:4')).toBe(true);
  await Promise.all([process.die(), waiting.die(), holding.die()]);
  expect(await process.hosts.isWanted('host:4')).toBe(false);
  expect(await process.hosts.isWanted('host:5')).toBe(false);
});

test('a place may be given back while the database is away', async () => {
  const process = newProcess({});
  const place = await process.hosts.findPlace('host:6', 1, false);
  await process.die();
  await place?.release();
  await process.hosts.close();
});

test('T60: no password and no plain digest of one is in the database, and equal ones cannot be told', async () => {
  const signIns = createSignIns(database.db);
  await signIns.recordRefused('ann@host:993', 'a secret');
  await signIns.recordRefused('bob@host:993', 'a secret');
  const rows = await database.db.selectFrom('refused_sign_ins').select(['account', 'salt', 'digests']).execute();
  expect(JSON.stringify(rows)).not.toContain('a secret');
  const digests = rows.flatMap((row) => row.digests);
  expect(new Set(digests).size).toBe(2);
  for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(new Set(rows.map((row) => row.salt.toString('hex'))).size).toBe(2);
});
