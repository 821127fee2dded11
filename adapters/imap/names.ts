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
  return path[0]?.toUpperCase() === 'INBOX' ? ['INBOX', ...path.slice(1)] : path;
}

export function wireNameOfPath(path: FolderPath, { prefix, separator }: NameSpace): string {
  if (path.length === 1 && path[0]?.toUpperCase() === 'INBOX') return 'INBOX';
  return prefix + path.map(encodeName).join(separator ?? '');
}

export function encodeName(name: string): string {
  return name.replace(/&|[^\x20-\x7e]+/g, (run) => {
    if (run === '&') return '&-';
    const base64 = Buffer.from(run, 'utf16le').swap16().toString('base64');
    return `&${base64.replaceAll('/', ',').replace(/=+$/, '')}-`;
  });
}

/** What does not decode and encode again to the same bytes stays as it came (T10): the name is shown raw and survives. */
export function decodeName(wireName: string): string {
  const decoded = wireName.replace(/&([A-Za-z0-9+,]*)-/g, (whole, run: string) => {
    if (run === '') return '&';
    const utf16 = Buffer.from(run.replaceAll(',', '/'), 'base64');
    return utf16.length >= 2 && utf16.length % 2 === 0 ? utf16.swap16().toString('utf16le') : whole;
  });
  return encodeName(decoded) === wireName ? decoded : wireName;
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
