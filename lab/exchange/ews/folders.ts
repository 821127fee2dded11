import type { Folder } from '../../imap/folder.ts';
import { extendedProperties } from './create-item.ts';
import type { EwsMailbox } from './mailbox.ts';
import { type PropertyPath, pathXml } from './property-path.ts';
import { pager } from './read-items.ts';
import { EwsError } from './refusal.ts';
import type { EwsRequest, Part } from './request.ts';
import { restrictionOf } from './restriction.ts';
import { childrenByName } from './schema.ts';
import { type Shape, shapeOf } from './shape.ts';
import { childElements, escaped, textOf, xml } from './xml.ts';

/** PidTagArticleNumNext: UIDNEXT of IMAP; PidTagAttributeHidden (davmail, `ews/Field.java`). */
const NEXT_UID = 'Integer 0x6751';
const HIDDEN = 'Boolean 0x10F4';
const FIELDS = [
  'FolderId',
  'ParentFolderId',
  'FolderClass',
  'DisplayName',
  'TotalCount',
  'ChildFolderCount',
  'UnreadCount',
] as const;
const DEFAULT_FIELDS: readonly Field[] = ['FolderId', 'DisplayName', 'TotalCount', 'ChildFolderCount', 'UnreadCount'];
type Field = (typeof FIELDS)[number];

export function getFolder({ element, mailbox }: EwsRequest): Part[] {
  const children = childrenByName(element, 'GetFolder');
  const shape = shapeOf(children.get('FolderShape')?.[0], 'FolderShape');
  return childElements(children.get('FolderIds')?.[0] ?? element).map((id) => () => {
    const place = mailbox.at(id);
    return xml('m:Folders', {}, folderXml(place.folderBy(id), place, shape));
  });
}

/** Hidden folders are listed as all others are: who does not want them asks by a restriction on 0x10F4. */
export function findFolder({ element, mailbox: whole, settings }: EwsRequest): Part[] {
  const children = childrenByName(element, 'FindFolder');
  const shape = shapeOf(children.get('FolderShape')?.[0], 'FolderShape');
  const matches = restrictionOf(children.get('Restriction')?.[0]);
  const pageOf = pager<Folder>(children.get('IndexedPageFolderView')?.[0], settings.maxRows);
  const traversal = element.getAttribute('Traversal');
  return childElements(children.get('ParentFolderIds')?.[0] ?? element).map((id) => () => {
    const mailbox = whole.at(id);
    const parent = mailbox.folderBy(id);
    const deep = traversal === 'Deep';
    const below = traversal === 'SoftDeleted' ? [] : deep ? mailbox.descendantsOf(parent) : mailbox.childrenOf(parent);
    const { rows, attributes } = pageOf(below.filter((folder) => matches((path) => readValue(path, folder, mailbox))));
    const folders = xml('t:Folders', {}, ...rows.map((folder) => folderXml(folder, mailbox, shape)));
    return xml('m:RootFolder', attributes, folders);
  });
}

/** @throws EwsError in a part: ErrorFolderExists where a sibling has the name in any case (exchange.md §3) */
export function createFolder({ element, mailbox }: EwsRequest): Part[] {
  const children = childrenByName(element, 'CreateFolder');
  const [parentId] = childElements(children.get('ParentFolderId')?.[0] ?? element);
  return childElements(children.get('Folders')?.[0] ?? element).map((folder) => {
    const fields = childrenByName(folder, 'Folder');
    return () => {
      const parent = parentId === undefined ? 'root' : mailbox.folderBy(parentId);
      const name = textOf(fields.get('DisplayName')?.[0] ?? null);
      const properties = extendedProperties(fields.get('ExtendedProperty') ?? []);
      // 255 characters (exchange.md §3, recalled there).
      if (name.trim() === '' || name.length > 255) throw new EwsError('ErrorFolderSavePropertyError');
      const known = mailbox.childrenOf(parent).some((each) => each.path.at(-1)?.toLowerCase() === name.toLowerCase());
      if (known) throw new EwsError('ErrorFolderExists');
      const made = mailbox.makeFolder(parent, name);
      if (['true', '1'].includes(properties.get(HIDDEN) ?? '')) mailbox.items.hide(made);
      return xml('m:Folders', {}, folderXml(made, mailbox, { base: 'IdOnly', withMime: false, additional: [] }));
    };
  });
}

