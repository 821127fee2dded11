import type { FolderRole } from '../../../domain/mail.ts';
import type { IncomingMessage } from '../../imap/hooks.ts';
import type { Account, MailStore } from '../../imap/store.ts';
import type { ImapQuirks } from './quirks.ts';

const SPECIAL_NAMES: Readonly<Record<string, FolderRole>> = {
  drafts: 'drafts',
  'sent items': 'sent',
  'deleted items': 'trash',
  'junk email': 'junk',
};

/** The tagged text that refuses a message, null where it is taken (exchange.md §5.3). */
export function faultOfAppend({ raw }: IncomingMessage, quirks: ImapQuirks, account: Account | null): string | null {
  const { longestLineBytes, quotaBytesOf } = quirks;
  if (longestLineBytes !== null && longestLine(raw) > longestLineBytes) return 'BAD Command Argument Error. 11';
  const quotaBytes = account === null ? null : quotaBytesOf(account.user);
  if (account !== null && quotaBytes !== null && account.usedBytes + raw.length > quotaBytes) {
    return 'NO Server Unavailable. 15';
  }
  return null;
}

/** The tagged text that refuses a new folder (exchange.md §5.3). */
export function faultOfCreate(name: string, quirks: ImapQuirks, store: MailStore, user: string): string | undefined {
  const account = store.findAccount(user);
  const [top = '', ...rest] = store.pathOf(name);
  if (quirks.reservedNames.some((each) => each.toLowerCase() === top.toLowerCase()))
    return 'NO Folder name is reserved';
  const role = SPECIAL_NAMES[top.toLowerCase()];
  const elsewhere = account?.listFolders().find((folder) => role !== undefined && folder.role === role);
  const isSpecial = rest.length === 0 && elsewhere !== undefined && quirks.specialsExist;
  return isSpecial || account?.findFolder(name)?.selectable ? 'NO Mailbox already exists' : undefined;
}

function longestLine(raw: Buffer): number {
  let longest = 0;
  for (let at = 0; at < raw.length; ) {
    const found = raw.indexOf(0x0a, at);
    const end = found < 0 ? raw.length : found;
    longest = Math.max(longest, end - at - (raw[end - 1] === 0x0d ? 1 : 0));
    at = end + 1;
  }
  return longest;
}
