import type { FolderMapping } from './folders.ts';
import { isGmail, type LabelPolicy } from './gmail-labels.ts';
import type { CensusEntry, FolderPath } from './mail.ts';
import type { TargetLimits } from './target-limits.ts';

/** What a migration of one mailbox will meet and how long it will take. JSON; folders by their names, never a subject. */
export interface Forecast {
  /** Copies that will be made: of a Gmail source, what its policy of labels makes of its messages. */
  readonly messages: number;
  /** Null where sizes were not read. */
  readonly bytes: number | null;
  readonly tooLarge: {
    /** Null where no limit is known. */
    readonly limitBytes: number | null;
    /** The limit is the usual one of such a server, not told by this one. */
    readonly isAssumed: boolean;
    /** Null where limit or sizes are not known. */
    readonly count: number | null;
    /** The largest few. */
    readonly largest: readonly LargeMessage[];
  };
  /** Folders that the target will not take as they are, though their names are fine. */
  readonly unfit: readonly { readonly folder: string; readonly why: string }[];
  /** Folders that will have another name; the verdict names them. */
  readonly renamed: number;
  /** By the speed of the source, as the target's is known only when mail goes there. Days that a daily limit costs are in it. */
  readonly seconds: number;
  readonly rate: Rate & { readonly isMeasured: boolean };
  /** The source's own limit a day, and the days that it makes of this mailbox; null where there is none. */
  readonly daily: { readonly bytesPerDay: number; readonly days: number | null } | null;
  /** Of a Gmail source whose messages were read; absent elsewhere. */
  readonly labels?: LabelForecast;
}

export interface LabelForecast {
  readonly policy: LabelPolicy;
  readonly messages: number;
  /** A message counts once for each of its labels, and once where it has none. */
  readonly places: number;
}

export interface LargeMessage {
  readonly folder: string;
  readonly uid: number;
  readonly bytes: number;
}

