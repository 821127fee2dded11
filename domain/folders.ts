import { assignRoles, CANONICAL_NAMES, hasCanonicalName } from './folder-names.ts';
import type { FolderPath, FolderRole, SourceFolder } from './mail.ts';

/** Where each folder goes. Pure: a workflow may call it. */

export type RenameReason =
  | 'special' // the target's own folder of this role has another name
  | 'follows-parent' // T8: the parent goes there
  | 'mapped' // a person said so
  | 'repaired' // the target cannot hold the name: T1, T2, T4, T9
  | 'merged'; // two source folders go to one target folder; nothing is lost by it

export interface FolderRename {
  readonly from: FolderPath;
  readonly to: FolderPath;
  readonly reason: RenameReason;
}

export interface PlannedFolder {
  readonly source: SourceFolder;
  readonly targetPath: FolderPath;
  /** The role by which the target finds its folder; null where only the path counts. */
  readonly role: FolderRole;
}

export interface FolderMapping {
  /** Folders that hold mail, parents before children. */
  readonly folders: readonly PlannedFolder[];
  /** What a person should see before it happens. */
  readonly renames: readonly FolderRename[];
}

export interface FolderRules {
  /** What the target has already; its special folders take the source's. */
  readonly targetFolders: readonly { readonly path: FolderPath; readonly role: FolderRole }[];
  /** The target's hierarchy separator; null where it is not known yet, or has none. */
  readonly separator: string | null;
  /** The target has no place but INBOX for folders: its children are the top folders. */
  readonly rootIsInbox: boolean;
  /** Source name → target name as a person wrote them, levels parted by `/`. Children follow. */
  readonly mapping: Readonly<Record<string, string>>;
}

/** The same folders and rules always give the same mapping, whatever the order of the list. */
export function planFolders(sourceFolders: readonly SourceFolder[], rules: FolderRules): FolderMapping {
  const own = targetSpecials(rules);
  const placed = new Map<string, Placement>();
  const folders: PlannedFolder[] = [];
  const renames: FolderRename[] = [];
  const firstAt = new Map<string, FolderPath>();

  for (const source of assignRoles(sourceFolders.toSorted(byPath))) {
    const placement = place(source, placed, own, rules);
    placed.set(pathKey(source.path), placement);
    if (!source.selectable) continue;

    const { role } = placement;
    const targetPath = rules.rootIsInbox ? outOfInbox(placement.targetPath) : placement.targetPath;
    folders.push({ source, targetPath, role });
    const merged = firstAt.has(pathKey(targetPath));
    firstAt.set(pathKey(targetPath), targetPath);
    if (merged || pathKey(source.path) !== pathKey(targetPath)) {
      renames.push({ from: source.path, to: targetPath, reason: merged ? 'merged' : placement.reason });
    }
  }
  return { folders, renames };
}

/**
 * A name that any target holds, by this rule: blanks at either end go away (Exchange drops the connection or loses the
 * folder, T1, T2), control characters and the target's separator become `-` (T4), a name that Exchange keeps for itself gets
 * ` (mail)` at the top level (T9), and nothing at all becomes `unnamed`. Repairing twice is the same as once.
 */
export function repairName(name: string, level: number, separator: string | null): string {
  const stand = separator === '-' ? '_' : '-';
  let repaired = name.replace(/[\x00-\x1f\x7f]/g, stand);
  if (separator !== null && separator !== '') repaired = repaired.replaceAll(separator, stand);
  repaired = repaired.trim();
  if (repaired === '') return 'unnamed';
  return level === 0 && RESERVED.has(repaired.toLowerCase()) ? `${repaired} (mail)` : repaired;
}

export function repairPath(path: FolderPath, separator: string | null): FolderPath {
  return path.map((name, level) => repairName(name, level, separator));
}

/** Folders of a mailbox that hold no mail; Exchange Online refuses to make mail folders so named. */
const RESERVED: ReadonlySet<string> = new Set([
  ...['calendar', 'contacts', 'files', 'journal', 'notes', 'outbox', 'tasks'],
  ...['conversation history', 'conversation action settings', 'sync issues', 'yammer root'],
]);

interface Placement {
  readonly targetPath: FolderPath;
  readonly role: FolderRole;
  readonly reason: RenameReason;
}

function place(
  source: SourceFolder,
  placed: ReadonlyMap<string, Placement>,
  own: ReadonlyMap<FolderRole, FolderPath>,
  rules: FolderRules,
): Placement {
  const mapped = findMapped(source, rules.mapping);
  if (mapped !== null) {
    const targetPath = repairPath(mapped, rules.separator);
    return { targetPath, role: isInbox(targetPath) ? 'inbox' : null, reason: 'mapped' };
  }
  if (source.role === 'inbox' || isInbox(source.path))
    return { targetPath: ['INBOX'], role: 'inbox', reason: 'special' };

  if (hasCanonicalName(source.role)) {
    const targetPath = own.get(source.role) ?? [CANONICAL_NAMES[source.role]];
    return { targetPath, role: source.role, reason: 'special' };
  }
  const parent = findParent(source.path, placed);
  const ancestors = parent?.placement.targetPath ?? [];
  const below = source.path.slice(parent?.depth ?? 0);
  const targetPath = [
    ...ancestors,
    ...below.map((name, at) => repairName(name, ancestors.length + at, rules.separator)),
  ];
  const plain = pathKey([...ancestors, ...below]) === pathKey(targetPath);
  return { targetPath, role: null, reason: plain && parent !== null ? 'follows-parent' : 'repaired' };
}

/** By the path as people write it, or by the server's own name. */
function findMapped(source: SourceFolder, mapping: Readonly<Record<string, string>>): FolderPath | null {
  for (const name of [source.path.join('/'), source.id]) {
    const target = Object.hasOwn(mapping, name) ? mapping[name] : undefined;
    if (target === undefined) continue;
    const path = target.split('/').filter((level) => level !== '');
    if (path.length > 0) return path[0]?.toUpperCase() === 'INBOX' ? ['INBOX', ...path.slice(1)] : path;
  }
  return null;
}

/** The nearest folder above that is known: servers need not list every level. */
function findParent(
  path: FolderPath,
  placed: ReadonlyMap<string, Placement>,
): { placement: Placement; depth: number } | null {
  for (let depth = path.length - 1; depth > 0; depth -= 1) {
    const placement = placed.get(pathKey(path.slice(0, depth)));
    if (placement !== undefined) return { placement, depth };
  }
  return null;
}

function targetSpecials(rules: FolderRules): ReadonlyMap<FolderRole, FolderPath> {
  const specials = new Map<FolderRole, FolderPath>();
  for (const { role, path } of assignRoles(rules.targetFolders)) if (!specials.has(role)) specials.set(role, path);
  return specials;
}

function byPath(a: SourceFolder, b: SourceFolder): number {
  const [one, other] = [pathKey(a.path), pathKey(b.path)];
  return a.path.length - b.path.length || (one < other ? -1 : one > other ? 1 : 0);
}

/** `INBOX.INBOX.x` would be the prefix twice (T5). */
function outOfInbox(path: FolderPath): FolderPath {
  const below = path.findIndex((name) => name.toUpperCase() !== 'INBOX');
  return below < 1 ? path : path.slice(below);
}

function isInbox(path: FolderPath): boolean {
  return path.length === 1 && path[0]?.toUpperCase() === 'INBOX';
}

function pathKey(path: FolderPath): string {
  return JSON.stringify(path);
}
