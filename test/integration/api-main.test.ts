import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApprovalStore } from '../../adapters/ledger/approval-store.ts';
import { codecPath, type RunningApi, startApi } from '../../api/main.ts';
import { createTemporalGateway } from '../../api/temporal-gateway.ts';
import { readConfig } from '../../config.ts';
import { findFreePort } from '../../embedded/ports.ts';
import { type EmbeddedTemporal, startEmbeddedTemporal } from '../../embedded/temporal.ts';
import { findHomeFile, OPERATOR_TOKEN_FILE } from '../../home.ts';
import { createPayloadCodec, dataConverter } from '../../workers/payload-codec.ts';
import { migrationWorkflowId, SEARCH_ATTRIBUTES, TASK_QUEUES } from '../../workflows/names.ts';
import { examplePlan } from '../support/api-world.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';

const home = mkdtempSync(join(tmpdir(), 'mailferry-api-'));
const key = Buffer.alloc(32, 7);
const codec = createPayloadCodec(key);
const uiUrl = 'http://127.0.0.1:8233';

let database: TestDatabase;
let server: EmbeddedTemporal;
let connection: Connection;
let temporal: Client;
let worker: Worker;
let workerConnection: NativeConnection;
let working: Promise<void>;
let api: RunningApi;
let token: string;

beforeAll(async () => {
  const ports = { port: await findFreePort(), uiPort: await findFreePort() };
  [database, server] = await Promise.all([
    testDatabase(),
    startEmbeddedTemporal({ dataDir: home, ...ports, namespace: 'default', searchAttributes: SEARCH_ATTRIBUTES }),
  ]);
  connection = await Connection.connect({ address: server.address });
  temporal = new Client({ connection, dataConverter: dataConverter(codec) });
  workerConnection = await NativeConnection.connect({ address: server.address });
  worker = await Worker.create({
    connection: workerConnection,
    taskQueue: TASK_QUEUES.orchestration,
    workflowsPath: fileURLToPath(new URL('../support/answering-workflow.ts', import.meta.url)),
    dataConverter: dataConverter(codec),
  });
  working = worker.run();
  const config = readConfig({ MAILFERRY_HOME: home, MAILFERRY_API_PORT: '0' });
  const logger = pino({ level: 'silent' });
  api = await startApi({ config, db: database.db, temporal, codec, codecKey: key, temporalUiUrl: uiUrl, logger });
  token = findHomeFile(home, OPERATOR_TOKEN_FILE) ?? '';
}, 90_000);

afterAll(async () => {
  await api?.stop();
  worker?.shutdown();
  await working;
  await workerConnection?.close();
  await connection?.close();
  await server?.stop();
  await database?.drop();
  rmSync(home, { recursive: true, force: true });
}, 60_000);

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Answer };
}

/** What the assertions below look at; the API's own tests hold its shapes. */
interface Answer {
  readonly id: string;
  readonly detail: string;
  readonly digest: string;
  readonly intact: boolean;
  readonly payloads: readonly { readonly data: string }[];
}

function mails(): string[] {
  return readdirSync(join(home, 'mail'))
    .filter((name) => name.endsWith('.eml'))
    .map((name) => unfold(readFileSync(join(home, 'mail', name), 'utf8')));
}

