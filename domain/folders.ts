import { assignRoles } from './folder-names.ts';
import { placeFolders } from './folder-places.ts';
import type { FolderPath, FolderRole, SourceFolder } from './mail.ts';
import { type NameRules, placeKey, repairName } from './repair-name.ts';

/** Where each folder goes. Pure: a workflow may call it. */

export type RenameReason =
  | 'special' // the target's own folder of this role has another name
  | 'follows-parent' // T8: the parent goes there
  | 'mapped' // a person said so
  | 'repaired' // the target cannot hold the name, or has given it to another folder: T1, T2, T4, T9
  | 'flattened' // more levels than the target holds
  | 'kept' // T11, T13: an earlier pass put it there, though the source or the rules have another name for it now
  | 'merged'; // two source folders go to one target folder; nothing is lost by it

/** Why, as people read it. */
export const RENAME_WORDS: Readonly<Record<RenameReason, string>> = {
  special: 'goes to the own folder of the target for this purpose',
  'follows-parent': 'follows its parent folder',
  mapped: 'was mapped so',
  repaired: 'the target cannot hold the name as it is, or another folder has it there',
  flattened: 'the target does not hold so many levels',
  kept: 'stays where an earlier pass put it',
  merged: 'shares a target folder with another source folder',
};

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

export interface FolderRules extends NameRules {
  /** What the target has already; its special folders take the source's. */
  readonly targetFolders: readonly { readonly path: FolderPath; readonly role: FolderRole }[];
  /** The target has no place but INBOX for folders: its children are the top folders. */
  readonly rootIsInbox: boolean;
  /** Source name → target name as a person wrote them, levels parted by `/`. Children follow. */
  readonly mapping: Readonly<Record<string, string>>;
  /**
   * The source's name of a folder (SourceFolder.id) → where an earlier pass put it. It stays there unless a person maps it, or
   * a folder above it, elsewhere.
   */
  readonly placed?: ReadonlyMap<string, FolderPath>;
}

/** The same folders and rules always give the same mapping, whatever the order of the list. */
export function planFolders(sourceFolders: readonly SourceFolder[], rules: FolderRules): FolderMapping {
  const sources = assignRoles(sourceFolders.toSorted(byPath));
  const placements = placeFolders(sources, rules);
  const folders: PlannedFolder[] = [];
  const renames: FolderRename[] = [];
  const met = new Set<string>();
  for (const source of sources) {
    const placement = placements.get(source);
    if (placement === undefined || !source.selectable) continue;
    const { targetPath, role, reason } = placement;
    folders.push({ source, targetPath, role });
    const key = placeKey(targetPath, rules);
    const merged = met.has(key);
    met.add(key);
    if (merged || JSON.stringify(source.path) !== JSON.stringify(targetPath)) {
      renames.push({ from: source.path, to: targetPath, reason: merged ? 'merged' : reason });
    }
  }
  return { folders, renames };
}

/** The names of a path as any target with this separator holds them; a planned path comes back as it is. */
export function repairPath(path: FolderPath, separator: string | null): FolderPath {
  return path.map((name, level) => repairName(name, level, { separator }));
}

function byPath(a: SourceFolder, b: SourceFolder): number {
  const [one, other] = [JSON.stringify([a.path, a.id]), JSON.stringify([b.path, b.id])];
  return a.path.length - b.path.length || (one < other ? -1 : one > other ? 1 : 0);
}
