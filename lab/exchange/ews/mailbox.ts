import { createHash } from 'node:crypto';
import type { Element } from '@xmldom/xmldom';
import type { FolderRole } from '../../../domain/mail.ts';
import type { Folder } from '../../imap/folder.ts';
import { encodeMutf7 } from '../../imap/mutf7.ts';
import type { Account } from '../../imap/store.ts';
import type { Items } from '../mail/items.ts';
import type { PlacedMessage } from '../mail/message-properties.ts';
import { EwsError, schemaFault } from './refusal.ts';

/** DistinguishedFolderIdNameType, as far as it names folders of mail. */
const DISTINGUISHED: Readonly<Record<string, Exclude<FolderRole, null> | 'root'>> = {
  msgfolderroot: 'root',
  inbox: 'inbox',
  sentitems: 'sent',
  drafts: 'drafts',
  deleteditems: 'trash',
  junkemail: 'junk',
  archive: 'archive',
};
const SLASH_IN_IMAP = '\uF8FF';
/** Names that exist and that this mailbox has nothing for. */
const ELSEWHERE = [
  'calendar',
  'contacts',
  'journal',
  'notes',
  'outbox',
  'publicfoldersroot',
  'root',
  'searchfolders',
  'tasks',
];

/** One mailbox as EWS walks it: a tree of folders below a root that IMAP does not show. */
export class EwsMailbox {
  readonly account: Account;
  readonly items: Items;
  readonly rootId: string;

  constructor(account: Account, items: Items) {
    this.account = account;
    this.items = items;
    this.rootId = `AQMkAD${createHash('sha256').update(`root of ${account.user}`).digest('base64url').slice(0, 26)}`;
  }

  idOf(folder: Folder | 'root'): string {
    return folder === 'root' ? this.rootId : this.items.folderId(folder);
  }

  /**
   * By `FolderId` or `DistinguishedFolderId`.
   * @throws EwsError ErrorFolderNotFound, ErrorInvalidIdMalformed; Refusal ErrorSchemaValidation
   */
  folderBy(element: Element): Folder | 'root' {
    const id = element.getAttribute('Id') ?? '';
    switch (element.localName) {
      case 'DistinguishedFolderId': {
        const wanted = DISTINGUISHED[id];
        if (wanted === 'root') return 'root';
        const found = wanted && this.folders().find(({ role }) => role === wanted);
        if (found !== undefined) return found;
        if (wanted !== undefined || ELSEWHERE.includes(id)) throw new EwsError('ErrorFolderNotFound');
        throw schemaFault(
          `The 'Id' attribute is invalid - The value '${id}' is invalid - The Enumeration constraint failed.`,
        );
      }
      case 'FolderId': {
        if (id === this.rootId) return 'root';
        if (!/^AQMkAD[\w-]{26}$/.test(id)) throw new EwsError('ErrorInvalidIdMalformed');
        const found = this.folders().find((folder) => this.items.folderId(folder) === id);
        if (found === undefined) throw new EwsError('ErrorFolderNotFound');
        return found;
      }
      default:
        throw schemaFault(`The element '${element.localName}' names no folder.`);
    }
  }

  /** @throws EwsError ErrorFolderNotFound */
  byRole(role: Exclude<FolderRole, null>): Folder {
    const found = this.folders().find((folder) => folder.role === role);
    if (found === undefined) throw new EwsError('ErrorFolderNotFound');
    return found;
  }

  /** A `/` in a name is one here and a separator in IMAP, where Exchange shows another character in its place (recalled). */
  makeFolder(parent: Folder | 'root', name: string): Folder {
    const base = parent === 'root' ? '' : `${parent.wireName}/`;
    const path = [...(parent === 'root' ? [] : parent.path), name];
    return this.account.ensureFolder(path, null, base + encodeMutf7(name.replaceAll('/', SLASH_IN_IMAP)));
  }

  folders(): readonly Folder[] {
    return this.account.listFolders();
  }

  childrenOf(folder: Folder | 'root'): Folder[] {
    const parent = folder === 'root' ? [] : folder.path;
    return this.folders().filter(({ path }) => path.length === parent.length + 1 && isBelow(path, parent));
  }

  descendantsOf(folder: Folder | 'root'): Folder[] {
    const parent = folder === 'root' ? [] : folder.path;
    return this.folders().filter(({ path }) => path.length > parent.length && isBelow(path, parent));
  }

  parentOf(folder: Folder): Folder | 'root' {
    return this.account.findFolder(folder.path.slice(0, -1)) ?? 'root';
  }

  /** @throws EwsError ErrorItemNotFound, ErrorInvalidIdMalformed */
  messageBy(id: string): PlacedMessage {
    if (!/^AAkALgAA[\w-]{32}$/.test(id)) throw new EwsError('ErrorInvalidIdMalformed');
    const messageId = this.items.messageIdOf(id);
    if (messageId === null) throw new EwsError('ErrorItemNotFound');
    for (const folder of this.folders()) {
      const message = folder.messages.find((each) => each.id === messageId);
      if (message !== undefined) return { folder, message };
    }
    throw new EwsError('ErrorItemNotFound');
  }
}

function isBelow(path: readonly string[], parent: readonly string[]): boolean {
  return parent.every((name, at) => name.toLowerCase() === path[at]?.toLowerCase());
}
