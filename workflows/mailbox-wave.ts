import {
  type ChildWorkflowHandle,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  setCurrentDetails,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { counted } from '../domain/counted.ts';
import { type Pass, passName } from '../domain/passes.ts';
import { survey, wave as waveActivities } from './activities.ts';
import { childOptions } from './child-options.ts';
import {
  goSignal,
  heldSignal,
  type MailboxPassState,
  mailboxPass,
  pauseSignal,
  restingSignal,
  resumeSignal,
  unheldSignal,
} from './mailbox-pass.ts';
import { mailboxPassWorkflowId, SIGNALS } from './names.ts';

export interface WaveState {
  readonly migrationId: string;
  readonly clientId: string;
  readonly pass: Pass;
  readonly wave: number;
  /** Where the page of this wave begins in the list of mailboxes. */
  readonly afterPosition: number;
  /** Mailboxes that may copy at the same time. */
  readonly window: number;
  paused: boolean;
  /** Test hook for {@link MAX_EVENTS}. */
  readonly maxEvents?: number;
}

export interface WaveProgress {
  readonly wave: number;
  readonly done: number;
  readonly held: number;
  /** Children that ended unexpectedly, e.g. terminated by hand; their mailboxes are still due. */
  readonly failed: number;
  /** Last position of the page; null when there was nothing left to do. */
  readonly lastPosition: number | null;
  /** Nothing is left to start and nothing runs: only held mailboxes keep the wave open, so the next may begin. */
  readonly drained: boolean;
}

export const waveProgressSignal = defineSignal<[WaveProgress]>(SIGNALS.waveProgress);

/** So that the history of a wave stays under 5,000 events: 3,300 when every mailbox has work (test/workflow/history.test.ts). */
export const WAVE_PAGE = 500;
/**
 * A wave that only held mailboxes keep open gives them back at this length: retries that fail again cost 13 events a mailbox, and
 * at 51,200 the server ends the run, and the story with it. Their mailboxes stay held and due.
 */
const MAX_EVENTS = 10_000;
/** Twenty looks in one activity cost under 1 ms each beside 172 ms for a child: measured, docs/architecture.md. */
const LOOK_BATCH = 20;
/** The parent is told after this many mailboxes. Each time costs it 13 events, so that a wave of 500 tells it five times. */
const REPORT_EVERY = 100;
const REPORT_EVERY_OF_A_SMALL_WAVE = 25;

/**
 * Up to 500 mailboxes of one pass: looks at them in batches, then keeps a window of children for those in which there is
 * something to do. A held mailbox leaves the window to the others and comes back into it when a person has acted.
 */
export async function mailboxWave(state: WaveState): Promise<WaveProgress> {
  const children = new Map<string, ChildWorkflowHandle<typeof mailboxPass>>();
  const held = new Set<string>();
  const resting = new Set<string>();
  const wantsBack: string[] = [];
  let done = 0;
  let failed = 0;
  const parent = workflowInfo().parent;

  setHandler(pauseSignal, async () => {
    state.paused = true;
    for (const child of children.values()) await child.signal(pauseSignal).catch(() => undefined); // it may have just ended
  });
  setHandler(resumeSignal, async () => {
    state.paused = false;
    for (const child of children.values()) await child.signal(resumeSignal).catch(() => undefined); // it may have just ended
  });
  setHandler(heldSignal, (mailboxId) => {
    held.add(mailboxId);
  });
  setHandler(restingSignal, (mailboxId) => {
    resting.add(mailboxId);
  });
  setHandler(unheldSignal, (mailboxId) => {
    wantsBack.push(mailboxId);
  });

  let total = 0;
  let lastPosition: number | null = null;
  const running = () => children.size - held.size - resting.size;
  const describe = () =>
    `**${passName(state.pass)}, wave ${state.wave}**: ${done} of ${total} mailboxes done, ${running()} running, ${held.size} held.${resting.size > 0 ? ` ${resting.size} wait.` : ''}${state.paused ? ' **Paused.**' : ''}`;
  const report = async (drained: boolean) => {
    setCurrentDetails(describe());
    if (parent) {
      await getExternalWorkflowHandle(parent.workflowId).signal(waveProgressSignal, {
        wave: state.wave,
        done,
        held: held.size,
        failed,
        lastPosition,
        drained,
      });
    }
  };

  const admitHeld = async () => {
    while (wantsBack.length > 0 && running() < state.window && !state.paused) {
      const mailboxId = wantsBack.shift();
      if (mailboxId === undefined) break;
      held.delete(mailboxId);
      resting.delete(mailboxId);
      await children.get(mailboxId)?.signal(goSignal);
    }
  };

  const { mailboxIds, ...page } = await waveActivities.pageDue.executeWithOptions(
    { summary: `mailboxes after position ${state.afterPosition}` },
    [{ migrationId: state.migrationId, pass: state.pass, afterPosition: state.afterPosition, limit: WAVE_PAGE }],
  );
  lastPosition = page.lastPosition;
  total = mailboxIds.length;
  setCurrentDetails(describe());
  let reported = 0;
  for (let start = 0; start < mailboxIds.length; start += LOOK_BATCH) {
    await condition(() => !state.paused);
    const batch = mailboxIds.slice(start, start + LOOK_BATCH);
    const { withWork, unchanged } = await survey.lookAtMailboxes.executeWithOptions(
      { summary: `look at ${counted(batch.length, 'mailbox', 'mailboxes')}` },
      [{ migrationId: state.migrationId, pass: state.pass, mailboxIds: batch }],
    );
    done += unchanged;
    for (const mailboxId of withWork) {
      await admitHeld();
      await condition(() => running() < state.window && !state.paused);
      const child = await startChild(mailboxPass, passOptions(state, mailboxId));
      children.set(mailboxId, child);
      child.result().then(
        () => {
          done += 1;
          children.delete(mailboxId);
          held.delete(mailboxId);
          resting.delete(mailboxId);
        },
        () => {
          failed += 1;
          children.delete(mailboxId);
          held.delete(mailboxId);
          resting.delete(mailboxId);
        },
      );
    }
    if (done - reported >= (total > REPORT_EVERY ? REPORT_EVERY : REPORT_EVERY_OF_A_SMALL_WAVE)) {
      reported = done;
      await report(false);
    }
  }

  const isTooLong = () =>
    running() === 0 && wantsBack.length === 0 && workflowInfo().historyLength > (state.maxEvents ?? MAX_EVENTS);
  let drained = false;
  while (children.size > 0) {
    if (running() === 0 && !drained) {
      drained = true;
      await report(true);
    }
    if (isTooLong()) {
      for (const child of children.values()) await getExternalWorkflowHandle(child.workflowId).cancel();
      await condition(() => children.size === 0);
      break;
    }
    const before = children.size;
    await condition(
      () => children.size < before || wantsBack.length > 0 || (running() === 0 && !drained) || isTooLong(),
    );
    await condition(() => !state.paused);
    await admitHeld();
  }
  setCurrentDetails(describe());
  return { wave: state.wave, done, held: 0, failed, lastPosition, drained: true };
}

function passOptions(state: WaveState, mailboxId: string) {
  const { migrationId, clientId, pass } = state;
  const input: MailboxPassState = { migrationId, mailboxId, pass, paused: state.paused };
  return {
    workflowId: mailboxPassWorkflowId(migrationId, pass, mailboxId),
    ...childOptions({ migrationId, clientId }),
    args: [input] as [MailboxPassState],
    staticSummary: `${passName(pass)} of mailbox ${mailboxId}`,
  };
}
