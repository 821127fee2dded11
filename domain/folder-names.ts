import { type NamedRole, ROLE_NAMES } from './folder-role-names.ts';
import type { FolderPath, FolderRole } from './mail.ts';

/** Where a target has no folder of that role yet, it gets this name. */
export const CANONICAL_NAMES: Readonly<Record<NamedRole, string>> = {
  sent: 'Sent',
  drafts: 'Drafts',
  trash: 'Trash',
  junk: 'Junk',
  archive: 'Archive',
};

/** Letters that Unicode does not take apart. */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ı: 'i',
  ς: 'σ',
};

/** A name that says two roles in two languages is not in it. */
const ROLE_BY_NAME: ReadonlyMap<string, NamedRole> = indexNames();

/** What a folder's own name says, in any of the languages of ROLE_NAMES; null where it says nothing, or two things. T7. */
export function findRoleByName(name: string): FolderRole {
  return name.toUpperCase() === 'INBOX' ? 'inbox' : (ROLE_BY_NAME.get(plain(name)) ?? null);
}

export function hasCanonicalName(role: FolderRole): role is NamedRole {
  return role !== null && Object.hasOwn(CANONICAL_NAMES, role);
}

/**
 * Gives each folder its role: special use first; a role that no folder claims goes to the folder whose name says so, the top
 * level before children of INBOX (servers without NAMESPACE keep all below it), then the order of the list. INBOX is INBOX.
 */
export function assignRoles<T extends { readonly path: FolderPath; readonly role: FolderRole }>(
  folders: readonly T[],
): readonly T[] {
  const taken = new Set(folders.map((folder) => folder.role));
  const named = new Map<T, FolderRole>();
  for (const isCandidate of [isTop, isChildOfInbox]) {
    for (const folder of folders) {
      const role = findRoleByName(folder.path.at(-1) ?? '');
      if (!isCandidate(folder.path) || folder.role !== null || role === null || taken.has(role)) continue;
      taken.add(role);
      named.set(folder, role);
    }
  }
  return folders.map((folder) => (named.has(folder) ? { ...folder, role: named.get(folder) ?? null } : folder));
}

/** What the name of a folder says where a role would be looked for: at the top, and right below INBOX. */
export function findRoleByPlace(path: FolderPath): FolderRole {
  return isTop(path) || isChildOfInbox(path) ? findRoleByName(path.at(-1) ?? '') : null;
}

function isTop(path: FolderPath): boolean {
  return path.length === 1;
}

function isChildOfInbox(path: FolderPath): boolean {
  return path.length === 2 && path[0] === 'INBOX';
}

function indexNames(): ReadonlyMap<string, NamedRole> {
  const roles = new Map<string, NamedRole>();
  const doubtful = new Set<string>();
  for (const names of Object.values(ROLE_NAMES)) {
    for (const role of Object.keys(names) as NamedRole[]) {
      for (const name of names[role].map(plain)) {
        if ((roles.get(name) ?? role) !== role) doubtful.add(name);
        roles.set(name, role);
      }
    }
  }
  for (const name of doubtful) roles.delete(name);
  return roles;
}

/**
 * How names are compared: compatibility forms (full width, half-width kana, NBSP) as their plain ones; without accents of
 * Latin, Greek and Cyrillic letters and points of Hebrew and Arabic ones, but with the vowels of Thai and the voiced marks of
 * kana, which are letters to their readers. Turkish dotless i is i, ß is ss, the final sigma a sigma; hyphens and underlines
 * are blanks; marks of direction are nothing.
 */
function plain(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .toLowerCase()
    .replace(/[ßæœøłđıς]/g, (letter) => LOOK_ALIKES[letter] ?? letter)
    .replace(/[\s\p{Pd}_]+/gu, ' ')
    .trim();
}
