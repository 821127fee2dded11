import { MigrationError } from './errors.ts';
import { addToSizes, type FolderSizes, type LabelCounts, type Rate } from './forecast.ts';
import { isGmailView } from './gmail-labels.ts';
import type { CensusEntry, SourceFolder } from './mail.ts';
import type { MailSource } from './ports/mail.ts';

export interface MeasureInput {
  readonly source: MailSource;
  readonly folders: readonly SourceFolder[];
  /** Largest message that the target takes; null where that is not known. */
  readonly limitBytes: number | null;
  /** Whether the sizes of so many messages may be read. */
  readonly mayRead: (messages: number) => boolean;
  /** Milliseconds that only grow; null measures no speed and gives sizes all the time that they need. */
  readonly clock: (() => number) | null;
  readonly signal: AbortSignal;
}

export interface MeasuredSource {
  /** Those that hold mail. */
  readonly folders: readonly FolderSizes[];
  readonly rate: Rate | null;
  /** Of a Gmail source of which every folder was read; null elsewhere. */
  readonly labels: LabelCounts | null;
}

/**
 * Counts and sizes of the folders of a source, and how fast a few of its messages can be read. Memory does not grow with the
 * mailbox, but for the ids of Gmail's messages, 60 bytes each. A folder that cannot be read is named as such and does not keep the others from being counted.
 * @throws what has the scope of the mailbox, e.g. CONNECTION_LOST; the signal's reason when aborted
 */
export async function measureSource(input: MeasureInput): Promise<MeasuredSource> {
  const counted: { readonly folder: SourceFolder; readonly uidValidity: string; readonly sizes: FolderSizes }[] = [];
  for (const folder of input.folders) {
    if (!folder.selectable) continue;
    input.signal.throwIfAborted();
    const { exists, uidValidity } = await input.source.getStatus(folder);
    const sizes = { path: folder.path, messages: exists, bytes: null, tooLarge: 0, largest: [], fault: null };
    counted.push({ folder, uidValidity, sizes });
  }
  const messages = counted.reduce((total, { sizes }) => total + sizes.messages, 0);
  if (!input.mayRead(messages)) return { folders: counted.map(({ sizes }) => sizes), rate: null, labels: null };

  const folders: FolderSizes[] = [];
  const sample: SampleMessage[] = [];
  const origins = new Origins();
  const startedAt = input.clock?.() ?? 0;
  const isLate = () => input.clock !== null && input.clock() - startedAt > SIZES_MS;
  for (const { folder, uidValidity, sizes } of counted) {
    const onEntry = (entry: CensusEntry) => {
      origins.add(folder, entry);
      if (entry.sizeBytes <= SAMPLE_MESSAGE_BYTES) keepLast(sample, { folder, uidValidity, uid: entry.uid });
    };
    folders.push(await readSizes(input, folder, sizes, isLate, onEntry));
  }
  const isWhole = folders.every(({ bytes }) => bytes !== null);
  return { folders, rate: await measureRate(input, sample), labels: isWhole ? origins.counts() : null };
}

/** Messages of Gmail by their id, with the number of labels that give them a place. */
class Origins {
  readonly #byId = new Map<string, { readonly sizeBytes: number; labels: number }>();

  add(folder: SourceFolder, { originId, sizeBytes }: CensusEntry): void {
    if (originId === undefined) return;
    const origin = this.#byId.get(originId) ?? { sizeBytes, labels: 0 };
    if (folder.role !== 'all' && !isGmailView(folder)) origin.labels += 1;
    this.#byId.set(originId, origin);
  }

  counts(): LabelCounts | null {
    if (this.#byId.size === 0) return null;
    const counts = { messages: this.#byId.size, bytes: 0, places: 0, placesBytes: 0 };
    for (const { sizeBytes, labels } of this.#byId.values()) {
      const places = Math.max(1, labels);
      counts.bytes += sizeBytes;
      counts.places += places;
      counts.placesBytes += places * sizeBytes;
    }
    return counts;
  }
}

interface SampleMessage {
  readonly folder: SourceFolder;
  readonly uidValidity: string;
  readonly uid: number;
}

/** A page of fifty mailboxes has 30 minutes (workflows/activities.ts): twenty seconds for sizes and two for the sample leave room. */
const SIZES_MS = 20_000;
/** Whichever is reached first ends the sample; enough for a rate, and no burden on the source. */
const SAMPLE_MS = 2_000;
const SAMPLE_BYTES = 4 * 1_048_576;
/** One message of the sample must not take it all. */
const SAMPLE_MESSAGE_BYTES = 1_048_576;
/** As many as four megabytes of small mail may be. */
const SAMPLE_MESSAGES = 200;

async function readSizes(
  { source, limitBytes, signal }: MeasureInput,
  folder: SourceFolder,
  empty: FolderSizes,
  isLate: () => boolean,
  onEntry: (entry: CensusEntry) => void,
): Promise<FolderSizes> {
  let sizes: FolderSizes = { ...empty, bytes: 0 };
  if (empty.messages === 0) return sizes;
  if (isLate()) return empty;
  try {
    for await (const entry of source.listMessages(folder)) {
      signal.throwIfAborted();
      sizes = addToSizes(sizes, entry, limitBytes);
      onEntry(entry);
      if (isLate()) return { ...sizes, bytes: null };
    }
    return sizes;
  } catch (error) {
    if (!(error instanceof MigrationError) || error.kind.scope !== 'folder') throw error;
    return { ...empty, fault: error.message };
  }
}

function keepLast(sample: SampleMessage[], message: SampleMessage): void {
  sample.push(message);
  if (sample.length > 2 * SAMPLE_MESSAGES) sample.splice(0, SAMPLE_MESSAGES);
}

/** The newest first. Null where there is nothing to read, or it went too fast for the clock. */
async function measureRate(
  { source, clock, signal }: MeasureInput,
  sample: readonly SampleMessage[],
): Promise<Rate | null> {
  if (clock === null) return null;
  const startedAt = clock();
  let messages = 0;
  let bytes = 0;
  for (const { folder, uidValidity, uid } of sample.slice(-SAMPLE_MESSAGES).toReversed()) {
    if (clock() - startedAt >= SAMPLE_MS || bytes >= SAMPLE_BYTES) break;
    signal.throwIfAborted();
    try {
      const message = await source.findMessage(folder, uidValidity, uid);
      if (message === null) continue;
      messages += 1;
      bytes += message.raw.length;
    } catch (error) {
      if (!(error instanceof MigrationError) || !['message', 'folder'].includes(error.kind.scope)) throw error;
    }
  }
  const seconds = (clock() - startedAt) / 1_000;
  if (seconds <= 0 || bytes === 0) return null;
  return { messagesPerSecond: messages / seconds, bytesPerSecond: bytes / seconds };
}
