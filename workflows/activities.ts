import { ActivityCancellationType, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { DnsActivities } from '../activities/dns.ts';
import type { ExchangeActivities } from '../activities/exchange.ts';
import type { StoryActivities } from '../activities/story.ts';
import type { TransferActivities } from '../activities/transfer.ts';
import type { WaveActivities } from '../activities/waves.ts';
import type { ErrorCode } from '../domain/errors.ts';
import { TASK_QUEUES } from './names.ts';

/**
 * Every activity heartbeats by itself every 2 s (the interceptor of workers/), so a dead worker is noticed in 10 s
 * whatever the activity does.
 */
const common = {
  heartbeatTimeout: '10 seconds',
  // The default is TRY_CANCEL, which would let a cancelled copy go on beside its successor (facts/temporal.md, trap 4).
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 minutes' },
} as const;

/** Database work of the story. */
export const story = proxyActivities<StoryActivities>({
  ...common,
  taskQueue: TASK_QUEUES.orchestration,
  startToCloseTimeout: '2 minutes', // the evidence of 10,000 mailboxes is read in seconds; the rest is slack for a slow database
});

export const wave = proxyActivities<WaveActivities>({
  ...common,
  taskQueue: TASK_QUEUES.orchestration,
  startToCloseTimeout: '1 minute', // one page of 500 ids
});

/** For runs that began before the patch `views-published-by-activity`; nothing new may use it (docs/adr/0008-no-local-activities.md). */
export const local = proxyLocalActivities<Pick<StoryActivities, 'publishView'>>({
  startToCloseTimeout: '10 seconds', // one row; the statement time-out is shorter
  localRetryThreshold: '1 minute',
  retry: { initialInterval: '200 milliseconds', maximumInterval: '10 seconds' },
});

/** Census and preflight of a batch of mailboxes. */
export const survey = proxyActivities<Pick<TransferActivities, 'preflightPage' | 'lookAtMailboxes'>>({
  ...common,
  taskQueue: TASK_QUEUES.transfer,
  startToCloseTimeout: '30 minutes', // twenty mailboxes of 5,000 folders at 15 ms a STATUS
});

/**
 * After this many attempts (about two hours) a passing fault is no passing fault: a person is asked. Being told to wait is none:
 * then the workflow waits by a timer, and the attempts begin anew.
 */
export const TRANSFER_ATTEMPTS = 30;

export const transfer = proxyActivities<Pick<TransferActivities, 'copyMailbox' | 'verifyMailbox'>>({
  ...common,
  taskQueue: TASK_QUEUES.transfer,
  startToCloseTimeout: '3 days', // 200 GB at 1 MB/s; a worker that dies is noticed by its heartbeat, not by this
  retry: {
    ...common.retry,
    maximumAttempts: TRANSFER_ATTEMPTS,
    // Hours long, so the workflow waits at once and leaves its place to others. Its type is its code (workers/interceptors.ts).
    nonRetryableErrorTypes: ['DAILY_LIMIT' satisfies ErrorCode],
  },
});

/** Probe messages: waiting for one is a retry with the delay that the error names. */
export const mailFlow = proxyActivities<Pick<TransferActivities, 'sendProbe' | 'proveProbe'>>({
  ...common,
  taskQueue: TASK_QUEUES.transfer,
  startToCloseTimeout: '2 minutes', // sign in and read the newest fifty messages
});

export const exchange = proxyActivities<ExchangeActivities>({
  ...common,
  taskQueue: TASK_QUEUES.exchangeAdmin,
  startToCloseTimeout: '30 minutes', // a mailbox may appear minutes after its licence (facts/exchange.md §6.1)
});

/** Asks every object of the list, and then nothing is waited for. */
export const exchangeSurvey = proxyActivities<Pick<ExchangeActivities, 'planProvisioning' | 'undoProvisioning'>>({
  ...common,
  taskQueue: TASK_QUEUES.exchangeAdmin,
  startToCloseTimeout: '6 hours', // 10,000 mailboxes, ten calls each, 200 ms a call
});

/** After a cancellation: it may take a while, and not for ever. */
export const exchangeAtEnd = proxyActivities<Pick<ExchangeActivities, 'rollBackRedirection' | 'restoreSettings'>>({
  ...common,
  taskQueue: TASK_QUEUES.exchangeAdmin,
  startToCloseTimeout: '30 minutes', // 1,000 mailboxes at about a second a cmdlet
  retry: { ...common.retry, maximumAttempts: 10 }, // about half an hour of a tenant that does not answer
});

export const dns = proxyActivities<DnsActivities>({
  ...common,
  taskQueue: TASK_QUEUES.dns,
  startToCloseTimeout: '1 minute', // six servers of which two are dead answer within 10 s
});
