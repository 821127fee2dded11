import type { FolderRole } from '../../../domain/mail.ts';
import type { Folder } from '../../imap/folder.ts';
import type { Account } from '../../imap/store.ts';

/** What Graph calls the folders that every mailbox has (exchange.md §3), as far as the lab makes them. */
export type SpecialFolder = 'inbox' | 'drafts' | 'sentitems' | 'deleteditems' | 'junkemail' | 'archive' | 'outbox';

/** `null`: IMAP has no special use for it. */
const ROLES: Readonly<Record<SpecialFolder, FolderRole>> = {
  inbox: 'inbox',
  drafts: 'drafts',
  sentitems: 'sent',
  deleteditems: 'trash',
  junkemail: 'junk',
  archive: 'archive',
  outbox: null,
};

export const ENGLISH_NAMES: Readonly<Record<SpecialFolder, string>> = {
  inbox: 'Inbox',
  drafts: 'Drafts',
  sentitems: 'Sent Items',
  deleteditems: 'Deleted Items',
  junkemail: 'Junk Email',
  archive: 'Archive',
  outbox: 'Outbox',
};

/** As Outlook names them in a mailbox whose first sign-in was German; IMAP calls the first INBOX all the same. */
export const GERMAN_NAMES: Readonly<Record<SpecialFolder, string>> = {
  inbox: 'Posteingang',
  drafts: 'Entwürfe',
  sentitems: 'Gesendete Elemente',
  deleteditems: 'Gelöschte Elemente',
  junkemail: 'Junk-E-Mail',
  archive: 'Archiv',
  outbox: 'Postausgang',
};

/** The folders with which a mailbox is born. Twice is the same as once. */
export function makeSpecialFolders(account: Account, names: Readonly<Record<SpecialFolder, string>>): void {
  for (const [special, name] of Object.entries(names) as [SpecialFolder, string][]) {
    account.ensureFolder(special === 'inbox' ? ['INBOX'] : [name], ROLES[special]);
  }
}

/** @returns null where there is none of this name, or the mailbox lacks it */
export function findSpecialFolder(
  account: Account,
  special: string,
  names: Readonly<Record<SpecialFolder, string>>,
): Folder | null {
  const key = special.toLowerCase();
  if (!Object.hasOwn(ROLES, key)) return null;
  const known = key as SpecialFolder; // one of its keys, as just seen
  const role = ROLES[known];
  return role === null
    ? account.findFolder([names[known]])
    : (account.listFolders().find((folder) => folder.role === role) ?? null);
}
