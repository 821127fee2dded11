import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Db, openDatabase } from '../../adapters/ledger/database.ts';
import { migrateToLatest } from '../../adapters/ledger/migrate.ts';
import { findFreePort } from '../../embedded/ports.ts';
import { startEmbeddedPostgres } from '../../embedded/postgres.ts';

export interface TestDatabase {
  readonly url: string;
  readonly db: Db;
  /** Closes the pool and drops the database; the last one also stops the server. */
  drop(): Promise<void>;
}

interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

let server: Promise<Server> | null = null;
let users = 0;

/** A database of its own, migrated to the newest schema. The server starts with the first one of a test file. */
export async function testDatabase(options: { migrate?: boolean } = {}): Promise<TestDatabase> {
  server ??= startServer();
  users++;
  const { url: serverUrl, stop } = await server;
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await runOnce(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const db = openDatabase(url.href, { maxConnections: 20 });
  async function drop(): Promise<void> {
    await db.destroy();
    users--;
    if (users > 0) return await runOnce(serverUrl, `drop database ${name} with (force)`);
    server = null;
    await stop();
  }
  try {
    if (options.migrate !== false) await migrateToLatest(db);
  } catch (error) {
    await drop(); // the caller has nothing yet that it could drop
    throw error;
  }
  return { url: url.href, db, drop };
}

async function startServer(): Promise<Server> {
  const dataDir = mkdtempSync(join(tmpdir(), 'mailferry-test-database-'));
  const postgres = await startEmbeddedPostgres({ dataDir, port: await findFreePort(), fast: true });
  return {
    url: postgres.url,
    async stop() {
      await postgres.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function runOnce(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
