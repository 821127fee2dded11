import { MigrationError } from '../../domain/errors.ts';
import type { OpenedFolder, TargetFolder } from '../../domain/ports/mail.ts';
import { PROBE_FOLDER_PREFIX, type ProbeSession } from '../../domain/ports/route-probe.ts';
import type { EwsClient } from './client.ts';
import { findItems, uidRange } from './find-items.ts';
import { createFolder, readFolders, readStatus, removeFolder } from './folders.ts';
import { FLAG_FIELDS, flagsOf } from './properties.ts';
import type { EwsTarget } from './target.ts';

/** A probe's folder has PidTagAttributeHidden, so that Outlook does not show it (exchange.md §9.2); no other is removed here. */
export class EwsProbe implements ProbeSession {
  readonly target: EwsTarget;
  readonly #client: EwsClient;

  constructor(client: EwsClient, target: EwsTarget) {
    this.#client = client;
    this.target = target;
  }

  async makeProbeFolder(name: string): Promise<OpenedFolder> {
    const { rootId } = await readFolders(this.#client);
    await createFolder(this.#client, rootId, name, { isHidden: true });
    const made = (await this.#probeFolders()).find(({ path }) => path[0] === name);
    if (made === undefined) {
      throw new MigrationError('FOLDER_REFUSED', 'The target took the folder of the probe and does not show it.');
    }
    const { exists, uidNext } = await readStatus(this.#client, made.id);
    return { ...made, exists, uidNext };
  }

  async *listProbeFolders(): AsyncIterable<TargetFolder> {
    yield* await this.#probeFolders();
  }

  async removeProbeFolder({ id }: TargetFolder): Promise<void> {
    const { folders, hidden } = await readFolders(this.#client);
    // By what the mailbox says of it, not by what the caller does.
    const found = [...folders, ...hidden].find((folder) => folder.id === id);
    if (found === undefined) return;
    if (!isProbes(found)) {
      throw new MigrationError('FOLDER_REFUSED', 'Only a folder of a probe is removed.', { facts: { folder: id } });
    }
    await removeFolder(this.#client, id);
  }

  async findDraftState(folder: TargetFolder, uid: number): Promise<boolean | null> {
    const condition = (from: number) => uidRange(from, uid + 1);
    for await (const { element } of findItems(this.#client, folder.id, condition, FLAG_FIELDS, uid)) {
      return flagsOf(element).includes('\\Draft');
    }
    return null;
  }

  async close(): Promise<void> {
    await this.target.close();
  }

  async #probeFolders(): Promise<TargetFolder[]> {
    const { folders, hidden } = await readFolders(this.#client);
    return [...folders, ...hidden].filter(isProbes);
  }
}

function isProbes({ path }: TargetFolder): boolean {
  return path.length === 1 && path[0]?.startsWith(PROBE_FOLDER_PREFIX) === true;
}
