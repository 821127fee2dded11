import type { FolderPath } from './mail.ts';

/** Which names of folders a target holds. What is absent is no limit, or is not known. */
export interface NameRules {
  /** The hierarchy separator, which no name may contain; null where it is not known yet, or there is none. */
  readonly separator: string | null;
  /** Characters that the target refuses besides. */
  readonly forbidden?: string;
  /** Characters that no name may begin with. */
  readonly forbiddenStart?: string;
  /** Names that may not stand at the top besides those that Exchange reserves in English. */
  readonly reserved?: readonly string[];
  /** A folder named INBOX may lie below others. True where it is not said. */
  readonly inboxBelow?: boolean;
  /** `Foo` and `foo` are one folder at the target. */
  readonly caseInsensitive?: boolean;
  /** Levels that a path may have. */
  readonly maxDepth?: number;
  /** Octets of one level as they go over the wire, in modified UTF-7. */
  readonly maxNameOctets?: number;
}

/**
 * A name that the target holds: blanks at either end go away (Exchange drops the connection or loses the folder, T1, T2),
 * control characters, the separator and what is forbidden become `-` (T4), also the dots of `.` and `..` (Dovecot 2.3, which
 * keeps folders as files, refuses them). A name that the target keeps for itself gets ` (mail)` (T9), one that is too long is cut
 * and ends in a digest of the whole, and nothing at all becomes `unnamed`. Repairing twice is the same as once.
 */
export function repairName(name: string, level: number, rules: NameRules): string {
  const { separator, forbidden = '', forbiddenStart = '' } = rules;
  const stand = standIn(rules);
  let repaired = name.toWellFormed().replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, stand);
  for (const unwanted of [separator ?? '', ...forbidden]) {
    if (unwanted !== '') repaired = repaired.replaceAll(unwanted, stand);
  }
  repaired = repaired.trim();
  if (/^\.\.?$/.test(repaired)) repaired = stand.repeat(repaired.length);
  if (repaired !== '' && forbiddenStart.includes(repaired.charAt(0))) repaired = stand + repaired.slice(1);
  if (repaired === '') repaired = 'unnamed';
  if (isReserved(repaired, level, rules)) repaired = `${repaired} (mail)`;
  return shorten(repaired, rules.maxNameOctets);
}

/** `name (2)` for the second folder that would have this name, within the longest that the target holds. */
export function numberName(name: string, number: number, { maxNameOctets }: NameRules): string {
  const suffix = ` (${number})`;
  return shorten(name, maxNameOctets === undefined ? undefined : maxNameOctets - suffix.length) + suffix;
}

/** The deepest levels become one, so that the path has no more than the target holds. */
export function flatten(path: FolderPath, rules: NameRules): FolderPath {
  const { maxDepth = path.length } = rules;
  if (path.length <= maxDepth) return path;
  const kept = Math.max(0, maxDepth - 1);
  return [...path.slice(0, kept), path.slice(kept).join(standIn(rules))];
}

/** Alike for names that are one folder at the target. */
export function placeKey(path: FolderPath, { caseInsensitive = false }: NameRules): string {
  // Upper case first, as servers that fold do: ß and SS are alike then, and so are both sigmas. Alike too often costs a ` (2)`.
  return JSON.stringify(caseInsensitive ? path.map((name) => name.normalize('NFC').toUpperCase().toLowerCase()) : path);
}

/**
 * Folders of a mailbox that hold no mail; Exchange Online refuses to make mail folders so named, at the top. In other
 * languages they are reserved in a mailbox of that language only, and `Notizen` is a fine folder everywhere else: those come
 * by {@link NameRules.reserved} where the mailbox's language is known.
 */
const RESERVED: ReadonlySet<string> = new Set([
  ...['calendar', 'contacts', 'files', 'journal', 'notes', 'outbox', 'tasks'],
  ...['conversation history', 'conversation action settings', 'sync issues', 'yammer root'],
]);

function isReserved(name: string, level: number, { reserved = [], inboxBelow = true }: NameRules): boolean {
  const lower = name.toLowerCase();
  if (level > 0) return !inboxBelow && lower === 'inbox';
  return RESERVED.has(lower) || reserved.some((one) => one.toLowerCase() === lower);
}

function standIn({ separator, forbidden = '' }: NameRules): string {
  return separator === '-' || forbidden.includes('-') ? '_' : '-';
}

function shorten(name: string, maxOctets = Number.POSITIVE_INFINITY): string {
  if (wireOctets(name) <= maxOctets) return name;
  const end = `~${digestOf(name)}`;
  const letters = [...name];
  while (letters.length > 1 && wireOctets(`${letters.join('').trimEnd()}${end}`) > maxOctets) letters.pop();
  return `${letters.join('').trimEnd()}${end}`;
}

/** Length in modified UTF-7 (RFC 3501 §5.1.3): printable ASCII as it is, `&` two, other runs base64 of UTF-16 in `&…-`. */
function wireOctets(name: string): number {
  let octets = 0;
  for (const [run] of name.matchAll(/&|[\x20-\x25\x27-\x7e]+|[^\x20-\x7e]+/g)) {
    if (run === '&') octets += 2;
    else octets += /^[\x20-\x7e]/.test(run) ? run.length : 2 + Math.ceil((run.length * 16) / 6);
  }
  return octets;
}

/** FNV-1a in 32 bits over UTF-16 units, base 36: tells names apart in one mailbox; the rest is done by numbers. */
function digestOf(name: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
  return hash.toString(36).padStart(7, '0');
}
