import type { MessageState, SourceFolder } from './mail.ts';

/**
 * Which of the places of a Gmail message gets its copy. Folders of Gmail are views on labels: one message shows in several, with
 * UIDs of its own in each and one X-GM-MSGID in all (developers.google.com/workspace/gmail/imap/imap-extensions). Places are told
 * by that id and not by X-GM-LABELS, since a label may be hidden from IMAP, and only what is listed can be read. Pure.
 */

export const LABEL_POLICIES = ['one-folder', 'every-label'] as const;
/** `one-folder`: one copy a message. `every-label`: one in the folder of each label; All Mail is no label. */
export type LabelPolicy = (typeof LABEL_POLICIES)[number];

export interface LabelRules {
  readonly policy: LabelPolicy;
  /** Labels that go before the others, as people read them, `/` between levels. The others follow in the order of the alphabet. */
  readonly order: readonly string[];
}

export const DEFAULT_LABEL_RULES: LabelRules = { policy: 'one-folder', order: [] };

/** One place of a message, as the ledger knows it. */
export interface OriginRow {
  /** X-GM-MSGID. */
  readonly originId: string;
  readonly folderId: string;
  readonly uidValidity: string;
  readonly uid: number;
  readonly state: MessageState;
  /** The newest census saw it. */
  readonly present: boolean;
  /** Delivered, and the copy is still its own. */
  readonly hasCopy: boolean;
}

export type RowKey = Pick<OriginRow, 'folderId' | 'uidValidity' | 'uid'>;

/** What becomes of a row that is `planned` or `excluded` and present. */
export interface Place extends RowKey {
  /** In words of the report; null: it is to be copied. */
  readonly excluded: string | null;
  /** The row whose copy it takes over: the same message in a place that it has left. */
  readonly takesFrom: RowKey | null;
}

/** Where a folder stands among the places of a message. */
export interface FolderRank {
  /** The lowest wins. */
  readonly rank: number;
  readonly isAllMail: boolean;
  /** As people read it. */
  readonly name: string;
}

/** Only Gmail has this extension. */
export function isGmail(capabilities: readonly string[]): boolean {
  return capabilities.some((each) => each.toUpperCase() === 'X-GM-EXT-1');
}

/** Folders as a copy plans them: All Mail is the archive, unless the account has one by special use. */
export function asGmailFolders(folders: readonly SourceFolder[]): readonly SourceFolder[] {
  const hasArchive = folders.some(({ role }) => role === 'archive');
  return folders.map((folder) => (folder.role === 'all' && !hasArchive ? { ...folder, role: 'archive' } : folder));
}

/** Starred, Important, Chats: a mark that mail has where it lies, and no place of its own. The namespace of Gmail is no label. */
export function isGmailView({ path, role }: SourceFolder): boolean {
  if (role === 'flagged') return true;
  return path.length > 1 && SYSTEM_NAMESPACES.includes(path[0] ?? '') && role === null;
}

export const VIEW_WORDS = 'view of Gmail: the message goes to the folder that it lies in';

/**
 * INBOX, Sent, Drafts, Junk, Trash, then the labels, All Mail at the end. By the source's id of the folder; views have no rank.
 * @param folders  as the source lists them, with the roles of special use
 */
export function rankGmailFolders(
  folders: readonly SourceFolder[],
  order: readonly string[],
): ReadonlyMap<string, FolderRank> {
  const places = folders.filter((folder) => folder.selectable && !isGmailView(folder));
  const keyOf = (folder: SourceFolder) => {
    const name = folder.path.join('/');
    const wanted = order.indexOf(name);
    return { folder, name, tier: tierOf(folder), wanted: wanted < 0 ? order.length : wanted };
  };
  const sorted = places.map(keyOf).toSorted((a, b) => {
    return a.tier - b.tier || a.wanted - b.wanted || compare(a.name.toLowerCase(), b.name.toLowerCase());
  });
  return new Map(
    sorted.map(({ folder, name, tier }, rank) => [folder.id, { rank, isAllMail: tier === ALL_MAIL, name }]),
  );
}

/**
 * Decides over the places of one message. A copy that was delivered stays where it is, whatever labels come and go: the best
 * place that is left takes it over. Says only what changes.
 * @param rows  all with the same origin
 * @param rankOf  by the ledger's id of the folder; null for views
 */
export function placeOrigin(
  rows: readonly OriginRow[],
  rankOf: (folderId: string) => FolderRank | null,
  policy: LabelPolicy,
): readonly Place[] {
  const ranked = rows.flatMap((row) => {
    const folder = rankOf(row.folderId);
    return folder === null || !row.present ? [] : [{ row, folder }];
  });
  const open = ranked.filter(({ row }) => row.state === 'planned' || row.state === 'excluded').toSorted(byRank);
  const settled = ranked.filter(({ row }) => row.hasCopy || row.state === 'refused' || row.state === 'intended');
  const homes = policy === 'every-label' ? labelsOf(open, settled) : settled.length > 0 ? [] : open.slice(0, 1);
  const named = settled.toSorted(byRank)[0] ?? homes[0];

  const left = rows.filter((row) => row.hasCopy && !row.present);
  const places: Place[] = [];
  for (const { row } of homes) {
    const near = left.findIndex(({ folderId }) => folderId === row.folderId);
    const [donor] = left.splice(Math.max(near, 0), 1);
    if (donor) places.push({ ...keyOf(row), excluded: null, takesFrom: keyOf(donor) });
    else if (row.state === 'excluded') places.push({ ...keyOf(row), excluded: null, takesFrom: null });
  }
  for (const { row } of open) {
    if (row.state !== 'planned' || named === undefined || homes.some((home) => home.row === row)) continue;
    places.push({
      ...keyOf(row),
      excluded: `label of Gmail: the message goes to ${named.folder.name}`,
      takesFrom: null,
    });
  }
  return places;
}

interface Ranked {
  readonly row: OriginRow;
  readonly folder: FolderRank;
}

/** Every label; All Mail only for what has none. */
function labelsOf(open: readonly Ranked[], settled: readonly Ranked[]): readonly Ranked[] {
  const labels = open.filter(({ folder }) => !folder.isAllMail);
  return labels.length > 0 || settled.length > 0 ? labels : open.slice(0, 1);
}

const SYSTEM_NAMESPACES = ['[Gmail]', '[Google Mail]'];
const TIERS = ['inbox', 'sent', 'drafts', 'junk', 'trash'] as const;
const LABEL = TIERS.length;
const ALL_MAIL = LABEL + 1;

function tierOf({ role }: SourceFolder): number {
  if (role === 'all') return ALL_MAIL;
  const tier = (TIERS as readonly SourceFolder['role'][]).indexOf(role);
  return tier < 0 ? LABEL : tier;
}

function byRank(one: Ranked, other: Ranked): number {
  return one.folder.rank - other.folder.rank;
}

function keyOf({ folderId, uidValidity, uid }: RowKey): RowKey {
  return { folderId, uidValidity, uid };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
