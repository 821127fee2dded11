import type { CopyContext, Lane } from './copy-context.ts';
import { type ErrorCode, MigrationError } from './errors.ts';
import { nextRung } from './ladder.ts';
import type { Outcome } from './ports/ledger.ts';
import type { Appended, MailTarget } from './ports/mail.ts';
import { recordIntents } from './read-unit.ts';
import { lostInSending } from './suspicion.ts';
import { blamesMessage, countUp, delivered, didNotHappen, notSent, type Ready, refused } from './unit-outcomes.ts';
import type { WorkUnit } from './work-units.ts';

/**
 * Sends what {@link readUnit} has prepared and records what became of it: by one APPEND of all where the target has that, halving
 * it to find the culprit when it is refused (T16), else one by one. A message that is refused alone is tried in its other
 * forms.
 * @throws what the target throws beyond one message; everything is recorded by then, and what may have happened stays intended
 */
export async function writeUnit(
  context: CopyContext,
  lane: Lane,
  unit: WorkUnit,
  ready: readonly Ready[],
): Promise<void> {
  await new UnitWriter(context, lane.target, unit).write(ready);
}

/** Takes back what {@link readUnit} announced: it was certainly not sent. */
export async function abandonUnit(context: CopyContext, { work }: WorkUnit, ready: readonly Ready[]): Promise<void> {
  if (ready.length === 0) return;
  const { ledger, lease, pass } = context;
  await ledger.recordOutcomes(lease, work.entry.id, pass, ready.map(notSent));
}

class UnitWriter {
  readonly #context: CopyContext;
  readonly #target: MailTarget;
  readonly #unit: WorkUnit;

  constructor(context: CopyContext, target: MailTarget, unit: WorkUnit) {
    this.#context = context;
    this.#target = target;
    this.#unit = unit;
  }

  async write(ready: readonly Ready[]): Promise<void> {
    const groups = this.#target.appendsMany && ready.length > 1 ? [ready] : ready.map((one) => [one]);
    // Those that go alone are recorded together: a record for each would cost more than the message.
    const outcomes: Outcome[] = [];
    for (const [at, group] of groups.entries()) {
      try {
        const { signal } = this.#context;
        if (signal.aborted) throw new Interrupted(signal.reason, [], group);
        outcomes.push(...(await this.#send(group)));
      } catch (error) {
        const begun = error instanceof Interrupted ? error : new Interrupted(error, [], []);
        const later = groups.slice(at + 1).flat();
        const untouched = [...begun.untouched, ...later];
        const lost = doubtful(group, begun).map(({ message }) => lostInSending(message));
        // What was not tried is planned again; what may have happened stays intended and is looked for next time.
        const known = [...outcomes, ...begun.outcomes, ...untouched.map(notSent), ...lost];
        await this.#record(known).catch(() => undefined); // they stay intended
        throw begun.reason;
      }
    }
    await this.#record(outcomes);
  }

  async #record(outcomes: readonly Outcome[]): Promise<void> {
    if (outcomes.length === 0) return;
    const { ledger, lease, pass, counts, report } = this.#context;
    const { work } = this.#unit;
    await ledger.recordOutcomes(lease, work.entry.id, pass, outcomes);
    countUp(counts, outcomes);
    report(work.source.path);
  }

  async #send(group: readonly Ready[]): Promise<readonly Outcome[]> {
    const [only] = group;
    if (only === undefined) return [];
    if (group.length === 1) return [await this.#sendOne(only)];
    try {
      const mails = group.map(({ mail }) => mail);
      const appended = await this.#target.appendAll(this.#unit.work.target, mails);
      return group.map((one, at) => this.#delivered(one, appended[at] ?? { id: null, droppedFlags: [] }));
    } catch (error) {
      if (!blamesMessage(error)) throw new Interrupted(error, [], didNotHappen(error) ? group : []);
    }
    const half = Math.ceil(group.length / 2);
    const first = await this.#send(group.slice(0, half)).catch((error: unknown) => {
      throw Interrupted.with(error, [], group.slice(half));
    });
    const second = await this.#send(group.slice(half)).catch((error: unknown) => {
      throw Interrupted.with(error, first, []);
    });
    return [...first, ...second];
  }

  async #sendOne(ready: Ready): Promise<Outcome> {
    const { signedMail, now } = this.#context;
    for (let form: Ready | null = ready, first: unknown = null; ; ) {
      try {
        return this.#delivered(form, await this.#target.append(this.#unit.work.target, form.mail));
      } catch (error) {
        if (!blamesMessage(error)) throw new Interrupted(error, [], didNotHappen(error) ? [ready] : []);
        first ??= error;
        form = nextRung(form, error, this.#target, { signedMail, now: now() });
        if (form === null) return refused(ready.message, ready.fingerprint, blamesMessage(first) ? first : error);
        await recordIntents(this.#context, this.#unit, [form]);
      }
    }
  }

  #delivered(ready: Ready, appended: Appended): Outcome {
    const { work } = this.#unit;
    this.#context.counts.bytes += ready.mail.raw.length;
    if (appended.id !== null) work.targetUidNext = Math.max(work.targetUidNext, appended.id.uid + 1);
    return delivered(ready, appended);
  }
}

/** Those that the target may have had when it ended the connection. */
function doubtful(group: readonly Ready[], { reason, outcomes, untouched }: Interrupted): readonly Ready[] {
  if (!(reason instanceof MigrationError) || !LOST.includes(reason.code)) return [];
  const settled = new Set([...outcomes, ...untouched.map(({ message }) => message)].map(({ uid }) => uid));
  return group.filter(({ message }) => !settled.has(message.uid));
}

/** Answers that never came, by a line that broke or a service that broke off (504 after success). */
const LOST: readonly ErrorCode[] = ['CONNECTION_LOST', 'OUTCOME_UNKNOWN'];

/** A fault beyond one message, with what had happened by then and what had certainly not. The rest may have. */
class Interrupted extends Error {
  readonly reason: unknown;
  readonly outcomes: readonly Outcome[];
  readonly untouched: readonly Ready[];

  constructor(reason: unknown, outcomes: readonly Outcome[], untouched: readonly Ready[]) {
    super('interrupted');
    this.reason = reason;
    this.outcomes = outcomes;
    this.untouched = untouched;
  }

  static with(error: unknown, outcomes: readonly Outcome[], untouched: readonly Ready[]): Interrupted {
    const inner = error instanceof Interrupted ? error : new Interrupted(error, [], []);
    return new Interrupted(inner.reason, [...outcomes, ...inner.outcomes], [...inner.untouched, ...untouched]);
  }
}