export interface Rate {
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** What preflight learned of one source folder. */
export interface FolderSizes {
  readonly path: FolderPath;
  /** As STATUS counts them. */
  readonly messages: number;
  /** Null where sizes were not read. */
  readonly bytes: number | null;
  readonly tooLarge: number;
  readonly largest: readonly LargeMessage[];
  /** Why it could not be read; null where it could, or nobody tried. */
  readonly fault: string | null;
}

export interface ForecastInput {
  readonly folders: readonly FolderSizes[];
  /** Null where one side could not be looked at. */
  readonly mapping: FolderMapping | null;
  readonly limits: TargetLimits;
  /** Of reading a sample at the source; null where none was read. */
  readonly rate: Rate | null;
  /** What the source gives away in a day; null where it has no such limit. */
  readonly bytesPerDay: number | null;
  /** Of a Gmail source whose messages were read. */
  readonly labels?: { readonly policy: LabelPolicy; readonly counts: LabelCounts } | null;
}

/** Messages of a Gmail source, each once, and once for each of its labels. */
export interface LabelCounts {
  readonly messages: number;
  readonly bytes: number;
  readonly places: number;
  readonly placesBytes: number;
}

/**
 * Where nothing was measured: Exchange takes 150 MB in five minutes for one mailbox (Microsoft's throttling page), and ten
 * messages a second is what a connection with 40 ms round trip and two round trips a message leaves of 12.5.
 */
export const DEFAULT_RATE: Rate = { messagesPerSecond: 10, bytesPerSecond: 500_000 };

/** Gmail lets 2,500 MB a day be read over IMAP (T61). */
export const GMAIL_BYTES_PER_DAY = 2_500_000_000;

/** What the plan says in megabytes, else what is known of the server. */
export function findBytesPerDay(capabilities: readonly string[], dailyLimitMb: number | null = null): number | null {
  if (dailyLimitMb !== null) return dailyLimitMb * 1_000_000;
  return isGmail(capabilities) ? GMAIL_BYTES_PER_DAY : null;
}

export function planForecast(input: ForecastInput): Forecast {
  const { folders, limits, mapping, bytesPerDay } = input;
  const shown = sum(folders.map((folder) => folder.messages));
  const sizes = folders.flatMap(({ bytes, fault }) => (fault === null ? [bytes] : []));
  const known = sizes.filter((bytes) => bytes !== null);
  const shownBytes = known.length < sizes.length ? null : sum(known);
  const { messages, bytes } = copiesOf(input.labels ?? null) ?? { messages: shown, bytes: shownBytes };
  const rate = input.rate ?? DEFAULT_RATE;
  const days = bytes === null || bytesPerDay === null ? null : Math.max(1, Math.ceil(bytes / bytesPerDay));
  const seconds = Math.max(messages / rate.messagesPerSecond, (bytes ?? 0) / rate.bytesPerSecond);
  return {
    messages,
    bytes,
    tooLarge: {
      limitBytes: limits.messageBytes,
      isAssumed: limits.messageBytes !== null && limits.isAssumed,
      count: bytes === null || limits.messageBytes === null ? null : sum(folders.map((folder) => folder.tooLarge)),
      largest: largestOf(folders.flatMap((folder) => folder.largest)),
    },
    unfit: [...listUnread(folders), ...listFull(folders, limits), ...listCrowded(mapping, limits)],
    renamed: mapping?.renames.length ?? 0,
    // The last day of a limit needs no more than its mail; all before it are whole.
    seconds: Math.ceil(days === null ? seconds : Math.max(seconds, (days - 1) * SECONDS_A_DAY)),
    rate: { ...rate, isMeasured: input.rate !== null },
    daily: bytesPerDay === null ? null : { bytesPerDay, days },
    ...(input.labels && { labels: toLabelForecast(input.labels) }),
  };
}

function copiesOf(labels: ForecastInput['labels'] | null): { messages: number; bytes: number } | null {
  if (!labels) return null;
  const { messages, bytes, places, placesBytes } = labels.counts;
  return labels.policy === 'one-folder' ? { messages, bytes } : { messages: places, bytes: placesBytes };
}

function toLabelForecast({ policy, counts }: NonNullable<ForecastInput['labels']>): LabelForecast {
  return { policy, messages: counts.messages, places: counts.places };
}

/**
 * Sizes of one folder, of which only the largest few are kept. Sizes are RFC822.SIZE: octets on the wire, in which base64 has
 * grown already, so they are compared to the limit as they are (T24).
 */
export function addToSizes(
  sizes: FolderSizes,
  { uid, sizeBytes }: CensusEntry,
  limitBytes: number | null,
): FolderSizes {
  const bytes = (sizes.bytes ?? 0) + sizeBytes;
  if (limitBytes === null || sizeBytes <= limitBytes) return { ...sizes, bytes };
  const large = { folder: sizes.path.join('/'), uid, bytes: sizeBytes };
  return { ...sizes, bytes, tooLarge: sizes.tooLarge + 1, largest: largestOf([...sizes.largest, large]) };
}

const LARGEST_SHOWN = 5;
const SECONDS_A_DAY = 86_400;

function largestOf(messages: readonly LargeMessage[]): readonly LargeMessage[] {
  return messages.toSorted((a, b) => b.bytes - a.bytes).slice(0, LARGEST_SHOWN);
}

function listUnread(folders: readonly FolderSizes[]): Forecast['unfit'] {
  return folders.flatMap(({ path, fault }) =>
    fault === null ? [] : [{ folder: path.join('/'), why: `cannot be read now: ${fault}` }],
  );
}

function listFull(folders: readonly FolderSizes[], { messagesPerFolder }: TargetLimits): Forecast['unfit'] {
  if (messagesPerFolder === null) return [];
  const full = folders.filter(({ messages }) => messages > messagesPerFolder);
  return full.map(({ path, messages }) => ({
    folder: path.join('/'),
    why: `has ${messages} messages, and a folder of the target holds ${messagesPerFolder}`,
  }));
}

/** By the folders that will be made: several of the source may come to lie in one. */
function listCrowded(mapping: FolderMapping | null, { subfolders }: TargetLimits): Forecast['unfit'] {
  if (mapping === null || subfolders === null) return [];
  const children = new Map<string, Set<string>>();
  for (const { targetPath } of mapping.folders) {
    for (let depth = 1; depth < targetPath.length; depth += 1) {
      const parent = targetPath.slice(0, depth).join('/');
      children.set(parent, (children.get(parent) ?? new Set()).add(targetPath[depth] ?? ''));
    }
  }
  return [...children].flatMap(([folder, names]) =>
    names.size > subfolders
      ? [{ folder, why: `will have ${names.size} sub-folders, and a folder of the target holds ${subfolders}` }]
      : [],
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
