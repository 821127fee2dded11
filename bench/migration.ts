import { setTimeout as delay } from 'node:timers/promises';
import { type Pass, type PassKind, passName } from '../domain/passes.ts';
import { DEFAULT_POLICY, type ImapEndpoint, type Plan } from '../domain/plan.ts';
import { TASK_QUEUES, WORKFLOW_TYPES, waveWorkflowId } from '../workflows/names.ts';
import { type Product, SECRETS } from './product.ts';

export interface MailboxMove {
  readonly sourceUser: string;
  readonly targetUser: string;
}

/** One migration, passes of which are run one after the other as the story would run them. */
export interface Migration {
  readonly id: string;
  readonly mailboxIds: readonly string[];
  /** @throws Error when a mailbox is held or fails: there is no person here to act */
  runPass(kind: PassKind): Promise<PassResult>;
}

export interface PassResult {
  readonly pass: Pass;
  readonly wallMs: number;
  /** Of the longest wave. */
  readonly events: number;
}

const ASK_EVERY_MS = 1_000;

let created = 0;

/** Writes plan and mailboxes into the ledger. Nobody is asked to approve anything. */
export async function createMigration(
  product: Product,
  endpoints: { source: ImapEndpoint; target: ImapEndpoint },
  moves: readonly MailboxMove[],
  window = 8,
): Promise<Migration> {
  const { store } = product;
  created += 1;
  const id = `bench-${process.pid}-${created}`;
  const mailboxes = moves.map(({ sourceUser, targetUser }) => ({
    address: `${targetUser}.${created}@example.test`,
    displayName: targetUser,
    sourceUser,
    sourceSecret: `env:${SECRETS.source}`,
    targetUser,
    targetSecret: `env:${SECRETS.target}`,
    aliases: [],
    lists: [],
    addOns: [],
  }));
  await store.createMigration({ id, plan: planOf(endpoints), mailboxes, createdBy: 'bench' });
  const mailboxIds: string[] = [];
  for await (const mailbox of store.listMailboxes(id)) mailboxIds.push(mailbox.id);
  let number = 0;
  return {
    id,
    mailboxIds,
    async runPass(kind) {
      number += 1;
      return await runWaves(product, id, { kind, number }, window);
    },
  };
}

export function plainEndpoint({ host, port }: { host: string; port: number }): ImapEndpoint {
  return { host, port, security: 'none', allowInsecure: true, caFile: null, maxConnections: 8 };
}

async function runWaves(product: Product, migrationId: string, pass: Pass, window: number): Promise<PassResult> {
  let wallMs = 0;
  let events = 0;
  let position: number | null = -1;
  for (let wave = 1; position !== null; wave += 1) {
    const begun = performance.now();
    const handle = await product.client.workflow.start(WORKFLOW_TYPES.mailboxWave, {
      workflowId: waveWorkflowId(migrationId, pass, wave),
      taskQueue: TASK_QUEUES.orchestration,
      args: [{ migrationId, clientId: 'bench', pass, wave, afterPosition: position, window, paused: false }],
    });
    const ended = handle.result() as Promise<{ failed: number; lastPosition: number | null }>;
    const { failed, lastPosition } = await Promise.race([ended, failWhenHeld(product, migrationId, pass, ended)]);
    wallMs += performance.now() - begun;
    if (failed > 0) throw new Error(`${failed} mailboxes failed in ${passName(pass)}`);
    events = Math.max(events, (await handle.describe()).historyLength);
    const { total, done } = await product.store.countMailboxes(migrationId, pass);
    position = done < total ? lastPosition : null;
  }
  return { pass, wallMs, events };
}

/** A held mailbox waits for a person as long as it takes, and we would wait with it. */
async function failWhenHeld(
  { store }: Product,
  migrationId: string,
  pass: Pass,
  ended: Promise<unknown>,
): Promise<never> {
  let over = false;
  const stop = () => {
    over = true;
  };
  ended.then(stop, stop);
  for (;;) {
    await delay(ASK_EVERY_MS, undefined, { ref: false });
    if (over) return await new Promise<never>(() => undefined); // the race is won by the other
    if ((await store.countMailboxes(migrationId, pass)).held === 0) continue;
    for await (const { heldCode, heldMessage } of store.listMailboxes(migrationId)) {
      if (heldCode !== null) throw new Error(`a mailbox is held in ${passName(pass)}: ${heldCode}, ${heldMessage}`);
    }
  }
}

function planOf({ source, target }: { source: ImapEndpoint; target: ImapEndpoint }): Plan {
  const contact = { email: 'office@example.org', codeEmail: 'codes@example.net', party: 'client' as const };
  return {
    client: { id: 'bench', name: 'Bench', domains: ['example.test'] },
    contacts: [{ id: 'office', name: 'The office', ...contact }],
    source,
    target: { kind: 'imap', imap: target },
    dns: null,
    cutover: { at: null, timeZone: 'UTC' },
    policy: DEFAULT_POLICY,
    agreement: { text: 'As agreed.', agreedBy: 'The office', agreedAt: '2026-01-01T00:00:00Z' },
  };
}
