import { fingerprintOf } from './fingerprint.ts';
import type { FolderPath, FolderRole } from './mail.ts';
import type { Pass } from './passes.ts';
import type { DeliveredCopy, FolderFinding, Lease, Ledger } from './ports/ledger.ts';
import type { MailTarget, TargetFolder } from './ports/mail.ts';

export interface VerifyMailboxInput {
  /** On a connection of its own, opened after the copy: what the copier's session believes does not count. */
  readonly target: MailTarget;
  readonly ledger: Ledger;
  readonly lease: Lease;
  readonly mailboxId: string;
  readonly pass: Pass;
  readonly signal?: AbortSignal;
  /** After each message: the place for a heartbeat. */
  readonly onProgress?: (seen: number) => void;
}

export interface VerifyReport {
  readonly findings: readonly FolderFinding[];
  readonly lost: number;
  readonly doubled: number;
  /** Messages read at the target. */
  readonly seen: number;
}

/**
 * Reads back what this pass delivered and compares, per target folder, multisets of fingerprints with the ledger: how many
 * there are (L1), and that each is the right one, in the right folder, as often as it should be (L2). The initial pass reads
 * everything. Findings are recorded; the caller decides what a loss means. Twice is the same as once.
 * @throws LEASE_LOST, and what the target throws
 */
export async function verifyMailbox(input: VerifyMailboxInput): Promise<VerifyReport> {
  const { ledger, lease, mailboxId, pass } = input;
  const findings: FolderFinding[] = [];
  let seen = 0;
  for (const { targetPath, role } of await listTargets(ledger, mailboxId)) {
    const scope = await scopeOf(ledger, mailboxId, targetPath, pass);
    if (scope === null) continue;
    const finding = await compareFolder(input, targetPath, role, scope, (count) => input.onProgress?.(seen + count));
    seen += finding.seen;
    findings.push(finding);
  }
  await ledger.recordVerification(lease, pass, findings);
  const sum = (key: 'lost' | 'doubled') => findings.reduce((total, finding) => total + finding[key], 0);
  return { findings, lost: sum('lost'), doubled: sum('doubled'), seen };
}

/** Target folders of the mailbox, each once. One with a special role is found by it, so INBOX stays INBOX. */
async function listTargets(ledger: Ledger, mailboxId: string) {
  const targets = new Map<string, { targetPath: FolderPath; role: FolderRole }>();
  for (const { targetPath } of await ledger.listFolders(mailboxId)) {
    targets.set(JSON.stringify(targetPath), { targetPath, role: targetPath.join() === 'INBOX' ? 'inbox' : null });
  }
  return [...targets.values()];
}

interface Scope {
  readonly fromUid: number;
  readonly expected: readonly DeliveredCopy[];
}

/** From the first copy of this pass on; null where the pass delivered nothing. A copy without a UID may be anywhere. */
async function scopeOf(ledger: Ledger, mailboxId: string, targetPath: FolderPath, pass: Pass): Promise<Scope | null> {
  const all = await ledger.listDelivered(mailboxId, targetPath, 1);
  const ofPass = all.filter((copy) => copy.passNumber === pass.number);
  if (pass.kind !== 'initial' && ofPass.length === 0) return null;
  if (pass.kind === 'initial' || all.some((copy) => copy.targetUid === null)) return { fromUid: 1, expected: all };
  const fromUid = Math.min(...ofPass.map((copy) => copy.targetUid ?? 1));
  return { fromUid, expected: all.filter((copy) => (copy.targetUid ?? 1) >= fromUid) };
}

async function compareFolder(
  { target, signal }: VerifyMailboxInput,
  targetPath: FolderPath,
  role: FolderRole,
  { fromUid, expected }: Scope,
  onSeen: (count: number) => void,
): Promise<FolderFinding> {
  const owed = new Map<string, number>();
  for (const { fingerprint } of expected) owed.set(fingerprint, (owed.get(fingerprint) ?? 0) + 1);
  const ours = firstUidOfOurs(expected);
  let seen = 0;
  let doubled = 0;
  // Those before our first copy are counted against what is owed, and are no doubles if they are too many: they were there
  // before us, be it twice (T42). What we did not bring at all is none of our business.
  const folder: TargetFolder = await target.ensureFolder(targetPath, role);
  for await (const message of target.listMessages(folder, fromUid)) {
    signal?.throwIfAborted();
    seen += 1;
    const fingerprint = fingerprintOf(message.raw);
    const left = owed.get(fingerprint);
    if (left !== undefined && left > 0) owed.set(fingerprint, left - 1);
    else if (left !== undefined && message.uid >= ours) doubled += 1;
    onSeen(seen);
  }
  const lost = [...owed.values()].reduce((sum, left) => sum + left, 0);
  return { targetPath, lost, doubled, seen };
}

/** Infinity where we brought nothing; 1 where a target without UIDPLUS did not tell. */
function firstUidOfOurs(expected: readonly DeliveredCopy[]): number {
  const brought = expected.filter((copy) => copy.state !== 'already-there');
  return Math.min(...brought.map((copy) => copy.targetUid ?? 1));
}
