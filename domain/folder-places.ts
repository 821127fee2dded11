import { assignRoles, CANONICAL_NAMES, findRoleByPlace, hasCanonicalName } from './folder-names.ts';
import type { FolderRules, RenameReason } from './folders.ts';
import type { FolderPath, FolderRole, SourceFolder } from './mail.ts';
import { flatten, numberName, placeKey, repairName } from './repair-name.ts';

/** Where one source folder goes, and why it has that name. */
export interface Placement {
  readonly targetPath: FolderPath;
  /** The role by which the target finds its folder; null where only the path counts. */
  readonly role: FolderRole;
  readonly reason: RenameReason;
  /** It, or a folder above it, was mapped by a person: it may meet other folders, since that is what was asked for. */
  readonly byPerson: boolean;
}

/**
 * A place for every folder, parents first. Those that are bound to one take it: mapped by a person, placed by an earlier pass,
 * found by their role. Of the others those whose names need no change come before those that are repaired, so that `a` keeps
 * its name and `a ` becomes `a (2)`. Two folders share a place only when both have its role, or a person said so.
 */
export function placeFolders(
  sources: readonly SourceFolder[],
  rules: FolderRules,
): ReadonlyMap<SourceFolder, Placement> {
  const desk = openDesk(rules);
  const placements = new Map<SourceFolder, Placement>();
  const above = new Map<string, Placement>();
  const settle = (source: SourceFolder, placement: Placement) => {
    placements.set(source, placement);
    hold(desk, source, placement);
    if (!above.has(pathKey(source.path))) above.set(pathKey(source.path), placement);
  };

  const levels = groupByDepth(withUnlisted(sources));
  const free: SourceFolder[][] = levels.map(() => []);
  for (const [depth, level] of levels.entries()) {
    for (const source of level) {
      const bound = placeByPerson(source, rules) ?? (isPlaced(source, rules) ? null : placeByRole(source, desk));
      if (bound !== null) settle(source, bound);
      else free[depth]?.push(source);
    }
  }
  for (const source of free.flat()) {
    const path = rules.placed?.get(source.id);
    if (path !== undefined) hold(desk, source, { targetPath: path, role: null, reason: 'kept', byPerson: false });
  }
  for (const level of free) {
    const wishes = level.map((source) => ({ source, wish: wishFor(source, above, desk) }));
    for (const { source, wish } of wishes.toSorted((a, b) => Number(a.wish.changed) - Number(b.wish.changed))) {
      settle(source, keepPlace(source, wish, desk) ?? findPlace(source, wish, desk));
    }
  }
  return placements;
}

interface Desk {
  readonly rules: FolderRules;
  /** The target's own folder of each role. */
  readonly own: ReadonlyMap<FolderRole, FolderPath>;
  /** How the target spells the folders that it has, where it does not tell cases apart. */
  readonly spellings: ReadonlyMap<string, FolderPath>;
  readonly holders: Map<string, Holder[]>;
}

/** Who has a place already. */
interface Holder {
  readonly source: SourceFolder;
  readonly role: FolderRole;
  readonly byPerson: boolean;
  /** It was mapped there itself. */
  readonly mapped: boolean;
}

/** The name that a folder would have if it were alone. */
interface Wish {
  readonly path: FolderPath;
  /** The last level, before the target's own spelling of it. */
  readonly name: string;
  readonly reason: RenameReason;
  /** Its own name is another one there. */
  readonly changed: boolean;
  readonly byPerson: boolean;
}

function openDesk(rules: FolderRules): Desk {
  const own = new Map<FolderRole, FolderPath>();
  for (const { role, path } of assignRoles(rules.targetFolders)) if (!own.has(role)) own.set(role, path);
  const there = rules.caseInsensitive === true ? rules.targetFolders : [];
  const spellings = new Map(there.map(({ path }) => [placeKey(path, rules), path]));
  return { rules, own, spellings, holders: new Map() };
}

/** By the path as people write it, or by the server's own name. */
function placeByPerson(source: SourceFolder, rules: FolderRules): Placement | null {
  for (const name of [source.path.join('/'), source.id]) {
    const target = Object.hasOwn(rules.mapping, name) ? rules.mapping[name] : undefined;
    const path = target?.split('/').filter((level) => level !== '') ?? [];
    if (path.length === 0) continue;
    const whole = path[0]?.toUpperCase() === 'INBOX' ? ['INBOX', ...path.slice(1)] : path;
    const targetPath = repairWhole(whole, rules);
    return { targetPath, role: isInbox(targetPath) ? 'inbox' : null, reason: 'mapped', byPerson: true };
  }
  return null;
}

function placeByRole(source: SourceFolder, { own }: Desk): Placement | null {
  if (source.role === 'inbox' || isInbox(source.path)) {
    return { targetPath: ['INBOX'], role: 'inbox', reason: 'special', byPerson: false };
  }
  if (!hasCanonicalName(source.role)) return null;
  const targetPath = own.get(source.role) ?? [CANONICAL_NAMES[source.role]];
  return { targetPath, role: source.role, reason: 'special', byPerson: false };
}

/** INBOX has one place only, whatever an earlier pass says. */
function isPlaced(source: SourceFolder, rules: FolderRules): boolean {
  return rules.placed?.has(source.id) === true && source.role !== 'inbox' && !isInbox(source.path);
}

