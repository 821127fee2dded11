import proto from '@temporalio/proto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ERRORS } from '../../domain/errors.ts';
import { renderStatusPage } from '../../domain/status-page.ts';
import { mailboxPassWorkflowId } from '../../workflows/names.ts';
import { startDevWorld, until, type World, withMigration } from './harness.ts';
import { Office } from './office.ts';
import { bytesOf, chainOf, rawHistory, runsOf } from './raw-history.ts';

const { EventType } = proto.temporal.api.enums.v1; // the package has no named exports for Node
type HistoryEvent = Awaited<ReturnType<typeof rawHistory>>[number];

/** Words that stand in the plan, in an operator's reason, in a note and in a failure: none may be read in the database. */
const CANARIES = ['Kanarienvogel', 'Nachtruhe', 'Mailbox pass needs', 'told to fail with', 'mailboxes can be read'];

let world: World;
/** All histories of one story with a held mailbox, a pause and a retry, from intake to the end of support. */
let histories: HistoryEvent[][];
let seen: { details: string; expected: string | undefined; heldDetails: string; found: Record<string, string[]> };

beforeAll(async () => {
  world = await startDevWorld();
  const soon = { cutoverLeadMs: 0, deltaEveryMs: 200, quietMs: 1_000, stragglerEveryMs: 500 };
  const clientName = 'Kanarienvogel GmbH';
  const office = new Office(2, {
    clientId: 'client-7',
    clientName,
    policy: { ...new Office(0).settings.policy, ...soon },
  });
  office.fail('copyMailbox', ['AUTH_FAILED'], 'mbx_0');
  await withMigration(world, office, async (hands) => {
    const { runId } = await hands.handle.describe();
    await hands.goTo('A4');
    await hands.update('setCutoverDate', { by: 'client', at: new Date(Date.now() + 2_000).toISOString() });
    await hands.goTo('B1');
    const held = mailboxPassWorkflowId(hands.migrationId, { kind: 'initial', number: 1 }, 'mbx_0');
    await until('one mailbox is held and the other done', async () => {
      const { pass } = await hands.state();
      return pass?.held === 1 && pass.done === 1;
    });
    const found: Record<string, string[]> = {};
    for (const query of [
      "MailferryClient = 'client-7' AND WorkflowType = 'migration'",
      "MailferryClient = 'client-7' AND MailferryPhase = 'data-migration'",
      "MailferryStep = 'B1' AND MailferryProgress = 50",
      "MailferryWaitingFor = 'provider' AND WorkflowType = 'migration'",
      "MailferryWaitingFor = 'provider:AUTH_FAILED'",
      "MailferryMigration = '' OR MailferryClient = 'another'",
    ]) {
      const list = async () => {
        const ids: string[] = [];
        for await (const run of world.env.client.workflow.list({ query })) ids.push(run.workflowId);
        return ids;
      };
      if (!query.includes('another')) await until(`${query} finds something`, async () => (await list()).length > 0);
      found[query] = await list();
    }
    const shown = () => office.views.map((view) => renderStatusPage(clientName, view)).at(-1);
    await until('what the page shows is written', async () => (await detailsOf(hands.handle.workflowId)) === shown());
    seen = {
      details: await detailsOf(hands.handle.workflowId),
      expected: shown(),
      heldDetails: await detailsOf(held),
      found: Object.fromEntries(
        Object.entries(found).map(([query, ids]) => [query, ids.map((id) => id.replace(hands.migrationId, 'mig'))]),
      ),
    };
    await hands.update('pause', { by: 'op', reason: 'Nachtruhe' });
    await hands.update('resume', { by: 'op' });
    await hands.update('retryMailboxes', { by: 'op', mailboxIds: null });
    await hands.goTo('D1');
    await hands.handle.result();
    await until('every run is listed as completed', async () => {
      const runs = await runsOf(world, hands.migrationId);
      return runs.filter((run) => run.type === 'support').length > 0 && runs.every((run) => run.status !== 'RUNNING');
    });
    histories = await chainOf(world, hands.handle.workflowId, runId);
    for (const run of await runsOf(world, hands.migrationId)) {
      if (run.type !== 'migration') histories.push(await rawHistory(world, run.workflowId, run.runId));
    }
  });
}, 120_000);
afterAll(async () => {
  await world?.env.teardown();
});

async function detailsOf(workflowId: string): Promise<string> {
  const handle = world.env.client.workflow.getHandle(workflowId);
  const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  return currentDetails;
}

function eventsOf(...types: (keyof typeof EventType)[]): HistoryEvent[] {
  const wanted = types.map((type) => EventType[type]);
  return histories.flat().filter((event) => wanted.some((type) => type === event.eventType));
}

