import { isSettled } from './look-at-mailbox.ts';
import type { CensusEntry, FlagsEntry, FolderChange, FolderStatus, SourceFolder } from './mail.ts';
import type { Pass } from './passes.ts';
import type { FolderEntry, Lease, Ledger, UidRange } from './ports/ledger.ts';
import type { MailSource } from './ports/mail.ts';
import { openSuspect } from './suspicion.ts';

export interface CensusContext {
  readonly ledger: Ledger;
  readonly lease: Lease;
  readonly pass: Pass;
  readonly signal: AbortSignal;
  /** Why a message of the census is not copied from its folder; null: it is. */
  readonly exclude?: ((folder: SourceFolder, entry: CensusEntry) => string | null) | undefined;
  /** Called after each record. */
  readonly report: () => void;
}

/** Rows of one record; a statement of 1,000 takes the database a few milliseconds. */
const WINDOW = 1_000;

/**
 * Brings the ledger up to date with one source folder: only what changed is read where the server can tell, and where it cannot,
 * UIDs and flags only; everything is read the first time, after UIDVALIDITY has changed, and when the numbers do not add up.
 *
 * The numbers are taken before the messages are read, so whatever arrives in between differs from them and brings the next
 * pass back. EXISTS is what FETCH counted (T45).
 * @returns false when nothing has changed since the last complete census, so nothing was read
 */
export async function takeCensus(
  context: CensusContext,
  source: MailSource,
  folder: SourceFolder,
  entry: FolderEntry,
): Promise<boolean> {
  const status = await openSuspect(context, entry, () => source.getStatus(folder));
  if (isSettled(entry, status, source.tracks, context.pass)) return entry.unfinished;
  const folderCensus = new FolderCensus(context, source, folder, entry, status);
  const before = entry.status;
  const isKnown = before !== null && before.uidValidity === status.uidValidity && before.uidNext > 0;
  if (isKnown && (await folderCensus.takeChanges(before))) return true;
  await folderCensus.takeAll();
  return true;
}

class FolderCensus {
  readonly #context: CensusContext;
  readonly #source: MailSource;
  readonly #folder: SourceFolder;
  readonly #entry: FolderEntry;
  readonly #status: FolderStatus;

  constructor(
    context: CensusContext,
    source: MailSource,
    folder: SourceFolder,
    entry: FolderEntry,
    status: FolderStatus,
  ) {
    this.#context = context;
    this.#source = source;
    this.#folder = folder;
    this.#entry = entry;
    this.#status = status;
  }

  async takeAll(): Promise<void> {
    const { ledger, lease, pass } = this.#context;
    const fetched = await this.#recordMessages(1);
    const search = await this.#source.countBySearch(this.#folder);
    const counts = { status: this.#status.exists, search, fetch: fetched };
    const status = { ...this.#status, exists: fetched };
    await ledger.recordCensusEnd(lease, this.#entry.id, pass, status, { complete: true, counts });
  }

  /** @returns false when the rows do not add up to what the source has now: only a complete census can tell why */
  async takeChanges(before: FolderStatus): Promise<boolean> {
    const { ledger, lease, pass } = this.#context;
    await this.#recordMessages(before.uidNext);
    const tells = this.#source.tracks !== 'nothing' && before.highestModSeq !== null;
    if (tells && before.highestModSeq !== this.#status.highestModSeq) await this.#recordChanges(before);
    let present = await ledger.countPresent(this.#entry.id);
    const after = await this.#source.getStatus(this.#folder);
    if (!tells || (present !== after.exists && this.#source.tracks !== 'flags-and-vanished')) {
      await this.#recordPresence(before.uidNext);
      present = await ledger.countPresent(this.#entry.id);
    }
    if (present !== after.exists || after.uidValidity !== before.uidValidity) return false;
    const counts = { status: this.#status.exists, search: null, fetch: present };
    const status = { ...this.#status, exists: present };
    await ledger.recordCensusEnd(lease, this.#entry.id, pass, status, { complete: false, counts });
    return true;
  }

  async #recordMessages(fromUid: number): Promise<number> {
    const { ledger, lease, pass, exclude } = this.#context;
    if (fromUid > 1 && this.#status.uidNext === fromUid) return 0;
    let count = 0;
    let last = 0;
    await inWindows<CensusEntry>(
      this.#context,
      this.#source.listMessages(this.#folder, fromUid, this.#status.uidValidity),
      async (window) => {
        for (const { uid } of window) {
          if (uid > last) count += 1; // a server may send one twice
          last = uid;
        }
        const judged = exclude ? window.map((entry) => ({ ...entry, excluded: exclude(this.#folder, entry) })) : window;
        await ledger.recordCensus(lease, this.#entry.id, this.#status.uidValidity, pass, judged);
      },
    );
    return count;
  }

  async #recordChanges(before: FolderStatus): Promise<void> {
    const { ledger, lease } = this.#context;
    await inWindows<FolderChange>(this.#context, this.#source.listChanges(this.#folder, before), async (window) => {
      const flags: FlagsEntry[] = [];
      const vanished: UidRange[] = [];
      for (const change of window) {
        if (change.kind === 'flags') flags.push(change);
        else vanished.push(change);
      }
      await ledger.recordChanges(lease, this.#entry.id, this.#status.uidValidity, { flags, vanished });
    });
  }

  async #recordPresence(beforeUid: number): Promise<void> {
    const { ledger, lease } = this.#context;
    const { uidValidity } = this.#status;
    let firstUid = 1;
    const record = async (lastUid: number, window: readonly FlagsEntry[]) => {
      await ledger.recordPresence(lease, this.#entry.id, uidValidity, { firstUid, lastUid }, window);
      firstUid = lastUid + 1;
    };
    await inWindows<FlagsEntry>(this.#context, this.#source.listFlags(this.#folder, beforeUid), async (window) => {
      await record(window.at(-1)?.uid ?? firstUid, window);
    });
    if (firstUid < beforeUid) await record(beforeUid - 1, []);
  }
}

async function inWindows<T>(
  { signal, report }: CensusContext,
  items: AsyncIterable<T>,
  record: (window: readonly T[]) => Promise<void>,
): Promise<void> {
  let window: T[] = [];
  const flush = async () => {
    await record(window);
    window = [];
    report();
  };
  for await (const item of items) {
    signal.throwIfAborted();
    window.push(item);
    if (window.length >= WINDOW) await flush();
  }
  if (window.length > 0) await flush();
}
