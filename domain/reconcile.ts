import { collect } from './collect.ts';
import type { CopyContext } from './copy-context.ts';
import type { IntendedMessage, Outcome } from './ports/ledger.ts';
import type { MailTarget, TargetFolder } from './ports/mail.ts';
import { NOTHING_UNCLAIMED, readUnclaimed, type Unclaimed } from './unclaimed.ts';
import { noOutcome } from './unit-outcomes.ts';

/**
 * Looks for what an earlier attempt may have delivered before it died: found is delivered, not found did not happen. All of the
 * mailbox, and before anything is sent: what was delivered and has since been moved at the source is to be found by the message
 * that it is now.
 */
export async function reconcile(context: CopyContext, target: MailTarget): Promise<void> {
  const { ledger, lease } = context;
  const intended = await ledger.listIntended(lease.mailboxId);
  if (intended.length === 0) return;
  // Whoever wrote these intents may be alive, cut off from us and in the middle of its last APPEND.
  await context.settle();
  const folders = await collect(target.listFolders());
  for (const messages of Map.groupBy(intended, ({ targetPath }) => pathKey(targetPath)).values()) {
    const [{ targetPath } = { targetPath: [] }] = messages;
    const folder = folders.find(({ path }) => pathKey(path) === pathKey(targetPath));
    await reconcileFolder(context, target, folder ?? null, messages);
  }
}

async function reconcileFolder(
  context: CopyContext,
  target: MailTarget,
  folder: TargetFolder | null,
  intended: readonly IntendedMessage[],
): Promise<void> {
  const { ledger, lease, pass, counts } = context;
  const unclaimed = folder === null ? NOTHING_UNCLAIMED : await lookInto(context, target, folder, intended);
  for (const [folderId, messages] of Map.groupBy(intended, (message) => message.folderId)) {
    const outcomes = messages.map((message): Outcome => {
      const wants = copyFingerprintOf(message);
      const copy = wants === null ? null : unclaimed.take(wants);
      if (copy === null) return noOutcome(message, message.present ? 'planned' : 'vanished');
      const state = message.copyFingerprint === null ? 'copied' : 'repaired';
      counts[state] += 1;
      return {
        ...noOutcome(message, state),
        target: target.reportsUid ? copy.id : null,
        detail: state === 'repaired' ? 'It was changed on the wire so that the target would take it.' : null,
        // The flags that it was given went down with the attempt; those that source and copy share are a base that takes none away.
        flags: message.flags.filter((flag) => copy.flags.includes(flag)),
        receivedAt: message.internalDate === null ? copy.receivedAt : null,
      };
    });
    await ledger.recordOutcomes(lease, folderId, pass, outcomes);
  }
  context.report(folder?.path ?? []);
}

async function lookInto(
  { ledger, lease }: CopyContext,
  target: MailTarget,
  folder: TargetFolder,
  intended: readonly IntendedMessage[],
): Promise<Unclaimed> {
  const from = Math.min(...intended.map((message) => message.intentUidNext ?? 1));
  const wanted = new Set(intended.flatMap((message) => copyFingerprintOf(message) ?? []));
  const [{ targetPath } = { targetPath: [] }] = intended;
  return await readUnclaimed(target, ledger, { mailboxId: lease.mailboxId, targetPath, folder }, from, wanted);
}

function copyFingerprintOf({ copyFingerprint, fingerprint }: IntendedMessage): string | null {
  return copyFingerprint ?? fingerprint;
}

function pathKey(path: readonly string[]): string {
  return JSON.stringify(path);
}
