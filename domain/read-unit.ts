import type { CopyContext, Lane } from './copy-context.ts';
import { MigrationError } from './errors.ts';
import { fingerprintOf } from './fingerprint.ts';
import { asIs } from './ladder.ts';
import type { Message } from './mail.ts';
import { markOf } from './marks.ts';
import { messageKeyOf } from './message-key.ts';
import type { Intent, LedgerMessage, Outcome } from './ports/ledger.ts';
import type { MailSource, MailTarget } from './ports/mail.ts';
import { lostInReading } from './suspicion.ts';
import type { UnclaimedCopy } from './unclaimed.ts';
import { countUp, detailOf, noOutcome, type Ready, refused } from './unit-outcomes.ts';
import type { FolderWork, WorkUnit } from './work-units.ts';

export interface ReadUnit {
  readonly ready: readonly Ready[];
  /** What ended the reading early. The rest of the unit is as it was, and is read again by a later attempt. */
  readonly fault: { readonly error: unknown } | null;
}

/**
 * Reads a unit and sorts it: what is settled without being sent is recorded, what is ready to be sent gets its intent, so that
 * whoever comes after us knows where to look. A line that breaks in the middle has brought something, and that is not thrown
 * away: on one that never lives long the copy would not get on otherwise.
 */
export async function readUnit(context: CopyContext, { source, target }: Lane, unit: WorkUnit): Promise<ReadUnit> {
  const { ledger, lease, pass, counts, signal } = context;
  const { entry } = unit.work;
  const { read, settled, fault } = await readAll(source, unit, signal);
  const mails = await withoutAdopted(context, unit, read);
  const ready: Ready[] = [];
  const rules = { signedMail: context.signedMail, now: context.now() };
  for (const { message, mail, fingerprint } of mails) {
    const { unclaimed } = unit.work;
    const copy =
      unclaimed.size === 0
        ? null
        : takeForeign(unit.work, target.fidelity === 'bytes' ? fingerprint : markOf(mail.raw, target.fidelity));
    if (copy !== null) {
      const there = { ...noOutcome(message, 'already-there'), fingerprint, copyFingerprint: copy.mark };
      settled.push({ ...there, target: target.reportsUid ? copy.id : null });
      continue;
    }
    const arrived = unit.work.arrivals?.take(message, mail.raw, fingerprint);
    if (arrived) {
      settled.push(arrived);
      continue;
    }
    const tooLarge = tooLargeFor(target, message);
    if (tooLarge) settled.push(refused(message, fingerprint, tooLarge));
    else ready.push(asIs({ message, mail: keyed(mail, message), fingerprint }, target, rules));
  }
  if (settled.length > 0) {
    await ledger.recordOutcomes(lease, entry.id, pass, settled);
    countUp(counts, settled);
    context.report(unit.work.source.path);
  }
  await recordIntents(context, unit, ready);
  return { ready, fault };

  function keyed(mail: Message, { uidValidity, uid }: LedgerMessage): Message {
    if (target.keys === null) return mail;
    return { ...mail, key: messageKeyOf(lease.mailboxId, { folderId: entry.id, uidValidity, uid }) };
  }
}

/** One copy is one message's, though both lists may have it. */
function takeForeign({ unclaimed, arrivals }: FolderWork, mark: string): UnclaimedCopy | null {
  for (;;) {
    const copy = unclaimed.take(mark);
    if (copy === null || !arrivals || arrivals.claim(copy.id.uid)) return copy;
  }
}

/** Before the effect, and again before another form of the same message is tried. */
export async function recordIntents({ ledger, lease }: CopyContext, { work }: WorkUnit, ready: readonly Ready[]) {
  if (ready.length === 0) return;
  const intents = ready.map((each): Intent => {
    const { message, fingerprint, copyFingerprint, state } = each;
    const { uidValidity, uid } = message;
    const detail = detailOf(each);
    const told = { ...(state !== 'copied' && { state }), ...(detail !== null && { detail }) };
    return { uidValidity, uid, fingerprint, copyFingerprint, targetUidNext: work.targetUidNext, ...told };
  });
  await ledger.recordIntents(lease, work.entry.id, intents);
}

interface Read {
  readonly message: LedgerMessage;
  readonly mail: Message;
  readonly fingerprint: string;
}

/** One ranged FETCH; a large message by parts. What is not there any more has vanished (T44). */
async function readAll(source: MailSource, { work, messages, large }: WorkUnit, signal: AbortSignal) {
  const byUid = new Map(messages.map((message) => [message.uid, message]));
  const read: Read[] = [];
  const settled: Outcome[] = [];
  let fault: ReadUnit['fault'] = null;
  try {
    for await (const { uid, result } of large ? readLarge(source, work.source, messages) : readSmall()) {
      signal.throwIfAborted();
      const message = byUid.get(uid);
      if (message === undefined) continue; // news of a message that nobody asked for, or one that came twice
      byUid.delete(uid);
      if (result instanceof MigrationError) settled.push(refused(message, null, result));
      else read.push({ message, mail: result, fingerprint: fingerprintOf(result.raw) });
    }
    for (const message of byUid.values()) settled.push(noOutcome(message, 'vanished'));
  } catch (error) {
    signal.throwIfAborted();
    fault = { error };
    const lost = error instanceof MigrationError && error.code === 'CONNECTION_LOST';
    if (lost) for (const message of byUid.values()) settled.push(lostInReading(message));
  }
  return { read: read.toSorted((a, b) => a.message.uid - b.message.uid), settled, fault };

  function readSmall() {
    const [{ uidValidity } = { uidValidity: '' }] = messages;
    return source.readMessages(
      work.source,
      uidValidity,
      messages.map(({ uid }) => uid),
    );
  }
}

async function* readLarge(
  source: MailSource,
  folder: WorkUnit['work']['source'],
  messages: readonly LedgerMessage[],
): ReturnType<MailSource['readMessages']> {
  for (const { uidValidity, uid } of messages) {
    try {
      const result = await source.findMessage(folder, uidValidity, uid);
      if (result !== null) yield { uid, result };
    } catch (error) {
      if (!(error instanceof MigrationError) || error.kind.scope !== 'message') throw error;
      yield { uid, result: error };
    }
  }
}

/** What was renumbered, moved or renamed at the source takes the copy over that it has already (T13, T43, T47). */
async function withoutAdopted(
  context: CopyContext,
  { work }: WorkUnit,
  read: readonly Read[],
): Promise<readonly Read[]> {
  if (!context.adopts || read.length === 0) return read;
  const { ledger, lease, pass, counts } = context;
  const wanted = read.map(({ message: { uidValidity, uid }, fingerprint }) => ({ uidValidity, uid, fingerprint }));
  const adopted = new Set(await ledger.recordAdoptions(lease, work.entry.id, pass, wanted));
  counts.alreadyThere += adopted.size;
  return read.filter(({ message }) => !adopted.has(message.uid));
}

function tooLargeFor({ maxMessageBytes }: MailTarget, { sizeBytes }: LedgerMessage): MigrationError | null {
  if (maxMessageBytes === null || sizeBytes <= maxMessageBytes) return null;
  return new MigrationError(
    'MESSAGE_TOO_LARGE',
    `It has ${sizeBytes} octets; the target takes ${maxMessageBytes} at most.`,
    { facts: { sizeBytes, maxMessageBytes } },
  );
}
