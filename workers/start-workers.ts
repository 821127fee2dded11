import type { Client } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { type NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { createDnsActivities, type DnsPorts } from '../activities/dns.ts';
import { createExchangeActivities, type ExchangePorts } from '../activities/exchange.ts';
import { createStoryActivities, type StoryPorts } from '../activities/story.ts';
import { createTransferActivities, type TransferPorts } from '../activities/transfer.ts';
import { createWaveActivities } from '../activities/waves.ts';
import type { SignIns } from '../domain/ports/connections.ts';
import { TASK_QUEUES } from '../workflows/names.ts';
import { activityInterceptors } from './interceptors.ts';
import { createMailboxSignals } from './mailbox-signals.ts';

/** What one process serves. Transfer workers load no workflows: 138 MB instead of 195 MB (measured). */
export const ROLES = ['orchestration', 'transfer', 'exchange-admin', 'dns'] as const;
export type Role = (typeof ROLES)[number];

export type WorkerPorts = Omit<StoryPorts, 'mailboxSignals'> &
  ExchangePorts &
  TransferPorts &
  DnsPorts & { readonly signIns: SignIns };

export interface WorkersOptions {
  readonly connection: NativeConnection;
  readonly client: Client;
  readonly namespace: string;
  readonly dataConverter: DataConverter;
  readonly ports: WorkerPorts;
  readonly roles: readonly Role[];
  /** File of the prebuilt workflow code; needed by role orchestration only. */
  readonly workflowBundle: string;
  /** Mailboxes that this process copies at the same time. */
  readonly transferSlots: number;
}

export interface RunningWorkers {
  /** Settles when the workers have ended; rejects when one failed, after the others were shut down. */
  readonly ended: Promise<void>;
  /** Takes no new task, lets activities end or hands them back, and waits for it. */
  stop(): Promise<void>;
}

/** Starts one Temporal worker a role. */
export async function startWorkers(options: WorkersOptions): Promise<RunningWorkers> {
  const workers: Worker[] = [];
  for (const role of options.roles) workers.push(await Worker.create(workerOptions(role, options)));
  const shutDown = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const runs = workers.map((worker) => worker.run().finally(shutDown));
  const ended = Promise.allSettled(runs).then((results) => {
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  });
  ended.catch(() => undefined); // whoever waits for it sees the failure; nobody waiting must not end the process
  return {
    ended,
    async stop() {
      shutDown();
      await ended.catch(() => undefined);
    },
  };
}

function workerOptions(role: Role, options: WorkersOptions): WorkerOptions {
  const { connection, namespace, dataConverter, ports, transferSlots } = options;
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    namespace,
    dataConverter,
    interceptors: { activity: [activityInterceptors] },
    // Cancellation reaches an activity with its heartbeat; the default would throttle that to 8 s.
    maxHeartbeatThrottleInterval: '1 second',
    shutdownGraceTime: '2 seconds', // then activities are cancelled and resume elsewhere: the ledger knows where
    shutdownForceTime: '6 seconds', // Ctrl-C has to be done within 10 s
  };
  switch (role) {
    case 'orchestration':
      return {
        ...common,
        taskQueue: TASK_QUEUES.orchestration,
        workflowBundle: { codePath: options.workflowBundle },
        activities: {
          ...createStoryActivities({ ...ports, mailboxSignals: createMailboxSignals(options.client) }),
          ...createWaveActivities(ports),
        },
        maxCachedWorkflows: 200, // 0.3 MB each beside the bundle's own 50 MB
        stickyQueueScheduleToStartTimeout: '3 seconds', // a killed worker's workflows move on after this
      };
    case 'transfer':
      return {
        ...common,
        taskQueue: TASK_QUEUES.transfer,
        activities: createTransferActivities(ports),
        maxConcurrentActivityTaskExecutions: transferSlots,
      };
    case 'exchange-admin':
      return {
        ...common,
        taskQueue: TASK_QUEUES.exchangeAdmin,
        activities: createExchangeActivities(ports),
        maxConcurrentActivityTaskExecutions: 4,
      };
    case 'dns':
      return {
        ...common,
        taskQueue: TASK_QUEUES.dns,
        activities: createDnsActivities(ports),
        maxConcurrentActivityTaskExecutions: 20,
      };
  }
}
