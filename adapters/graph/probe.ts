import { MigrationError } from '../../domain/errors.ts';
import type { MailTarget, OpenedFolder, TargetFolder } from '../../domain/ports/mail.ts';
import { PROBE_FOLDER_PREFIX, type ProbeSession } from '../../domain/ports/route-probe.ts';
import { findRow } from './copies.ts';
import { GraphFolders, pathOf } from './folders.ts';
import { mailError } from './mail-errors.ts';
import { isGone, type MailboxCalls } from './mailbox-calls.ts';

/** A probe's folder is one that its owner never sees (exchange.md §9.2); no other is removed here. */
export class GraphProbe implements ProbeSession {
  readonly target: MailTarget;
  readonly #calls: MailboxCalls;
  readonly #folders: GraphFolders;

  /** @param calls  of the same mailbox as the target */
  constructor(target: MailTarget, calls: MailboxCalls) {
    this.target = target;
    this.#calls = calls;
    this.#folders = new GraphFolders(calls);
  }

  async makeProbeFolder(name: string): Promise<OpenedFolder> {
    const folder = await this.#folders.ensureHidden(name);
    const { exists, uidNext } = await this.#folders.status(folder.id);
    return { id: folder.id, path: folder.path, role: null, exists, uidNext };
  }

  async *listProbeFolders(): AsyncIterable<TargetFolder> {
    for (const { id, path, role } of await this.#folders.list()) {
      if (path.length === 1 && isProbes(path[0])) yield { id, path, role };
    }
  }

  async removeProbeFolder(folder: TargetFolder): Promise<void> {
    const facts = { folder: folder.id };
    // By what the mailbox says of it, not by what the caller does.
    let found: TargetFolder | null = null;
    for (const each of await this.#folders.list()) if (each.id === folder.id) found = each;
    if (found === null) return;
    if (found.path.length !== 1 || !isProbes(found.path[0])) {
      throw new MigrationError('FOLDER_REFUSED', 'Only a folder of a probe is removed.', { facts });
    }
    const call = { name: 'remove probe folder', path: `${pathOf(folder.id)}/permanentDelete`, facts };
    const outcome = await this.#calls.attempt('POST', call);
    if (outcome.did === 'happen' || isGone(outcome)) return;
    throw mailError({ name: call.name, effect: true }, outcome, 'folder', facts);
  }

  async findDraftState(folder: TargetFolder, uid: number): Promise<boolean | null> {
    const row = await findRow(this.#calls, folder.id, uid);
    return row === null ? null : row.flags.includes('\\Draft');
  }

  async close(): Promise<void> {
    await this.target.close();
    this.#calls.close();
  }
}

function isProbes(name: string | undefined): boolean {
  return name?.startsWith(PROBE_FOLDER_PREFIX) === true;
}