function wishFor(source: SourceFolder, above: ReadonlyMap<string, Placement>, desk: Desk): Wish {
  const { rules } = desk;
  const byRole = placeByRole(source, desk);
  const parent = above.get(pathKey(source.path.slice(0, -1)));
  const byPerson = parent?.byPerson === true;
  const own = source.path.at(-1) ?? '';
  if (byRole !== null) return { path: byRole.targetPath, name: own, reason: 'special', changed: false, byPerson };
  const full = outOfInbox([...(parent?.targetPath ?? []), own], rules);
  const flat = flatten(full, rules);
  const name = repairName(flat.at(-1) ?? '', flat.length - 1, rules);
  // Twice, as INBOX may have got another name below itself.
  const path = spell(outOfInbox([...flat.slice(0, -1), name], rules), desk);
  const reason = flat.length < full.length ? 'flattened' : path.at(-1) !== own ? 'repaired' : 'follows-parent';
  return { path, name, reason, changed: reason !== 'follows-parent', byPerson };
}

/**
 * Where an earlier pass put it, though the source or the rules would have another name for it now. Below a folder that a
 * person has mapped elsewhere since, it follows that folder.
 */
function keepPlace(source: SourceFolder, wish: Wish, { own, rules }: Desk): Placement | null {
  const path = rules.placed?.get(source.id);
  if (path === undefined) return null;
  if (wish.byPerson && pathKey(path.slice(0, -1)) !== pathKey(wish.path.slice(0, -1))) return null;
  const asWished = pathKey(path) === pathKey(wish.path);
  // Named by its role, the target would look for the folder of that role and not for this path.
  const ownPath = hasCanonicalName(source.role) ? (own.get(source.role) ?? wish.path) : null;
  const role = ownPath !== null && placeKey(ownPath, rules) === placeKey(path, rules) ? source.role : null;
  return { targetPath: path, role, reason: asWished ? wish.reason : 'kept', byPerson: wish.byPerson };
}

/** The name it would have alone, or with the lowest number that nobody has. */
function findPlace(source: SourceFolder, wish: Wish, desk: Desk): Placement {
  for (let number = 1; ; number += 1) {
    const next = [...wish.path.slice(0, -1), numberName(wish.name, number, desk.rules)];
    const path = number === 1 ? wish.path : spell(next, desk);
    if (!mayTake(source, path, wish, desk)) continue;
    const reason = number === 1 ? wish.reason : 'repaired';
    return { targetPath: path, role: null, reason, byPerson: wish.byPerson };
  }
}

function mayTake(source: SourceFolder, path: FolderPath, wish: Wish, { holders, rules }: Desk): boolean {
  const role = findRoleByPlace(source.path);
  return (holders.get(placeKey(path, rules)) ?? []).every((holder) => {
    if (holder.source === source) return true;
    if (role !== null && holder.role === role) return true;
    if (holder.mapped && !wish.changed) return true;
    return (holder.byPerson || wish.byPerson) && !areSiblings(holder.source, source);
  });
}

function hold({ holders, rules }: Desk, source: SourceFolder, placement: Placement): void {
  const { targetPath, role, byPerson, reason } = placement;
  const key = placeKey(targetPath, rules);
  const holder = { source, role, byPerson, mapped: reason === 'mapped' };
  holders.set(key, [...(holders.get(key) ?? []), holder]);
}

function spell(path: FolderPath, { spellings, rules }: Desk): FolderPath {
  return spellings.get(placeKey(path, rules)) ?? path;
}

function repairWhole(path: FolderPath, rules: FolderRules): FolderPath {
  const flat = flatten(outOfInbox(path, rules), rules);
  return flat.map((name, level) => repairName(name, level, rules));
}

/** Below a prefix such as `INBOX.` a child of INBOX and a top folder are the same: `INBOX.INBOX.x` would be it twice (T5). */
function outOfInbox(path: FolderPath, { rootIsInbox }: FolderRules): FolderPath {
  const below = path.findIndex((name) => name.toUpperCase() !== 'INBOX');
  return rootIsInbox && below > 0 ? path.slice(below) : path;
}

/** Servers need not list every level; one that is missing is a folder without mail here. */
function withUnlisted(sources: readonly SourceFolder[]): readonly SourceFolder[] {
  const known = new Set(sources.map(({ path }) => pathKey(path)));
  const unlisted: SourceFolder[] = [];
  for (const { path } of sources) {
    for (let depth = path.length - 1; depth > 0; depth -= 1) {
      const parent = path.slice(0, depth);
      if (known.has(pathKey(parent))) break;
      known.add(pathKey(parent));
      unlisted.push({ id: '', path: parent, role: null, selectable: false });
    }
  }
  return [...sources, ...unlisted];
}

/** In the order of the list within each level; unlisted ones, of which no two are alike, come last. */
function groupByDepth(sources: readonly SourceFolder[]): readonly (readonly SourceFolder[])[] {
  const levels: SourceFolder[][] = [];
  for (const source of sources) {
    while (levels.length < source.path.length) levels.push([]);
    levels[source.path.length - 1]?.push(source);
  }
  return levels;
}

function areSiblings(one: SourceFolder, other: SourceFolder): boolean {
  return pathKey(one.path.slice(0, -1)) === pathKey(other.path.slice(0, -1));
}

function isInbox(path: FolderPath): boolean {
  return path.length === 1 && path[0]?.toUpperCase() === 'INBOX';
}

function pathKey(path: FolderPath): string {
  return JSON.stringify(path);
}