describe('the API on a real Temporal and a real PostgreSQL', () => {
  test('is ready', async () => {
    expect(await call('GET', '/readyz')).toEqual({
      status: 200,
      body: { ready: true, database: true, temporal: true },
    });
  });

  test('carries a migration from the plan to a decision that reaches its workflow', async () => {
    const created = await call('POST', '/v1/migrations', examplePlan, { 'idempotency-key': 'one-migration-please' });
    expect(created.status).toBe(201);
    const id: string = created.body.id;
    expect((await call('POST', `/v1/migrations/${id}/pause`, { reason: 'x' })).body.detail).toContain(
      'not been started',
    );
    for (let i = 0; i < 2; i++) expect((await call('POST', `/v1/migrations/${id}/start`)).status).toBe(202);
    const paused = await call('POST', `/v1/migrations/${id}/pause`, { reason: 'x' });
    expect(paused).toMatchObject({ status: 202, body: { message: expect.stringMatching(/^Paused by op_/) } });
    const again = await call('POST', `/v1/migrations/${id}/pause`, { reason: 'x' });
    expect(again).toMatchObject({ status: 409, body: { code: 'NOT_NOW', detail: 'the migration is paused already' } });
    const { attributes } = await describeWorkflow(id);
    expect(attributes).toEqual({ MailferryMigration: [id], MailferryClient: ['example-org'] });

    // The gate is opened as an activity would; from here on everything is public: link, code, decision, signal.
    const evidence = { mailboxes: [] };
    await createApprovalStore(database.db).openGate({
      migrationId: id,
      gate: 'accounts',
      evidence,
      publicUrl: api.publicUrl,
    });
    await expect.poll(() => existing(mails), { timeout: 10_000 }).toHaveLength(1);
    const link = /http\S+#([\w-]+)/.exec(mails()[0] ?? '');
    const contact = { authorization: `Link ${link?.[1]}` };
    expect(link?.[0]).toContain(`${api.url}/portal`);
    const question = await call('GET', '/v1/link', undefined, contact);
    expect(question.body).toMatchObject({ gate: 'accounts', state: 'open', evidence });
    expect((await call('POST', '/v1/link/challenge', undefined, contact)).status).toBe(202);
    await expect.poll(mails, { timeout: 10_000 }).toHaveLength(2);
    const code = mails().flatMap((mail) => /\b\d{6}\b/.exec(mail.split('\n\n').slice(1).join('\n')) ?? [])[0];
    const decision = { verdict: 'approve', digest: question.body.digest, code };
    const decided = await call('POST', '/v1/link/decision', decision, contact);
    expect(decided).toMatchObject({ status: 200, body: { verdict: 'approve', personId: 'ada' } });
    expect(await temporal.workflow.getHandle(migrationWorkflowId(id)).result()).toBe(decided.body.id);

    const restarted = await call('POST', `/v1/migrations/${id}/start`);
    expect(restarted).toMatchObject({ status: 409, body: { code: 'NOT_NOW' } });
    expect((await call('GET', '/v1/audit/verification')).body.intact).toBe(true);
  }, 60_000);

  test('says NOT_FOUND for a workflow that never was, so that the relay gives it up', async () => {
    const gateway = createTemporalGateway(temporal);
    const nobody = gateway.signalDecision('mig_none', {
      decisionId: 'dec_1',
      gate: null,
      gateId: null,
      step: 'B2',
      digest: null,
      party: 'client',
      personId: 'ada',
      verdict: 'acknowledge',
    });
    await expect(nobody).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await gateway.isPreflightRunning('mig_none')).toBe(false);
  });

  test('opens payloads for the Temporal UI', async () => {
    const [sealed] = await codec.encode([
      { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('"hello"') },
    ]);
    const wire = {
      metadata: Object.fromEntries(
        Object.entries(sealed?.metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
      ),
      data: Buffer.from(sealed?.data ?? []).toString('base64'),
    };
    const answer = await call('POST', `${codecPath(key)}/decode`, { payloads: [wire] }, { origin: uiUrl });
    expect(Buffer.from(answer.body.payloads[0]?.data ?? '', 'base64').toString()).toBe('"hello"');
  });
});

/** A folder that is not there yet holds nothing. */
function existing(list: () => string[]): string[] {
  try {
    return list();
  } catch {
    return [];
  }
}

/** Quoted-printable soft breaks and `=3D` undone, as far as links need it (RFC 2045 §6.7). */
function unfold(mail: string): string {
  return mail.replaceAll('\r\n', '\n').replaceAll('=\n', '').replaceAll('=3D', '=');
}

async function describeWorkflow(id: string): Promise<{ attributes: Record<string, unknown> }> {
  const { typedSearchAttributes } = await temporal.workflow.getHandle(migrationWorkflowId(id)).describe();
  const attributes: Record<string, unknown> = {};
  for (const pair of typedSearchAttributes.getAll())
    if (pair.key.name.startsWith('Mailferry')) attributes[pair.key.name] = [pair.value];
  return { attributes };
}
