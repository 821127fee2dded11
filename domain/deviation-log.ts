import type { FolderPath } from './mail.ts';
import type { DeliveredCopy, Deviation, DeviationCode, FolderEntry, Lease, Ledger } from './ports/ledger.ts';

/** Deviations of one record. */
const BATCH = 500;

/** Writes down what deviates, in batches: a target that keeps no date at all has as many deviations as messages. */
export class DeviationLog {
  readonly #ledger: Ledger;
  readonly #lease: Lease;
  readonly #folders: ReadonlyMap<string, FolderEntry>;
  #batch: Deviation[] = [];

  /** @param folders  of the source, by id */
  constructor(ledger: Ledger, lease: Lease, folders: ReadonlyMap<string, FolderEntry>) {
    this.#ledger = ledger;
    this.#lease = lease;
    this.#folders = folders;
  }

  /** @param targetUid  where it is not the copy's own */
  async add(
    code: DeviationCode,
    targetPath: FolderPath,
    copy: DeliveredCopy,
    detail: string,
    targetUid: number | null = copy.targetUid,
  ): Promise<void> {
    const { uidValidity, uid, sizeBytes, receivedAt } = copy;
    const sourcePath = this.#folders.get(copy.folderId)?.sourcePath ?? null;
    await this.#push({ code, targetPath, targetUid, sourcePath, uidValidity, uid, sizeBytes, receivedAt, detail });
  }

  /** Of a message at the target whose original is not known. */
  async addFound(
    code: DeviationCode,
    targetPath: FolderPath,
    found: { readonly uid: number; readonly sizeBytes: number; readonly internalDate: string | null },
    detail: string,
  ): Promise<void> {
    const { uid: targetUid, sizeBytes, internalDate: receivedAt } = found;
    const source = { sourcePath: null, uidValidity: null, uid: null };
    await this.#push({ code, targetPath, targetUid, ...source, sizeBytes, receivedAt, detail });
  }

  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length > 0) await this.#ledger.recordDeviations(this.#lease, batch);
  }

  async #push(deviation: Deviation): Promise<void> {
    this.#batch.push(deviation);
    if (this.#batch.length >= BATCH) await this.flush();
  }
}
