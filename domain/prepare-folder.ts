import { readArrivals } from './arrived-both-ways.ts';
import type { CopyContext, Lane } from './copy-context.ts';
import { markAtSource } from './mark-at-source.ts';
import type { OpenedFolder } from './ports/mail.ts';
import { openSuspect } from './suspicion.ts';
import { NOTHING_UNCLAIMED, readUnclaimed, type Unclaimed } from './unclaimed.ts';
import type { FolderJob, FolderWork } from './work-units.ts';

/** Finds or makes the target folder, and in a first pass looks through it for what another tool has brought before us. */
export async function prepareFolder(context: CopyContext, lane: Lane, job: FolderJob): Promise<FolderWork> {
  const { target } = lane;
  const folder = await context.inTurn(() =>
    openSuspect(context, job.entry, () => target.ensureFolder(job.targetPath, job.role)),
  );
  const unclaimed = await findForeign(context, job, lane, folder);
  const arrivals = await readArrivals(context, job, target, folder);
  return { ...job, target: folder, unclaimed, arrivals, targetUidNext: folder.uidNext };
}

/**
 * Messages that were at the target before us, by another tool or an earlier migration (T42). Their bodies are read only in a
 * folder that no earlier pass has delivered to, and only when it holds more than the ledger knows of.
 */
async function findForeign(
  { ledger, lease, pass }: CopyContext,
  job: FolderJob,
  { source, target }: Lane,
  folder: OpenedFolder,
): Promise<Unclaimed> {
  if ((await ledger.listUnfinished(job.entry.id, null, 1)).length === 0) return NOTHING_UNCLAIMED;
  const { copies, firstPass } = await ledger.countDelivered(lease.mailboxId, job.targetPath);
  if (firstPass !== null && firstPass < pass.number) return NOTHING_UNCLAIMED;
  if (folder.exists <= copies) return NOTHING_UNCLAIMED;
  return await readUnclaimed(target, ledger, {
    ...{ mailboxId: lease.mailboxId, targetPath: job.targetPath, folder, fromUid: 1, wanted: null },
    markAtSource: markAtSource(source, ledger, lease.mailboxId, target),
  });
}
