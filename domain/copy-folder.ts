import { type ErrorCode, MigrationError } from './errors.ts';
import { fingerprintOf } from './fingerprint.ts';
import { isSettled } from './look-at-mailbox.ts';
import type { CensusEntry, FolderPath, FolderRole, FolderStatus, Message, SourceFolder } from './mail.ts';
import type { Pass } from './passes.ts';
import type { DeliveredCopy, FolderEntry, Lease, Ledger, LedgerMessage, Outcome } from './ports/ledger.ts';
import type { Appended, MailSource, MailTarget, TargetFolder } from './ports/mail.ts';
import { repairForAppend } from './repair.ts';
import { NOTHING_UNCLAIMED, readUnclaimed, type Unclaimed } from './unclaimed.ts';

export interface CopyCounts {
  readonly copied: number;
  readonly repaired: number;
  readonly alreadyThere: number;
  readonly vanished: number;
  readonly refused: number;
  /** Sent to the target. */
  readonly bytes: number;
}

export interface CopyContext {
  readonly source: MailSource;
  readonly target: MailTarget;
  readonly ledger: Ledger;
  readonly lease: Lease;
  readonly pass: Pass;
  readonly signal: AbortSignal;
  /** Counted up along the way. */
  readonly counts: { -readonly [K in keyof CopyCounts]: number };
  /** Called after each record. */
  readonly report: () => void;
}

export interface FolderJob {
  readonly entry: FolderEntry;
  readonly folder: SourceFolder;
  readonly targetPath: FolderPath;
  readonly targetRole: FolderRole;
}

/** Rows of one record; a statement of 500 takes the database a few milliseconds. */
const CENSUS_WINDOW = 500;
/** So much is sent between two records, and at most so much is looked for again after a crash. */
const BATCH_MESSAGES = 25;
const BATCH_BYTES = 8 * 1024 * 1024;

/** @returns false when nothing had changed since the last complete census, so nothing was read. */
export async function copyFolder(context: CopyContext, job: FolderJob): Promise<boolean> {
  const { source, target, ledger } = context;
  const status = await source.getStatus(job.folder);
  if (await isSettled(ledger, job.entry, status)) return false;

  await takeCensus(context, job, status);
  const folder = await target.ensureFolder(job.targetPath, job.targetRole);
  await reconcile(context, job, folder);
  const delivered = await ledger.listDelivered(context.lease.mailboxId, job.targetPath, 1);
  const found = await readForeign(context, job, folder, delivered);
  // A copy can be taken over only where there is one; a first pass is spared the question for each message.
  const adopts = delivered.length > 0;
  for (;;) {
    context.signal.throwIfAborted();
    const batch = await ledger.nextUnfinished(job.entry.id, BATCH_MESSAGES);
    if (batch.length === 0) return true;
    await copyBatch(context, job, folder, batch, found, adopts);
    context.report();
  }
}

/**
 * The numbers are taken before the messages are read, so whatever arrives in between differs from them and brings the next
 * pass back. EXISTS is what FETCH counted (T45).
 */
async function takeCensus(
  { source, ledger, lease, pass, signal, report }: CopyContext,
  job: FolderJob,
  status: FolderStatus,
) {
  let window: CensusEntry[] = [];
  const uids = new Set<number>();
  const record = async () => {
    await ledger.recordCensus(lease, job.entry.id, status.uidValidity, pass, window);
    window = [];
    report();
  };
  for await (const entry of source.listMessages(job.folder)) {
    signal.throwIfAborted();
    uids.add(entry.uid);
    window.push(entry);
    if (window.length >= CENSUS_WINDOW) await record();
  }
  if (window.length > 0) await record();
  const { uidValidity } = await source.getStatus(job.folder);
  if (uidValidity !== status.uidValidity) {
    throw new MigrationError('FOLDER_VANISHED', 'UIDVALIDITY changed during the census.', {
      facts: { folder: job.folder.id },
    });
  }
  await ledger.recordCensusEnd(lease, job.entry.id, pass, { ...status, exists: uids.size });
}

