import { MigrationError } from './errors.ts';
import type { SourceFolder } from './mail.ts';
import type { DeliveredCopy, FolderEntry } from './ports/ledger.ts';
import type { MailSource } from './ports/mail.ts';

/** Larger messages are read one by one, so that one of them is in memory at a time. */
const LARGE_BYTES = 1 << 20;

/** A connection to the source, with what has to be given back beside it. */
export interface OpenSource {
  readonly source: MailSource;
  close(): Promise<void>;
}

/** Reads source messages again, on a connection that is opened when the first one is asked for. One question at a time. */
export class Originals {
  readonly #open: () => Promise<OpenSource>;
  readonly #folders: ReadonlyMap<string, FolderEntry>;
  #opened: OpenSource | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param folders  of the source, by id */
  constructor(open: () => Promise<OpenSource>, folders: ReadonlyMap<string, FolderEntry>) {
    this.#open = open;
    this.#folders = folders;
  }

  /** Calls `each` for those of `copies` whose original can still be read, in whatever order. @throws what the source throws */
  async read<T extends DeliveredCopy>(copies: readonly T[], each: (copy: T, raw: Buffer) => void): Promise<void> {
    if (copies.length === 0) return;
    const turn = this.#turn.then(() => this.#read(copies, each));
    this.#turn = turn.catch(() => undefined); // whoever asked is told; the next one has its own question
    await turn;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#opened?.close();
  }

  async #read<T extends DeliveredCopy>(copies: readonly T[], each: (copy: T, raw: Buffer) => void): Promise<void> {
    this.#opened ??= await this.#open();
    const { source } = this.#opened;
    const groups = Map.groupBy(copies, ({ folderId, uidValidity }) => `${folderId}/${uidValidity}`);
    for (const group of groups.values()) {
      const [first] = group;
      const entry = first === undefined ? undefined : this.#folders.get(first.folderId);
      if (first === undefined || entry === undefined) continue;
      const { sourceId: id, sourcePath: path, role } = entry;
      try {
        await readGroup(source, { id, path, role, selectable: true }, group, each);
      } catch (error) {
        // The folder was renamed or counted anew: its messages cannot be asked for under these UIDs any more.
        if (!(error instanceof MigrationError) || error.code !== 'FOLDER_VANISHED') throw error;
      }
    }
  }
}

async function readGroup<T extends DeliveredCopy>(
  source: MailSource,
  folder: SourceFolder,
  copies: readonly T[],
  each: (copy: T, raw: Buffer) => void,
): Promise<void> {
  const { uidValidity = '' } = copies[0] ?? {};
  const byUid = new Map(copies.map((copy) => [copy.uid, copy]));
  const small = copies.filter(({ sizeBytes }) => sizeBytes < LARGE_BYTES).map(({ uid }) => uid);
  if (small.length > 0) {
    for await (const { uid, result } of source.readMessages(folder, uidValidity, small)) {
      const copy = byUid.get(uid);
      if (copy !== undefined && !(result instanceof MigrationError)) each(copy, result.raw);
    }
  }
  for (const copy of copies) {
    if (copy.sizeBytes < LARGE_BYTES) continue;
    const message = await source.findMessage(folder, uidValidity, copy.uid).catch((error: unknown) => {
      if (error instanceof MigrationError && error.kind.scope === 'message') return null;
      throw error;
    });
    if (message !== null) each(copy, message.raw);
  }
}
