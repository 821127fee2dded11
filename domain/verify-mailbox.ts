import { DeviationLog } from './deviation-log.ts';
import { findMisfiled } from './find-misfiled.ts';
import { findMovedByPolicy } from './find-moved-by-policy.ts';
import { type LaneOptions, pauseUntil, workOnLanes } from './lanes.ts';
import type { FolderPath } from './mail.ts';
import { type OpenSource, Originals } from './originals.ts';
import type { Pass } from './passes.ts';
import type { DeliveredTally, FolderFinding, Lease, Ledger } from './ports/ledger.ts';
import type { MailTarget } from './ports/mail.ts';
import type { FolderScope, VerifyContext } from './verify-context.ts';
import type { FolderCheck } from './verify-folder.ts';
import { VerifyWork } from './verify-work.ts';

export interface VerifyMailboxInput {
  /** On a connection of its own, opened after the copy: what the copier's session believes does not count. */
  readonly target: MailTarget;
  readonly ledger: Ledger;
  readonly lease: Lease;
  readonly mailboxId: string;
  readonly pass: Pass;
  /** Further connections to the target; absent: the one has to do. */
  readonly lanes?: LaneOptions<VerifyLane>;
  /**
   * Opens the source, only when a copy's bytes are not those that were sent: the original then tells whether its content is the
   * same. Absent: such a copy counts as changed.
   */
  readonly openSource?: () => Promise<OpenSource>;
  readonly signal?: AbortSignal;
  /** After each message: the place for a heartbeat. */
  readonly onProgress?: (seen: number) => void;
}

export interface VerifyLane {
  readonly target: MailTarget;
}

type Counted = Omit<FolderFinding, 'targetPath'>;

export interface VerifyReport extends Counted {
  readonly findings: readonly FolderFinding[];
  /** Lost, doubled, misfiled and changed together: with one of them the mailbox is not through. */
  readonly faults: number;
  /** Copies that lie where a policy puts mail: told as deviations, no fault. The ledger's findings do not count them. */
  readonly movedByPolicy: number;
}

/**
 * Re-reads what this pass delivered and compares it with the ledger's statement of where each copy should be, per target folder:
 * how many there are (L1); that each is the right one, in the right folder, as often as it should be (L2); that its content, its
 * date of arrival and its flags are those it was given (L3). Nothing is sampled: every copy in scope is read whole. What is in no
 * folder is looked for where the target's policies put mail, as far as it shows that (T63).
 *
 * The initial pass reads everything; a later one what it delivered, and whole folders in which an earlier verification found
 * a fault. What somebody else brought is none of our business. Each deviation is named in the ledger; the caller decides what it
 * means. Twice is the same as once. Memory grows with what does not fit, not with the mailbox.
 * @throws LEASE_LOST, and what target and source throw
 */
export async function verifyMailbox(input: VerifyMailboxInput): Promise<VerifyReport> {
  const { target, ledger, lease, mailboxId, lanes } = input;
  const folders = new Map((await ledger.listFolders(mailboxId)).map((entry) => [entry.id, entry]));
  const originals = input.openSource === undefined ? null : new Originals(input.openSource, folders);
  const log = new DeviationLog(ledger, lease, folders);
  let seen = 0;
  const context: VerifyContext = {
    ledger,
    mailboxId,
    signal: input.signal ?? null,
    originals,
    log,
    onSeen: () => input.onProgress?.(++seen),
  };
  try {
    const { scopes, cleared } = await planReading(input);
    const work = new VerifyWork(context, scopes);
    if (lanes) await workOnLanes<VerifyLane>({ target }, work, lanes);
    else await work.drive({ target }, { lanes: () => 1, mustEnd: async () => false });
    await lookForLate(input, work.checks);
    await findMisfiled(context, target, work.checks);
    await findMovedByPolicy(context, target, work.checks);
    for (const check of work.checks) await check.nameFaults();
    const findings = [...work.checks.map((check) => check.finding()), ...cleared];
    await log.flush();
    await ledger.recordVerification(lease, input.pass, findings);
    return sumUp(findings, work.checks);
  } finally {
    await originals?.close();
  }
}

/** What was written a moment ago may not be seen yet: it is not lost before it must be. */
async function lookForLate(
  { target, lanes, signal }: VerifyMailboxInput,
  checks: readonly FolderCheck[],
): Promise<void> {
  const { visibleAfterMs } = target;
  const incomplete = checks.filter(({ lost }) => lost.size > 0);
  if (visibleAfterMs === 0 || incomplete.length === 0) return;
  const pace = lanes?.pace;
  if (pace) await pauseUntil(pace, pace.now() + visibleAfterMs, signal ?? new AbortController().signal);
  for (const check of incomplete) await check.lookAgain(target);
}

interface Reading {
  /** The largest first: their windows keep all connections at work. */
  readonly scopes: readonly FolderScope[];
  /** Findings of folders in which an earlier verification found a fault, and in which nothing is ours any more. */
  readonly cleared: readonly FolderFinding[];
}

async function planReading({ ledger, mailboxId, pass }: VerifyMailboxInput): Promise<Reading> {
  const findings = (await ledger.listFindings(mailboxId)).filter((finding) => faultsOf(finding) > 0);
  const faulty = new Map(findings.map(({ targetPath }) => [pathKey(targetPath), targetPath]));
  const scopes: FolderScope[] = [];
  for (const tally of await ledger.tallyDelivered(mailboxId, pass.number)) {
    const isFaulty = faulty.delete(pathKey(tally.targetPath));
    const fromUid = pass.kind === 'initial' || isFaulty ? 1 : firstUidOf(tally);
    if (fromUid !== null) scopes.push({ ...tally, fromUid });
  }
  const cleared = [...faulty.values()].map((targetPath) => ({ targetPath, ...NOTHING }));
  return { scopes: scopes.toSorted((a, b) => b.copies - a.copies), cleared };
}

const NOTHING: Counted = {
  lost: 0,
  doubled: 0,
  misfiled: 0,
  changed: 0,
  altered: 0,
  datesMoved: 0,
  flagsLost: 0,
  seen: 0,
};

/** From the first copy of the pass on; null where it delivered nothing. A copy without a UID may be anywhere. */
function firstUidOf({ ofPass, withoutUid, firstUidOfPass }: DeliveredTally): number | null {
  if (ofPass === 0) return null;
  return withoutUid > 0 ? 1 : (firstUidOfPass ?? 1);
}

function sumUp(findings: readonly FolderFinding[], checks: readonly FolderCheck[]): VerifyReport {
  const sum = (key: keyof Counted) => findings.reduce((total, finding) => total + finding[key], 0);
  return {
    findings,
    lost: sum('lost'),
    doubled: sum('doubled'),
    misfiled: sum('misfiled'),
    changed: sum('changed'),
    altered: sum('altered'),
    datesMoved: sum('datesMoved'),
    flagsLost: sum('flagsLost'),
    seen: sum('seen'),
    faults: findings.reduce((total, finding) => total + faultsOf(finding), 0),
    movedByPolicy: checks.reduce((total, check) => total + check.movedByPolicy.size, 0),
  };
}

function faultsOf({ lost, doubled, misfiled, changed }: FolderFinding): number {
  return lost + doubled + misfiled + changed;
}

function pathKey(path: FolderPath): string {
  return JSON.stringify(path);
}
