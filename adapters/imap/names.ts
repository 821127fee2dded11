import type { FolderPath, FolderRole } from '../../domain/mail.ts';

/** Names on the wire are modified UTF-7 (RFC 3501 §5.1.3) below a personal namespace (RFC 2342); paths show neither. */
export interface NameSpace {
  /** `INBOX.` at Cyrus and Courier, else mostly empty. */
  readonly prefix: string;
  /** Null where the server has no hierarchy. */
  readonly separator: string | null;
}

export function pathOfWireName(wireName: string, { prefix, separator }: NameSpace): FolderPath {
  if (wireName.toUpperCase() === 'INBOX') return ['INBOX'];
  const own = prefix !== '' && wireName.startsWith(prefix) ? wireName.slice(prefix.length) : wireName;
  const path = (separator === null ? [own] : own.split(separator)).map(decodeName);
  // `INBOX.INBOX` below the prefix `INBOX.` is a child of INBOX and not INBOX.
  if (own !== wireName && path.every(isInbox)) return ['INBOX', ...path];
  return isInbox(path[0]) ? ['INBOX', ...path.slice(1)] : path;
}

export function wireNameOfPath(path: FolderPath, { prefix, separator }: NameSpace): string {
  if (path.length === 1 && isInbox(path[0])) return 'INBOX';
  // Behind a prefix that is INBOX itself a child of INBOX has it once, not twice (T5).
  const own = prefix.toUpperCase().startsWith('INBOX') && path.every(isInbox) ? path.slice(1) : path;
  return prefix + own.map(encodeName).join(separator ?? '');
}

export function encodeName(name: string): string {
  return name.replace(/&|[^\x20-\x7e]+/g, (run) => {
    if (run === '&') return '&-';
    const base64 = Buffer.from(run, 'utf16le').swap16().toString('base64');
    return `&${base64.replaceAll('/', ',').replace(/=+$/, '')}-`;
  });
}

/**
 * Modified UTF-7 as Unicode, also where a careless program wrote it in other than the one right way (`&AOQ-&APY-`, `&AGE-`).
 * What is none stays as it came (T10): a raw `&`, bytes over 127, half a character, and NUL, which no database keeps. Such a
 * name is shown raw and survives, as commands use the name on the wire.
 */
export function decodeName(wireName: string): string {
  let valid = /^[\x20-\x7e]*$/.test(wireName);
  const decoded = wireName.replace(/&([A-Za-z0-9+,]*)(-?)/g, (_whole, run: string, end: string) => {
    const text = run === '' ? '&' : decodeRun(run);
    valid &&= end === '-' && text !== null;
    return text ?? '';
  });
  return valid ? decoded : wireName;
}

function decodeRun(run: string): string | null {
  const utf16 = Buffer.from(run.replaceAll(',', '/'), 'base64');
  // Base64 of n octets has as many letters as they need and no more.
  if (utf16.length < 2 || utf16.length % 2 !== 0 || run.length !== Math.ceil((utf16.length * 8) / 6)) return null;
  const text = utf16.swap16().toString('utf16le');
  return text.isWellFormed() && !text.includes('\0') ? text : null;
}

function isInbox(name: string | undefined): boolean {
  return name?.toUpperCase() === 'INBOX';
}

const SPECIAL_USES: ReadonlyMap<string, FolderRole> = new Map([
  ['\\inbox', 'inbox'],
  ['\\sent', 'sent'],
  ['\\drafts', 'drafts'],
  ['\\trash', 'trash'],
  ['\\junk', 'junk'],
  ['\\archive', 'archive'],
  ['\\all', 'all'],
  ['\\flagged', 'flagged'],
]);

/** Of RFC 6154 only; what names say is the domain's business. */
export function roleOfSpecialUse(attributes: Iterable<string>): FolderRole {
  for (const attribute of attributes) {
    const role = SPECIAL_USES.get(attribute.toLowerCase());
    if (role !== undefined) return role;
  }
  return null;
}