export function deleteFolder({ element, mailbox }: EwsRequest): Part[] {
  const children = childrenByName(element, 'DeleteFolder');
  return childElements(children.get('FolderIds')?.[0] ?? element).map((id) => () => {
    const folder = mailbox.folderBy(id);
    if (folder === 'root' || folder.role !== null) throw new EwsError('ErrorDeleteDistinguishedFolder');
    for (const below of mailbox.descendantsOf(folder).toReversed()) mailbox.account.deleteFolder(below);
    mailbox.account.deleteFolder(folder);
    return '';
  });
}

function folderXml(folder: Folder | 'root', mailbox: EwsMailbox, shape: Shape): string {
  const wanted = new Set<Field>(
    shape.base === 'IdOnly' ? ['FolderId'] : shape.base === 'Default' ? DEFAULT_FIELDS : FIELDS,
  );
  const extended: string[] = [];
  for (const path of shape.additional) {
    if (path.kind === 'field') {
      const field = FIELDS.find((each) => path.uri === `folder:${each}`);
      if (field === undefined) throw new EwsError('ErrorInvalidPropertyRequest');
      wanted.add(field);
    } else {
      const value = readValue(path, folder, mailbox);
      if (value !== null)
        extended.push(xml('t:ExtendedProperty', {}, pathXml(path), xml('t:Value', {}, escaped(value))));
    }
  }
  const before = FIELDS.filter((field) => field !== 'UnreadCount' && wanted.has(field));
  const after = wanted.has('UnreadCount') ? [fieldXml('UnreadCount', folder, mailbox)] : [];
  return xml('t:Folder', {}, ...before.map((field) => fieldXml(field, folder, mailbox)), ...extended, ...after);
}

function fieldXml(field: Field, folder: Folder | 'root', mailbox: EwsMailbox): string {
  if (field === 'FolderId') return xml('t:FolderId', { Id: mailbox.idOf(folder), ChangeKey: 'AQAAAA==' });
  if (field === 'ParentFolderId') {
    const parent = folder === 'root' ? folder : mailbox.parentOf(folder);
    return xml('t:ParentFolderId', { Id: mailbox.idOf(parent), ChangeKey: 'AQAAAA==' });
  }
  return xml(`t:${field}`, {}, escaped(fieldText(field, folder, mailbox)));
}

function fieldText(
  field: Exclude<Field, 'FolderId' | 'ParentFolderId'>,
  folder: Folder | 'root',
  mailbox: EwsMailbox,
): string {
  const messages = folder === 'root' ? [] : folder.messages;
  switch (field) {
    case 'FolderClass':
      return 'IPF.Note';
    case 'DisplayName':
      return folder === 'root' ? 'Top of Information Store' : (folder.path.at(-1) ?? '');
    case 'TotalCount':
      return String(messages.length);
    case 'ChildFolderCount':
      return String(mailbox.childrenOf(folder).length);
    case 'UnreadCount':
      return String(messages.filter(({ flags }) => !flags.has('\\Seen')).length);
  }
}

function readValue(path: PropertyPath, folder: Folder | 'root', mailbox: EwsMailbox): string | null {
  if (path.kind === 'field') {
    const field = FIELDS.find((each) => path.uri === `folder:${each}`);
    if (field === undefined || field === 'FolderId') throw new EwsError('ErrorUnsupportedPathForQuery');
    if (field === 'ParentFolderId') return folder === 'root' ? null : mailbox.idOf(mailbox.parentOf(folder));
    return fieldText(field, folder, mailbox);
  }
  if (folder === 'root') return null;
  if (path.id === NEXT_UID) return String(folder.uidNext);
  if (path.id === HIDDEN) return String(mailbox.items.isHidden(folder));
  return null;
}
