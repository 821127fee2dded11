import type { UpdateDefinition } from '@temporalio/common';
import { ApplicationFailure, defineUpdate, setHandler } from '@temporalio/workflow';
import { counted } from '../domain/counted.ts';
import { DEFAULT_POLICY } from '../domain/plan.ts';
import { ACKNOWLEDGED_STEPS, type StepId } from '../domain/steps.ts';
import { story } from './activities.ts';
import type { Desk } from './desk.ts';
import { takeAcknowledgement } from './inbox.ts';
import type { UpdateArguments, UpdateName, UpdateReceipt } from './names.ts';
import type { PassRunner } from './pass-runner.ts';
import { passOf } from './state.ts';

/** Steps that a new mailbox has to go through, whatever was done for the others. */
const STEPS_OF_A_NEW_MAILBOX: readonly StepId[] = ['A2', 'A3', 'A5', 'B1', 'B3', 'B4', 'C4', 'C5', 'C6'];

/**
 * What operators may ask of a migration under way. Validators are synchronous: a refusal is told at once, with its reason,
 * and leaves nothing in the history. All of it works in the middle of a transfer.
 */
export function takeCommands(desk: Desk, passes: PassRunner): void {
  const { state } = desk;
  const migrationId = state.migrationId;

  on(
    'pause',
    async ({ by, reason }) => {
      state.paused = { by, reason, at: new Date().toISOString() };
      await passes.tellWaves('pause');
      await desk.supportDesk?.pause();
      await desk.publish();
      return receipt('Paused: what is being copied stops at the next message; nothing new is started.');
    },
    () => {
      refuseIf(state.paused !== null, `the migration is paused already, by ${state.paused?.by}`);
      refuseIf(desk.isDone('D1'), 'the migration has ended');
    },
  );

  on(
    'resume',
    async () => {
      state.paused = null;
      desk.retry();
      await passes.tellWaves('resume');
      await desk.supportDesk?.resume();
      await desk.publish();
      return receipt('Resumed.');
    },
    () => {
      refuseIf(
        state.paused === null && !waitsForProvider(desk),
        'the migration is neither paused nor waiting for the provider',
      );
    },
  );

  on(
    'retryMailboxes',
    async ({ mailboxIds }) => {
      desk.retry();
      await desk.supportDesk?.retry();
      const told = state.pass
        ? await story.signalMailboxes.executeWithOptions({ summary: 'retry what is held' }, [
            { migrationId, pass: passOf(state.pass), mailboxIds, signal: 'retry' },
          ])
        : 0;
      return receipt(told === 1 ? '1 mailbox is tried again.' : `${told} mailboxes are tried again.`);
    },
    () => {
      refuseIf(
        state.pass === null && desk.supportDesk === null && !waitsForProvider(desk),
        'no pass is under way and no step waits for the provider, so there is nothing to retry',
      );
    },
  );

  on(
    'addMailboxes',
    async ({ count }) => {
      desk.gateDirty = true;
      desk.turnTo(STEPS_OF_A_NEW_MAILBOX, `${counted(count, 'new mailbox', 'new mailboxes')}`);
      return receipt(
        `Added: ${counted(count, 'mailbox', 'mailboxes')}. Preflight, provisioning and the gate accounts come first.`,
      );
    },
    ({ count }) => {
      refuseIf(count < 1, 'no mailbox was named');
      refuseIf(
        desk.isDone('C7'),
        'both sides agreed that the migration is complete; plan another one for new mailboxes',
      );
    },
  );

  on(
    'dropMailboxes',
    async ({ mailboxIds }) => {
      await story.dropMailboxes.executeWithOptions(
        { summary: `drop ${counted(mailboxIds.length, 'mailbox', 'mailboxes')}` },
        [{ migrationId, mailboxIds, pass: state.pass && passOf(state.pass) }],
      );
      desk.gateDirty = true;
      return receipt(
        `Dropped: ${counted(mailboxIds.length, 'mailbox', 'mailboxes')}. What was copied stays where it is.`,
      );
    },
    ({ mailboxIds }) => {
      refuseIf(mailboxIds.length === 0, 'no mailbox was named');
      refuseIf(desk.isDone('C7'), 'both sides agreed that the migration is complete');
    },
  );

  on(
    'changeMapping',
    async ({ mailboxId }) => {
      if (state.pass) {
        await story.signalMailboxes.executeWithOptions({ summary: 'read the mapping anew' }, [
          { migrationId, pass: passOf(state.pass), mailboxIds: [mailboxId], signal: 'remap' },
        ]);
      }
      return receipt('The mapping holds for what is copied from now on; nothing that was copied is moved or deleted.');
    },
    () => {
      refuseIf(desk.isDone('C7'), 'both sides agreed that the migration is complete');
    },
  );

  on(
    'setCutoverDate',
    async ({ at }) => {
      state.cutoverAt = new Date(at).toISOString();
      desk.gateDirty = true;
      if (state.approved.cutover) {
        delete state.approved.cutover; // it was approved for another date
        desk.turnTo(['C2'], 'the cutover date moved after it was approved');
      }
      await desk.publish();
      return receipt(`The cutover is set to ${state.cutoverAt}.`);
    },
    ({ at }) => {
      const time = Date.parse(at);
      refuseIf(Number.isNaN(time), `'${at}' is no RFC 3339 date`);
      refuseIf(desk.isDone('C2'), 'the cutover is done');
      const leadMs = state.settings?.policy.cutoverLeadMs ?? DEFAULT_POLICY.cutoverLeadMs;
      const earliest = new Date(Date.now() + leadMs).toISOString();
      refuseIf(time < Date.now() + leadMs, `${at} is too near; the earliest feasible date is ${earliest}`);
    },
  );

  on(
    'setDnsPath',
    async ({ path }) => {
      state.dnsPath = path;
      state.dns = null;
      desk.gateDirty = true;
      desk.turnTo(['A7', 'C1'], `the DNS path is ${path} now`);
      return receipt(`The DNS path is ${path}; the records are checked anew.`);
    },
    ({ path }) => {
      refuseIf(state.settings?.hasDns === false, 'the plan has no DNS part');
      refuseIf(state.dnsPath === path, `the DNS path is ${path} already`);
      refuseIf(desk.isDone('C2'), 'the cutover is done');
    },
  );

  on(
    'acknowledge',
    async ({ by, step }) => {
      takeAcknowledgement(desk, step, by);
      return receipt(`${step} is acknowledged.`);
    },
    ({ step }) => {
      refuseIf(
        !ACKNOWLEDGED_STEPS.includes(step),
        `${step} is not a step that is acknowledged; those are ${ACKNOWLEDGED_STEPS.join(', ')}`,
      );
      refuseIf(
        state.acknowledged[step] !== undefined,
        `${step} was acknowledged by ${state.acknowledged[step]?.by} already`,
      );
    },
  );

  on(
    'reportIssue',
    async ({ issueId, blocksData }) => {
      if (!state.openIssues.some((issue) => issue.id === issueId)) state.openIssues.push({ id: issueId, blocksData });
      desk.gateDirty = true;
      await desk.supportDesk?.issues();
      return receipt('Reported; it is tracked to its end.');
    },
    () => {
      refuseIf(desk.isDone('D1'), 'support has ended');
    },
  );

  on(
    'settleIssue',
    async ({ issueId }) => {
      state.openIssues = state.openIssues.filter((issue) => issue.id !== issueId);
      desk.gateDirty = true;
      await desk.supportDesk?.issues();
      return receipt('Settled.');
    },
    ({ issueId }) => {
      refuseIf(!state.openIssues.some((issue) => issue.id === issueId), `issue ${issueId} is not open`);
    },
  );
}

/** What is done for one update, and what refuses it: synchronous, so that it is never accepted and forgotten. */
function on<N extends UpdateName>(
  name: N,
  handle: (args: UpdateArguments[N]) => Promise<UpdateReceipt>,
  refuse: (args: UpdateArguments[N]) => void,
): void {
  type Definition = UpdateDefinition<UpdateReceipt, [UpdateArguments[N]]>;
  setHandler<UpdateReceipt, [UpdateArguments[N]], Definition>(defineUpdate(name), handle, { validator: refuse });
}

/** Refusals are of type NOT_NOW: the API answers 409 with the message. */
function refuseIf(refused: boolean, why: string): void {
  if (refused) throw ApplicationFailure.nonRetryable(why, 'NOT_NOW');
}

function receipt(message: string): UpdateReceipt {
  return { message };
}

function waitsForProvider(desk: Desk): boolean {
  return Object.values(desk.state.steps).some(
    (step) => step.status === 'waiting' && step.waitingFor.includes('provider'),
  );
}
