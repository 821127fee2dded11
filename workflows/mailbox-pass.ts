import {
  ActivityFailure,
  CancellationScope,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  patched,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { ERRORS, type ErrorCode } from '../domain/errors.ts';
import { type Pass, passName } from '../domain/passes.ts';
import { transfer, wave } from './activities.ts';
import { errorCodeOf, messageOf, retryAfterMsOf } from './failures.ts';
import { SIGNALS } from './names.ts';
import { waitingFor } from './search-attributes.ts';

export interface MailboxPassState {
  readonly migrationId: string;
  readonly mailboxId: string;
  readonly pass: Pass;
  paused: boolean;
}

export interface MailboxPassResult {
  readonly outcome: 'done' | 'dropped';
  readonly moved: number;
}

export const pauseSignal = defineSignal(SIGNALS.pause);
export const resumeSignal = defineSignal(SIGNALS.resume);
export const retrySignal = defineSignal(SIGNALS.retry);
export const remapSignal = defineSignal(SIGNALS.remap);
export const dropSignal = defineSignal(SIGNALS.drop);
/** A wave's leave to go on after a hold: the window is the wave's. */
export const goSignal = defineSignal(SIGNALS.go);
export const heldSignal = defineSignal<[string]>(SIGNALS.held);
/** It waits by itself and leaves its place in the window to others; comes back as one that was held does. */
export const restingSignal = defineSignal<[string]>(SIGNALS.resting);
export const unheldSignal = defineSignal<[string]>(SIGNALS.unheld);

/**
 * One pass over one mailbox in which there is something to do: copy, then verify on a connection of its own. What passes by
 * itself is retried by Temporal; what needs a person holds this mailbox alone, and says so where operators look.
 */
export async function mailboxPass(state: MailboxPassState): Promise<MailboxPassResult> {
  let work: CancellationScope | null = null;
  let interrupted = false;
  let dropped = false;
  let mayRetry = false;
  let isHeld = false;
  let mayGo = false;
  const interrupt = () => {
    interrupted = true;
    work?.cancel();
  };
  setHandler(pauseSignal, () => {
    state.paused = true;
    interrupt();
  });
  setHandler(resumeSignal, () => {
    state.paused = false;
  });
  setHandler(retrySignal, () => {
    mayRetry = isHeld; // one that comes too early must not pass over the next hold unseen
  });
  setHandler(remapSignal, () => {
    mayRetry = isHeld;
    interrupt();
  });
  setHandler(dropSignal, () => {
    dropped = true;
    interrupt();
  });
  setHandler(goSignal, () => {
    mayGo = true;
  });

  for (;;) {
    if (state.paused && !dropped) setCurrentDetails('**Paused** by an operator. Resume the migration to go on.');
    await condition(() => !state.paused || dropped);
    if (dropped) return { outcome: 'dropped', moved: 0 };
    interrupted = false;
    try {
      work = new CancellationScope();
      return await work.run(() => copyAndVerify(state));
    } catch (error) {
      // A worker that died while it was being interrupted never answers: its heartbeat runs out, and that is no fault either.
      if (interrupted && (isCancellation(error) || error instanceof ActivityFailure)) continue;
      const code = errorCodeOf(error);
      if (code === null) throw error;
      // Histories before it held the mailbox when the attempts ran out. The old way may go when none of 2026 is live.
      const rests = ERRORS[code].reaction === 'wait' && patched('waits-by-a-timer');
      isHeld = true;
      if (rests) await rest(state, error, code, () => dropped || state.paused || mayRetry);
      else {
        await hold(
          state,
          code,
          messageOf(error),
          () => dropped,
          () => mayRetry,
        );
      }
      isHeld = false;
      mayRetry = false;
      if (dropped) return { outcome: 'dropped', moved: 0 };
      mayGo = false;
      await tellWave(state, unheldSignal);
      await condition(() => mayGo || dropped);
      if (rests) continue;
      upsertSearchAttributes([{ key: waitingFor, value: [] }]);
      await wave.releaseMailbox.executeWithOptions({ summary: 'held no more' }, [{ mailboxId: state.mailboxId }]);
    } finally {
      work = null;
    }
  }
}

/** Where nobody said how long: as long as the longest pause between two attempts. */
const REST_MS = 300_000;

async function copyAndVerify(state: MailboxPassState): Promise<MailboxPassResult> {
  const { migrationId, mailboxId, pass } = state;
  const name = passName(pass);
  setCurrentDetails(`**${name}**: copying what is new, then re-reading the target.`);
  const copied = await transfer.copyMailbox.executeWithOptions({ summary: `copy, ${name}` }, [
    { migrationId, mailboxId, pass },
  ]);
  if (copied.route !== undefined)
    setCurrentDetails(`**${name}**: copied by ${copied.route}, now re-reading the target.`);
  const { moved } = await transfer.verifyMailbox.executeWithOptions({ summary: `verify by re-reading, ${name}` }, [
    { migrationId, mailboxId, pass },
  ]);
  const by = copied.route === undefined ? '' : `, by ${copied.route}`;
  setCurrentDetails(
    `**${name} done**: ${moved} messages delivered${by}, ${copied.refused} refused, ${copied.vanished} vanished; the target was re-read.`,
  );
  return { outcome: 'done', moved };
}

async function hold(
  state: MailboxPassState,
  code: ErrorCode,
  message: string,
  isDropped: () => boolean,
  mayRetry: () => boolean,
): Promise<void> {
  setCurrentDetails(`**Held: ${code}**\n\n${message}\n\n**What to do:** ${ERRORS[code].remedy}`);
  upsertSearchAttributes([{ key: waitingFor, value: ['provider', `provider:${code}`] }]);
  await wave.holdMailbox.executeWithOptions({ summary: `held: ${code}` }, [
    { mailboxId: state.mailboxId, code, message },
  ]);
  await tellWave(state, heldSignal);
  await condition(() => mayRetry() || isDropped());
}

/** Nobody has to act: it goes on when the time is over, and an operator's retry only makes it sooner. */
async function rest(state: MailboxPassState, error: unknown, code: ErrorCode, isOver: () => boolean): Promise<void> {
  const waitMs = retryAfterMsOf(error) ?? REST_MS;
  const until = new Date(Date.now() + waitMs).toISOString();
  setCurrentDetails(`**Waiting: ${code}**, until ${until}\n\n${messageOf(error)}\n\n${ERRORS[code].remedy}`);
  await tellWave(state, restingSignal);
  await condition(isOver, waitMs);
}

async function tellWave(state: MailboxPassState, signal: typeof heldSignal): Promise<void> {
  const parent = workflowInfo().parent;
  if (parent) await getExternalWorkflowHandle(parent.workflowId).signal(signal, state.mailboxId);
}
