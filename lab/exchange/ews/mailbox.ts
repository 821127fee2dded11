import { createHash } from 'node:crypto';
import type { Element } from '@xmldom/xmldom';
import type { FolderRole } from '../../../domain/mail.ts';
import type { Folder } from '../../imap/folder.ts';
import type { Account } from '../../imap/store.ts';
import type { Items } from '../mail/items.ts';
import type { PlacedMessage } from '../mail/message-properties.ts';
import type { PlacesOfMailbox } from '../mail/policy-places.ts';
import { findSpecialFolder, type SpecialFolder } from '../mail/special-folders.ts';
import { EwsError, schemaFault } from './refusal.ts';

/** Names that exist and that this mailbox has nothing for. */
const ELSEWHERE = [
  ...['calendar', 'contacts', 'journal', 'notes', 'publicfoldersroot', 'root', 'searchfolders', 'tasks'],
  ...['archivemsgfolderroot', 'recoverableitemsdeletions'],
];

/** One mailbox as EWS walks it: a tree of folders below a root that IMAP does not show. */
export class EwsMailbox {
  readonly account: Account;
  readonly items: Items;
  readonly #folderNames: Readonly<Record<SpecialFolder, string>>;
  readonly rootId: string;
  /** What DistinguishedFolderId says of its root, or of its folder `Deletions`. */
  #name = 'msgfolderroot';
  readonly #places: readonly EwsMailbox[];

  constructor(
    account: Account,
    items: Items,
    folderNames: Readonly<Record<SpecialFolder, string>>,
    places: PlacesOfMailbox | null,
  ) {
    this.account = account;
    this.items = items;
    this.#folderNames = folderNames;
    const further = (place: Account, name: string) => {
      const made = new EwsMailbox(place, items, folderNames, null);
      made.#name = name;
      return made;
    };
    this.#places = [
      ...(places === null ? [] : [further(places.recoverableItems, 'recoverableitemsdeletions')]),
      ...(places?.archive == null ? [] : [further(places.archive, 'archivemsgfolderroot')]),
    ];
    this.rootId = `AQMkAD${createHash('sha256').update(`root of ${account.user}`).digest('base64url').slice(0, 26)}`;
  }

  idOf(folder: Folder | 'root'): string {
    return folder === 'root' ? this.rootId : this.items.folderId(folder);
  }

  /** Recoverable Items or the archive, where `id` names a folder or an item there; else this one. For reading. */
  at(element: Element): EwsMailbox {
    const id = element.getAttribute('Id') ?? '';
    const messageId = this.items.messageIdOf(id);
    const place = this.#places.find((each) => {
      if (element.localName === 'DistinguishedFolderId') return each.#name === id;
      if (element.localName === 'FolderId')
        return each.rootId === id || each.folders().some((folder) => this.items.folderId(folder) === id);
      return each.folders().some(({ messages }) => messages.some((message) => message.id === messageId));
    });
    return place ?? this;
  }

  /**
   * By `FolderId` or `DistinguishedFolderId`.
   * @throws EwsError ErrorFolderNotFound, ErrorInvalidIdMalformed; Refusal ErrorSchemaValidation
   */
  folderBy(element: Element): Folder | 'root' {
    const id = element.getAttribute('Id') ?? '';
    switch (element.localName) {
      case 'DistinguishedFolderId': {
        if (id === this.#name)
          return id === 'recoverableitemsdeletions' ? this.makeFolder('root', 'Deletions') : 'root';
        // The names of DistinguishedFolderIdNameType are Graph's, and are case-sensitive here.
        const found = id === id.toLowerCase() ? findSpecialFolder(this.account, id, this.#folderNames) : null;
        if (found !== null) return found;
        if (Object.hasOwn(this.#folderNames, id) || ELSEWHERE.includes(id)) throw new EwsError('ErrorFolderNotFound');
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

  makeFolder(parent: Folder | 'root', name: string): Folder {
    return this.account.ensureFolder([...(parent === 'root' ? [] : parent.path), name]);
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