/** Looks for what an earlier attempt may have delivered: found is delivered, not found did not happen. */
async function reconcile(context: CopyContext, job: FolderJob, folder: TargetFolder): Promise<void> {
  const { target, ledger, lease, pass, counts } = context;
  const intended = await ledger.listIntended(job.entry.id);
  if (intended.length === 0) return;
  const from = Math.min(...intended.map((message) => message.intentUidNext ?? 1));
  const wanted = new Set(intended.flatMap((message) => message.fingerprint ?? []));
  const where = { mailboxId: lease.mailboxId, targetPath: job.targetPath, folder };
  const unclaimed = await readUnclaimed(target, ledger, where, from, wanted);
  const outcomes: Outcome[] = [];
  for (const message of intended) {
    const id = message.fingerprint === null ? null : unclaimed.take(message.fingerprint);
    if (id === null) {
      outcomes.push({ ...outcome(message, 'planned'), fingerprint: message.fingerprint });
      continue;
    }
    const raw = (await readMessage(context.source, job.folder, message, []))?.raw;
    const detail = raw === undefined ? null : repairForAppend(raw).detail;
    const state = detail === null ? 'copied' : 'repaired';
    outcomes.push({
      ...outcome(message, state),
      fingerprint: message.fingerprint,
      target: target.reportsUid ? id : null,
      detail,
    });
    counts[state] += 1;
  }
  await ledger.recordOutcomes(lease, job.entry.id, pass, outcomes);
  context.report();
}

/**
 * Messages that were at the target before us, by another tool or an earlier migration (T42). Their bodies are read only in a
 * folder that no earlier pass has delivered to, and only when it holds more than the ledger knows of.
 */
async function readForeign(
  { target, ledger, lease, pass }: CopyContext,
  job: FolderJob,
  folder: TargetFolder,
  delivered: readonly DeliveredCopy[],
): Promise<Unclaimed> {
  if ((await ledger.nextUnfinished(job.entry.id, 1)).length === 0) return NOTHING_UNCLAIMED;
  if (delivered.some((copy) => copy.passNumber < pass.number)) return NOTHING_UNCLAIMED;
  const { exists } = await target.getStatus(folder);
  if (exists <= delivered.length) return NOTHING_UNCLAIMED;
  const where = { mailboxId: lease.mailboxId, targetPath: job.targetPath, folder };
  return await readUnclaimed(target, ledger, where, 1, null);
}

interface Ready {
  readonly message: LedgerMessage;
  readonly mail: Message;
  readonly fingerprint: string;
  /** What had to be changed; null where the bytes go as they are. */
  readonly repair: string | null;
}

async function copyBatch(
  context: CopyContext,
  job: FolderJob,
  folder: TargetFolder,
  batch: readonly LedgerMessage[],
  found: Unclaimed,
  adopts: boolean,
): Promise<void> {
  const { target, ledger, lease, pass } = context;
  const { ready, settled } = await readBatch(context, job, batch, found, adopts);
  const tell = async (outcomes: readonly Outcome[]) => {
    if (outcomes.length === 0) return;
    await ledger.recordOutcomes(lease, job.entry.id, pass, outcomes);
    for (const { state } of outcomes) countUp(context, state);
  };
  await tell(settled);
  if (ready.length === 0) return;

  const { uidNext } = await target.getStatus(folder);
  const intents = ready.map(({ message, fingerprint }) => ({
    uidValidity: message.uidValidity,
    uid: message.uid,
    fingerprint,
    targetUidNext: uidNext,
  }));
  await ledger.recordIntents(lease, job.entry.id, intents);

  const outcomes: Outcome[] = [];
  for (const [at, one] of ready.entries()) {
    try {
      context.signal.throwIfAborted();
    } catch (error) {
      await tell([...outcomes, ...ready.slice(at).map(notSent)]);
      throw error;
    }
    try {
      outcomes.push(delivered(one, await target.append(folder, one.mail)));
      context.counts.bytes += one.mail.raw.length;
    } catch (error) {
      if (error instanceof MigrationError && error.kind.scope === 'message') {
        outcomes.push(refused(one.message, one.fingerprint, error));
        continue;
      }
      // What was not tried is planned again; the one that failed stays intended unless it certainly did not happen.
      const untouched = ready.slice(didNotHappen(error) ? at : at + 1);
      try {
        await tell([...outcomes, ...untouched.map(notSent)]);
      } catch {
        // The rows stay intended and are reconciled next time; the reader needs the first error, not this one.
      }
      throw error;
    }
  }
  await tell(outcomes);
}

