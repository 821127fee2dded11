import type { DnsPath } from '../domain/plan.ts';
import type { Json, MigrationStore } from '../domain/ports/store.ts';
import type { GateId, StepId } from '../domain/steps.ts';

/** What the workflow alone knows and the evidence needs. */
export interface GateContext {
  readonly cutoverAt: string | null;
  readonly dnsPath: DnsPath | null;
}

/** Evidence of which earlier steps a gate shows besides its own numbers. */
const SHOWN_STEPS: Readonly<Record<GateId, readonly StepId[]>> = {
  accounts: ['A3'],
  data: ['B1'],
  cutover: ['A5', 'A6', 'A7', 'C1'],
  completion: ['C1', 'C2', 'C3', 'C5'],
};

/**
 * The snapshot that a person is asked to approve. It holds facts only, and none that changes by itself (no clock, no
 * progress), so that gathering it again gives the same digest until something really changed.
 */
export async function gatherEvidence(
  store: MigrationStore,
  migrationId: string,
  gate: GateId,
  context: GateContext,
): Promise<Json> {
  const { plan } = await store.getMigration(migrationId);
  const steps: Record<string, Json> = {};
  for (const step of SHOWN_STEPS[gate]) {
    const found = await store.findEvidence(migrationId, step);
    if (found) steps[step] = found.body;
  }
  return {
    gate,
    client: { name: plan.client.name, domains: plan.client.domains },
    cutover: { at: context.cutoverAt, timeZone: plan.cutover.timeZone, dnsPath: context.dnsPath },
    mailboxes: await mailboxTable(store, migrationId, gate),
    ...(gate === 'accounts' ? {} : { totals: { ...(await store.tallyMigration(migrationId)) } }),
    issues: await issueTable(store, migrationId),
    steps,
  };
}

async function mailboxTable(store: MigrationStore, migrationId: string, gate: GateId): Promise<Json[]> {
  const rows: Json[] = [];
  for await (const mailbox of store.listMailboxes(migrationId)) {
    if (mailbox.status === 'dropped') continue;
    const who = { address: mailbox.address, name: mailbox.displayName };
    rows.push(gate === 'accounts' ? who : { ...who, ...mailbox.tally });
  }
  return rows;
}

async function issueTable(store: MigrationStore, migrationId: string): Promise<Json[]> {
  const rows: Json[] = [];
  for await (const issue of store.listIssues(migrationId)) {
    rows.push({ id: issue.id, kind: issue.kind, text: issue.text, outcome: issue.outcome, note: issue.note });
  }
  return rows;
}
