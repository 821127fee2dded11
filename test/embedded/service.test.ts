import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../config.ts';
import type { MigrationError } from '../../domain/errors.ts';
import { findRunningService } from '../../embedded/lock.ts';
import { startEmbeddedPostgres } from '../../embedded/postgres.ts';
import { findProcess } from '../../embedded/process-marks.ts';
import { type Embedded, startEmbedded } from '../../embedded/service.ts';
import { waitUntil } from '../../embedded/wait-until.ts';
import { type HeldService, holdService, holdSoundService, processesNaming } from './held-service.ts';

const OPTIONS = {
  fast: true,
  searchAttributes: { TestKeyword: 'Keyword', TestInt: 'Int' },
  onFatal: (error: MigrationError) => {
    throw error;
  },
} as const;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailferry-embedded-'));
  // What root's own folders look like: PostgreSQL's user may not enter.
  chmodSync(folder, 0o700);
});
afterAll(async () => {
  expect(await waitUntil(async () => (await processesNaming(folder)).length === 0, 5_000)).toBe(true);
  rmSync(folder, { recursive: true, force: true });
});

describe('a running service', () => {
  let embedded: Embedded;
  let home: string;
  const restarted: string[] = [];

  beforeAll(async () => {
    home = join(folder, 'running');
    const config = readConfig({ MAILFERRY_HOME: home });
    embedded = await startEmbedded(config, { ...OPTIONS, onRestart: ({ name }) => restarted.push(name) });
  });
  afterAll(() => embedded.stop());

  it('answers queries under a folder that only its owner may enter', async () => {
    expect(await query(embedded.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('keeps the password from other users and out of the settings that need none', async () => {
    await expect(query(embedded.databaseUrl.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow(/password/);
    expect(readFileSync(join(home, 'data', 'postgres.password'), 'utf8').length).toBeGreaterThan(20);
  });

  it('brings a killed PostgreSQL back on the same port with its data', async () => {
    await query(embedded.databaseUrl, 'CREATE TABLE kept (n int)');
    await query(embedded.databaseUrl, 'INSERT INTO kept VALUES (7)');
    const pid = pidOf(embedded.postgres);
    process.kill(pid, 'SIGKILL');
    const back = await waitUntil(async () => {
      const now = embedded.postgres?.pid() ?? pid;
      if (now === pid) return false;
      return await query(embedded.databaseUrl, 'SELECT n FROM kept').then(
        (rows) => rows.length === 1,
        () => false,
      );
    }, 30_000);
    expect(back).toBe(true);
    await embedded.postgres?.whenReady();
    expect(restarted).toContain('PostgreSQL');
  });

  it('brings a killed Temporal back with its workflows and search attributes', async () => {
    const start = async (client: Client) => {
      await client.workflow.start('nobody-works-on-this', {
        workflowId: 'kept',
        taskQueue: 'none',
        searchAttributes: { TestKeyword: ['here'] },
      });
    };
    await withClient(embedded.temporalAddress, start);
    const pid = pidOf(embedded.temporal);
    process.kill(pid, 'SIGKILL');
    expect(await waitUntil(() => ![null, pid].includes(embedded.temporal?.pid() ?? null), 15_000)).toBe(true);
    await embedded.temporal?.whenReady();
    await withClient(embedded.temporalAddress, async (client) => {
      const found = await client.workflow.getHandle('kept').describe();
      expect(found.status.name).toBe('RUNNING');
      expect(await client.workflow.count("TestKeyword = 'here'")).toMatchObject({ count: 1 });
    });
    expect(restarted).toContain('Temporal');
  });

  it('is the only one on its folder, and a second start says where it is', async () => {
    embedded.announce('http://127.0.0.1:7099');
    const second = await holdService(home);
    expect(second).toMatchObject({
      code: 'ALREADY_RUNNING',
      message: `Process ${process.pid} already serves ${home}. Its API is http://127.0.0.1:7099.`,
    });
    expect(findRunningService(home)).toEqual({ pid: process.pid, apiUrl: 'http://127.0.0.1:7099' });
  });

  it('stops within ten seconds, though a session is open, and starts again with its data and a new search attribute', async () => {
    const session = new pg.Client({ connectionString: embedded.databaseUrl });
    session.on('error', () => undefined);
    await session.connect();
    const begun = performance.now();
    await embedded.stop();
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(await processesNaming(home)).toEqual([]);
    expect(findRunningService(home)).toBeNull();

    const { temporalAddress, databaseUrl } = embedded;
    embedded = await startEmbedded(readConfig({ MAILFERRY_HOME: home }), {
      ...OPTIONS,
      searchAttributes: { ...OPTIONS.searchAttributes, TestLater: 'KeywordList' },
    });
    expect([embedded.temporalAddress, embedded.databaseUrl]).toEqual([temporalAddress, databaseUrl]);
    expect(await query(databaseUrl, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
    await withClient(temporalAddress, async (client) => {
      expect((await client.workflow.getHandle('kept').describe()).status.name).toBe('RUNNING');
      expect(await client.workflow.count("TestLater = 'x'")).toMatchObject({ count: 0 });
    });
  });
});

it('gets a namespace that its data has not had before', async () => {
  const home = join(folder, 'namespaces');
  for (const namespace of ['first', 'second']) {
    const config = readConfig({ MAILFERRY_HOME: home, MAILFERRY_NAMESPACE: namespace });
    const embedded = await startEmbedded(config, OPTIONS);
    await embedded.stop();
  }
});

describe('a service whose process is killed', () => {
  const held: HeldService[] = [];
  afterEach(() => {
    for (const { child } of held.splice(0)) child.kill('SIGKILL');
  });

  it('leaves no process, and the next start takes its lock over', async () => {
    const home = join(folder, 'killed');
    const first = await holdSoundService(home);
    held.push(first);
    first.child.kill('SIGKILL');
    const pids = Object.values(first.pids);
    expect(await waitUntil(() => pids.every((pid) => findProcess(pid) === null), 8_000)).toBe(true);
    expect(await processesNaming(home)).toEqual([]);

    const second = await holdSoundService(home);
    held.push(second);
    expect(second.databaseUrl).toBe(first.databaseUrl);
    const ended = once(second.child, 'exit');
    second.child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  it('leaves no process where its watchdog died just before it', async () => {
    const home = join(folder, 'both-killed');
    const service = await holdSoundService(home);
    held.push(service);
    process.kill(service.pids.watchdog, 'SIGKILL');
    service.child.kill('SIGKILL');
    const pids = Object.values(service.pids);
    expect(await waitUntil(() => pids.every((pid) => findProcess(pid) === null), 8_000)).toBe(true);
    expect(await processesNaming(home)).toEqual([]);
  });
});

describe('a start that cannot succeed', () => {
  it('names the variable when the port that it was given is in use, and leaves nothing running', async () => {
    const home = join(folder, 'port');
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const config = readConfig({ MAILFERRY_HOME: home, MAILFERRY_PG_PORT: String(port) });
    await expect(startEmbedded(config, OPTIONS)).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`Port ${port} (MAILFERRY_PG_PORT) is in use`) as string,
    });
    other.close();
    expect(await processesNaming(home)).toEqual([]);
    expect(findRunningService(home)).toBeNull();
  });

  it('says which PostgreSQL made the data when it was another version', async () => {
    const dataDir = join(folder, 'old-version');
    mkdirSync(join(dataDir, 'postgres'), { recursive: true });
    writeFileSync(join(dataDir, 'postgres', 'PG_VERSION'), '17\n');
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(/made by PostgreSQL 17 and this is 18/);
  });
});

function pidOf(part: { pid(): number | null } | null): number {
  const pid = part?.pid() ?? null;
  if (pid === null) throw new Error('it is not running');
  return pid;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function withClient(address: string, use: (client: Client) => Promise<void>): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}
