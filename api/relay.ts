import { setTimeout as sleep } from 'node:timers/promises';
import { MigrationError } from '../domain/errors.ts';
import type { Notifier } from '../domain/ports/services.ts';
import type { Outbox, OutboxEntry } from '../domain/ports/store.ts';
import type { WorkflowGateway } from './gateway.ts';

export interface RelayDeps {
  readonly outbox: Outbox;
  readonly workflows: Pick<WorkflowGateway, 'signalDecision'>;
  readonly notifier: Notifier;
  readonly log: RelayLog;
  /** Between rounds when nobody nudges. */
  readonly everyMs?: number;
}

export interface RelayLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

export interface Relay {
  /** Something was written: do not wait for the next round. Twice is once. */
  nudge(): void;
  /** Ends after the deliveries under way; never throws. */
  stop(): Promise<void>;
}

/** Deliveries at the same time. */
const AT_A_TIME = 20;
/** Longer than one delivery may take, so that two relays deliver the same entry only when one of them died. */
const LEASE_MS = 30_000;
const DELIVERY_TIMEOUT_MS = 20_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 60_000;

/**
 * Carries the outbox to Temporal and to people, at least once, until it is acknowledged. Runs in every API process: the outbox's
 * leases keep them apart. A database or a Temporal that is away only delays it.
 */
export function startRelay({ outbox, workflows, notifier, log, everyMs = 500 }: RelayDeps): Relay {
  const stopping = new AbortController();
  const failures = new Map<string, number>();
  let wake = new AbortController();

  /** @returns false when the entry stays due. */
  const deliver = async (entry: OutboxEntry): Promise<boolean> => {
    const facts = { outboxId: entry.id, kind: entry.kind, migrationId: entry.migrationId };
    try {
      if (entry.kind === 'signal') await workflows.signalDecision(entry.migrationId, entry.payload);
      else {
        const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(DELIVERY_TIMEOUT_MS)]);
        await notifier.send({ id: entry.id, ...entry.mail }, signal);
      }
    } catch (error) {
      const reason = reasonOf(error);
      // The workflow has ended or never was: no later round finds it.
      if (entry.kind === 'signal' && error instanceof MigrationError && error.code === 'NOT_FOUND') {
        await outbox.recordDead(entry.id, reason);
        log.warn(facts, 'outbox entry given up: its workflow is not running');
        return true;
      }
      const attempt = (failures.get(entry.id) ?? 0) + 1;
      failures.set(entry.id, attempt);
      const retryInMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10));
      await outbox.recordAttempt(entry.id, reason, retryInMs);
      log.warn({ ...facts, attempt, retryInMs }, 'outbox entry not delivered yet');
      return false;
    }
    failures.delete(entry.id);
    await outbox.recordDelivered(entry.id);
    log.info(facts, 'outbox entry delivered');
    return true;
  };

  /** Entries of one workflow go one after another; behind one that failed the others wait for their next round. */
  const deliverInOrder = async (entries: readonly OutboxEntry[]): Promise<void> => {
    let held = false;
    for (const entry of entries) {
      if (stopping.signal.aborted) return;
      if (held) await outbox.recordAttempt(entry.id, 'waits behind an earlier entry', FIRST_RETRY_MS);
      else held = !(await deliver(entry));
    }
  };

  const run = async (): Promise<void> => {
    const underWay = new Set<Promise<void>>();
    let outage = 0;
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      const room = AT_A_TIME - underWay.size;
      let taken = 0;
      try {
        // Not waited for: a mail server that hangs must not hold up a decision.
        for (const lane of lanesOf(room > 0 ? await outbox.takeDue(room, LEASE_MS) : [])) {
          taken += lane.length;
          const work = deliverInOrder(lane).catch(() => undefined); // not recorded, so due again when its lease ends
          underWay.add(work);
          work.finally(() => {
            underWay.delete(work);
            if (taken === room) wake.abort(); // there may be more than there was room for
          });
        }
        outage = 0;
      } catch (error) {
        // The outbox itself is away. What was delivered and not recorded is delivered again: receivers know it by its id.
        outage += 1;
        if (outage === 1) log.warn({ reason: reasonOf(error) }, 'outbox not reachable');
      }
      const pause = Math.min(10_000, everyMs * 2 ** Math.min(outage, 5));
      await sleep(pause, undefined, { signal: AbortSignal.any([wake.signal, stopping.signal]) }).catch(() => undefined);
    }
    await Promise.all(underWay);
  };

  const running = run();
  return {
    nudge: () => wake.abort(),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** What has to keep its order stands in one lane: the signals of a workflow. Mails are on their own. */
function lanesOf(entries: readonly OutboxEntry[]): OutboxEntry[][] {
  const lanes = new Map<string, OutboxEntry[]>();
  for (const entry of entries) {
    const name = entry.kind === 'signal' ? `signal/${entry.migrationId}` : `mail/${entry.id}`;
    lanes.set(name, [...(lanes.get(name) ?? []), entry]);
  }
  return [...lanes.values()];
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown';
}