describe('an operator finds in the Temporal UI', () => {
  test('migrations and held mailboxes, by search attributes', () => {
    expect(seen.found).toEqual({
      "MailferryClient = 'client-7' AND WorkflowType = 'migration'": ['migration/mig'],
      "MailferryClient = 'client-7' AND MailferryPhase = 'data-migration'": ['migration/mig'],
      "MailferryStep = 'B1' AND MailferryProgress = 50": ['migration/mig'],
      "MailferryWaitingFor = 'provider' AND WorkflowType = 'migration'": ['migration/mig'],
      "MailferryWaitingFor = 'provider:AUTH_FAILED'": ['migration/mig/initial-1/mailbox/mbx_0'],
      "MailferryMigration = '' OR MailferryClient = 'another'": [],
    });
  });

  test('the status page as the current details of a migration', () => {
    expect(seen.details).toBe(seen.expected);
    expect(seen.details).toContain('Kanarienvogel GmbH');
  });

  test('why a mailbox is held and what to do about it', () => {
    expect(seen.heldDetails).toContain('**Held: AUTH_FAILED**');
    expect(seen.heldDetails).toContain(ERRORS.AUTH_FAILED.remedy);
  });

  test.each([
    'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED',
    'EVENT_TYPE_TIMER_STARTED',
    'EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED',
  ] as const)('a summary on each %s', (type) => {
    const events = eventsOf(type);
    expect(events.length).toBeGreaterThan(2);
    for (const event of events) expect(event.userMetadata?.summary?.data?.length, whatOf(event)).toBeGreaterThan(0);
  });

  test('no activity without a heartbeat and a time limit', () => {
    for (const event of eventsOf('EVENT_TYPE_ACTIVITY_TASK_SCHEDULED')) {
      const { heartbeatTimeout, startToCloseTimeout } = event.activityTaskScheduledEventAttributes ?? {};
      expect(Number(heartbeatTimeout?.seconds), whatOf(event)).toBeGreaterThan(0);
      expect(Number(startToCloseTimeout?.seconds), whatOf(event)).toBeGreaterThan(0);
    }
  });
});

describe('who reads the database of the server', () => {
  test('finds no plain text in any history', () => {
    // How many sweeps there are is a matter of time.
    const types = histories.map(([first]) => first?.workflowExecutionStartedEventAttributes?.workflowType?.name);
    expect(new Set(types)).toEqual(new Set(['migration', 'mailboxWave', 'mailboxPass', 'support']));
    for (const history of histories) {
      const bytes = bytesOf(history);
      for (const canary of CANARIES) expect(bytes.includes(canary), `${canary} in ${whatOf(history[0])}`).toBe(false);
      expect(/[\w.]+@[\w.]+\.(test|org|com)/.test(bytes.toString('latin1'))).toBe(false);
    }
  });

  test('finds failures by their code, and their words encrypted', () => {
    const failures = eventsOf('EVENT_TYPE_ACTIVITY_TASK_FAILED').map(
      (event) => event.activityTaskFailedEventAttributes?.failure,
    );
    expect(failures.map((failure) => failure?.applicationFailureInfo?.type)).toContain('AUTH_FAILED');
    for (const failure of failures) {
      expect(failure?.message).toBe('Encoded failure');
      expect(failure?.stackTrace ?? '').toBe('');
      expect(Buffer.from(failure?.encodedAttributes?.metadata?.['encoding'] ?? '').toString()).toBe('binary/encrypted');
    }
  });

  test('finds every payload encrypted', () => {
    // The SDK's own note on a patch: its name.
    const notes = /^\/markerRecordedEventAttributes\/details\/patch-data\/payloads: \{"id":"[a-z-]+",/;
    const plain = histories.flatMap((history) => plainIn(history)).filter((text) => !notes.test(text));
    expect(plain).toEqual([]);
  });
});

function whatOf(event: HistoryEvent | undefined): string {
  const what =
    event?.activityTaskScheduledEventAttributes?.activityType?.name ??
    event?.workflowExecutionStartedEventAttributes?.workflowType?.name;
  return `${what ?? 'event'} ${event?.eventId}`;
}

/** Payloads that are not encrypted, but for search attributes, which the server has to read: where they stand, and their text. */
function plainIn(value: unknown, where = ''): string[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  const { metadata, data } = value as { metadata?: { encoding?: Uint8Array }; data?: Uint8Array }; // if it is a payload
  if (metadata?.encoding) {
    const encoding = Buffer.from(metadata.encoding).toString();
    return encoding === 'binary/encrypted' ? [] : [`${where}: ${Buffer.from(data ?? '').toString()}`];
  }
  return Object.entries(value).flatMap(([key, part]) =>
    /searchAttributes/i.test(key) ? [] : plainIn(part, Array.isArray(value) ? where : `${where}/${key}`),
  );
}
