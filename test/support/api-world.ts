import { readFileSync } from 'node:fs';
import pino from 'pino';
import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { createMemoryStores, type MemoryStores } from '../../adapters/memory/stores.ts';
import { planReader } from '../../adapters/plan/read-plan.ts';
import type { Api, CodecAccess } from '../../api/deps.ts';
import type { WorkflowGateway } from '../../api/gateway.ts';
import { buildServer } from '../../api/server.ts';
import { MigrationError } from '../../domain/errors.ts';

export const TOKEN = 'operator-token-of-the-tests-0123456789';

export interface FakeWorkflows extends WorkflowGateway {
  /** Names of calls in order, e.g. `update:pause`. */
  readonly calls: string[];
  readonly updates: { migrationId: string; name: string; args: unknown; updateId: string }[];
  readonly running: Set<string>;
  /** What the next update is refused with. */
  refusal: MigrationError | null;
  down: boolean;
}

export interface ApiWorld extends MemoryStores {
  readonly app: Api;
  /** Knows no mailbox until a test adds it. */
  readonly ledger: MemoryLedger;
  readonly workflows: FakeWorkflows;
  readonly clock: { at: number };
  readonly nudges: { count: number };
}

export interface ApiWorldOptions {
  readonly codec?: CodecAccess;
  readonly checkDatabase?: () => Promise<void>;
}

/** The API over stores in memory and workflows that only take notes. */
export async function newApiWorld(options: ApiWorldOptions = {}): Promise<ApiWorld> {
  const clock = { at: Date.parse('2026-12-01T08:00:00Z') };
  const stores = createMemoryStores(() => clock.at);
  await stores.access.ensureFirstOperator('operator', TOKEN);
  const ledger = new MemoryLedger();
  const workflows = createFakeWorkflows();
  const nudges = { count: 0 };
  const app = await buildServer({
    ...stores,
    workflows,
    ledger,
    plans: planReader,
    checkDatabase: options.checkDatabase ?? (async () => undefined),
    nudgeRelay: () => {
      nudges.count += 1;
    },
    publicUrl: () => 'https://mailferry.example',
    codec: options.codec ?? null,
    clock: { now: () => clock.at },
    logger: pino({ level: 'silent' }),
  });
  return { ...stores, ledger, app, workflows, clock, nudges };
}

const example = (name: string): string => readFileSync(new URL(`../../docs/examples/${name}`, import.meta.url), 'utf8');
export const examplePlan = { plan: example('plan.yaml'), mailboxes: example('mailboxes.csv') };

function createFakeWorkflows(): FakeWorkflows {
  const fake: FakeWorkflows = {
    calls: [],
    updates: [],
    running: new Set(),
    refusal: null,
    down: false,
    async start(migrationId) {
      note('start');
      fake.running.add(migrationId);
    },
    async update(migrationId, name, args, updateId) {
      note(`update:${name}`);
      requireRunning(migrationId);
      if (fake.refusal !== null) throw fake.refusal;
      fake.updates.push({ migrationId, name, args, updateId });
      return { message: `${name} is done.` };
    },
    async cancel(migrationId) {
      note('cancel');
      requireRunning(migrationId);
    },
    async startPreflight() {
      note('startPreflight');
    },
    async isPreflightRunning() {
      return false;
    },
    async startProvisioning(_migrationId, what) {
      note(`startProvisioning:${what}`);
    },
    async findProvisioning() {
      return 'done';
    },
    async signalDecision(migrationId) {
      note('signalDecision');
      requireRunning(migrationId);
    },
    async check() {
      if (fake.down) throw new MigrationError('TEMPORAL_UNAVAILABLE', 'away');
    },
  };
  const note = (call: string): void => {
    fake.calls.push(call);
    if (fake.down) throw new MigrationError('TEMPORAL_UNAVAILABLE', 'away', { retryAfterMs: 5_000 });
  };
  const requireRunning = (migrationId: string): void => {
    if (!fake.running.has(migrationId)) throw new MigrationError('NOT_FOUND', 'The migration is not running.');
  };
  return fake;
}