/** Fetches and sorts: what is ready to be sent, and what is settled without sending. */
async function readBatch(
  context: CopyContext,
  job: FolderJob,
  batch: readonly LedgerMessage[],
  found: Unclaimed,
  adopts: boolean,
): Promise<{ ready: Ready[]; settled: Outcome[] }> {
  const { source, target, ledger, lease, pass, signal, counts } = context;
  const ready: Ready[] = [];
  const settled: Outcome[] = [];
  let bytes = 0;
  for (const message of batch) {
    if (bytes >= BATCH_BYTES) break; // the rest comes with the next batch
    signal.throwIfAborted();
    const { uidValidity, uid } = message;
    const mail = await readMessage(source, job.folder, message, settled);
    if (mail === null) continue;
    const fingerprint = fingerprintOf(mail.raw);
    if (adopts && (await ledger.recordAdoption(lease, job.entry.id, pass, { uidValidity, uid, fingerprint }))) {
      counts.alreadyThere += 1;
      continue;
    }
    const id = found.take(fingerprint);
    if (id !== null) {
      settled.push({ ...outcome(message, 'already-there'), fingerprint, target: target.reportsUid ? id : null });
      continue;
    }
    const { raw, detail: repair } = repairForAppend(mail.raw);
    ready.push({ message, mail: { ...mail, raw }, fingerprint, repair });
    bytes += raw.length;
  }
  return { ready, settled };
}

async function readMessage(
  source: MailSource,
  folder: SourceFolder,
  message: LedgerMessage,
  settled: Outcome[],
): Promise<Message | null> {
  try {
    const mail = await source.findMessage(folder, message.uidValidity, message.uid);
    if (mail === null) settled.push(outcome(message, 'vanished'));
    return mail;
  } catch (error) {
    if (!(error instanceof MigrationError) || error.kind.scope !== 'message') throw error;
    settled.push(refused(message, null, error));
    return null;
  }
}

/** Codes with which a target says that the message is not there. Whatever is not listed may have happened. */
const CERTAIN: ReadonlySet<ErrorCode> = new Set([
  ...(['QUOTA_EXCEEDED', 'THROTTLED', 'SERVER_BUSY', 'MAILBOX_MISSING', 'FOLDER_REFUSED', 'FOLDER_VANISHED'] as const),
]);

function didNotHappen(error: unknown): boolean {
  return error instanceof MigrationError && CERTAIN.has(error.code);
}

function delivered({ message, fingerprint, repair }: Ready, { id, droppedFlags }: Appended): Outcome {
  const details = [
    ...(repair === null ? [] : [repair]),
    ...(droppedFlags.length > 0 ? [`The target does not take these flags: ${droppedFlags.join(' ')}`] : []),
  ];
  const detail = details.length > 0 ? details.join(' ') : null;
  return { ...outcome(message, repair === null ? 'copied' : 'repaired'), fingerprint, target: id, detail };
}

function notSent({ message, fingerprint }: Ready): Outcome {
  return { ...outcome(message, 'planned'), fingerprint };
}

function refused(message: LedgerMessage, fingerprint: string | null, error: MigrationError): Outcome {
  return { ...outcome(message, 'refused'), fingerprint, code: error.code, detail: error.message };
}

function outcome({ uidValidity, uid }: LedgerMessage, state: Outcome['state']): Outcome {
  return { uidValidity, uid, state, fingerprint: null, target: null, code: null, detail: null };
}

function countUp({ counts }: CopyContext, state: Outcome['state']): void {
  if (state === 'copied' || state === 'repaired' || state === 'vanished' || state === 'refused') counts[state] += 1;
  else if (state === 'already-there') counts.alreadyThere += 1;
}
