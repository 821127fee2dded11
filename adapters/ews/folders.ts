import { createHash } from 'node:crypto';
import type { Element } from '@xmldom/xmldom';
import { MigrationError } from '../../domain/errors.ts';
import { assignRoles } from '../../domain/folder-names.ts';
import type { FolderPath, FolderRole, FolderStatus } from '../../domain/mail.ts';
import type { TargetFolder } from '../../domain/ports/mail.ts';
import type { EwsClient, EwsRequest } from './client.ts';
import { additional, extended, FIELDS, isTrue, numberOf, readValue } from './properties.ts';
import { childElements, escapeXml, find, xml } from './xml.ts';

/** Well-known folders by what they are for, whatever the mailbox's language calls them (DistinguishedFolderIdNameType; T7). */
const DISTINGUISHED = {
  inbox: 'inbox',
  sentitems: 'sent',
  drafts: 'drafts',
  deleteditems: 'trash',
  junkemail: 'junk',
} as const satisfies Readonly<Record<string, FolderRole>>;

const PAGE = 500;

/** Of the mailbox as it was when it was read. */
export interface FolderTree {
  /** Folders of mail that people see, parents before children. */
  readonly folders: readonly TargetFolder[];
  /** Folders of mail that no program shows. */
  readonly hidden: readonly TargetFolder[];
  /** Id of the folder above all others, which has no name. */
  readonly rootId: string;
}

/** All folders of mail by FindFolder, a page at a time, with their roles. @throws as EwsClient.askOne */
export async function readFolders(client: EwsClient): Promise<FolderTree> {
  const { roles, rootId } = await readDistinguished(client);
  return await readBelow(client, 'msgfolderroot', rootId, roles);
}

/** All folders of mail below a root, whose id is `rootId`; `roles` by id. @throws as EwsClient.askOne */
export async function readBelow(
  client: EwsClient,
  root: 'msgfolderroot' | 'archivemsgfolderroot',
  rootId: string,
  roles: ReadonlyMap<string, FolderRole>,
): Promise<FolderTree> {
  const rows = new Map<string, { readonly name: string; readonly parentId: string; readonly element: Element }>();
  for (let offset = 0, isLast = false; !isLast; ) {
    const answer = find(await client.askOne(pageOf(root, offset)), 'RootFolder');
    const folders = answer && find(answer, 'Folders');
    const page = folders === null ? [] : childElements(folders);
    for (const element of page) {
      const id = idOf(element, 'FolderId');
      const parentId = idOf(element, 'ParentFolderId');
      if (id !== null && parentId !== null)
        rows.set(id, { name: readValue(element, FIELDS.name) ?? '', parentId, element });
    }
    offset += page.length;
    isLast = page.length === 0 || answer?.getAttribute('IncludesLastItemInRange') !== 'false';
  }
  const pathOf = (id: string): FolderPath | null => {
    const path: string[] = [];
    const seen = new Set<string>();
    for (let at = id; at !== rootId; ) {
      const row = rows.get(at);
      if (row === undefined || seen.has(at)) return null;
      seen.add(at);
      path.unshift(roles.get(at) === 'inbox' ? 'INBOX' : row.name);
      at = row.parentId;
    }
    return path;
  };
  const found: TargetFolder[] = [];
  const hidden: TargetFolder[] = [];
  for (const [id, { element }] of rows) {
    const path = pathOf(id);
    if (path === null || !holdsMail(element)) continue;
    (isTrue(element, FIELDS.hidden) ? hidden : found).push({ id, path, role: roles.get(id) ?? null });
  }
  found.sort((a, b) => a.path.length - b.path.length);
  // Archive has no well-known name in EWS of Exchange Server; its own name tells it.
  return { folders: assignRoles(found), hidden, rootId };
}

/** That this sign-in opens this mailbox. @throws as EwsClient.askOne */
export async function proveAccess(client: EwsClient): Promise<void> {
  await readDistinguished(client);
}

function pageOf(root: string, offset: number): EwsRequest {
  const shape = xml('m:FolderShape', {}, xml('t:BaseShape', {}, 'IdOnly'), additional(LISTED));
  const view = xml('m:IndexedPageFolderView', { MaxEntriesReturned: PAGE, Offset: offset, BasePoint: 'Beginning' });
  const parents = xml('m:ParentFolderIds', {}, xml('t:DistinguishedFolderId', { Id: root }));
  return {
    operation: 'FindFolder',
    effect: false,
    body: xml('m:FindFolder', { Traversal: 'Deep' }, shape, view, parents),
  };
}

const LISTED = [FIELDS.name, FIELDS.parent, FIELDS.folderClass, FIELDS.hidden];

async function readDistinguished(client: EwsClient) {
  const names = ['msgfolderroot', ...Object.keys(DISTINGUISHED)];
  const ids = names.map((Id) => xml('t:DistinguishedFolderId', { Id }));
  const shape = xml('m:FolderShape', {}, xml('t:BaseShape', {}, 'IdOnly'));
  const request: EwsRequest = {
    operation: 'GetFolder',
    effect: false,
    body: xml('m:GetFolder', {}, shape, xml('m:FolderIds', {}, ...ids)),
  };
  const roles = new Map<string, FolderRole>();
  let rootId: string | null = null;
  for (const [at, { element, refusal }] of (await client.ask(request)).entries()) {
    // A mailbox without one of them is a mailbox all the same; without the first there is none.
    if (refusal !== null && (at === 0 || refusal.code !== 'ErrorFolderNotFound'))
      throw client.refusalOf(request, refusal);
    const folder = firstFolder(element);
    const id = folder && idOf(folder, 'FolderId');
    if (id === null) continue;
    if (at === 0) rootId = id;
    else roles.set(id, Object.values(DISTINGUISHED)[at - 1] ?? null);
  }
  if (rootId === null) throw new MigrationError('PROTOCOL_VIOLATION', 'The answer holds no root of the folders.');
  return { roles, rootId };
}

/** CalendarFolder, ContactsFolder, TasksFolder and SearchFolder are elements of their own; a class tells what else there is. */
function holdsMail(element: Element): boolean {
  const folderClass = readValue(element, FIELDS.folderClass) ?? '';
  return element.localName === 'Folder' && (folderClass === '' || /^IPF(\.Note(\..*)?|\.Imap)?$/i.test(folderClass));
}

/**
 * One folder below another, made where it is missing.
 * @returns false where a folder is there that was not seen before: look again
 * @throws FOLDER_REFUSED, and as EwsClient.askOne
 */
export async function createFolder(
  client: EwsClient,
  parentId: string,
  name: string,
  { isHidden = false } = {},
): Promise<boolean> {
  const parent = xml('m:ParentFolderId', {}, xml('t:FolderId', { Id: parentId }));
  const hidden = isHidden ? [extended(FIELDS.hidden, 'true')] : [];
  const named = [xml('t:FolderClass', {}, 'IPF.Note'), xml('t:DisplayName', {}, escapeXml(name))];
  const folder = xml('t:Folder', {}, ...named, ...hidden);
  const request: EwsRequest = {
    operation: 'CreateFolder',
    effect: true,
    facts: { folder: name },
    body: xml('m:CreateFolder', {}, parent, xml('m:Folders', {}, folder)),
  };
  const [answer] = await client.ask(request);
  const refusal = answer?.refusal ?? null;
  if (refusal === null) return true;
  if (refusal.code === 'ErrorFolderExists') return false;
  const error = client.refusalOf(request, refusal);
  if (error.kind.scope === 'mailbox' && !/^ErrorInvalid|^ErrorCreate|Name/.test(refusal.code)) throw error;
  throw new MigrationError('FOLDER_REFUSED', `The target refuses to make this folder. ${error.message}`, {
    facts: error.facts,
    cause: error,
  });
}

/** With all that is in it, for good; one that is not there is passed over. @throws as EwsClient.askOne */
export async function removeFolder(client: EwsClient, folderId: string): Promise<void> {
  const request: EwsRequest = {
    operation: 'DeleteFolder',
    effect: true,
    facts: { folder: folderId },
    body: xml(
      'm:DeleteFolder',
      { DeleteType: 'HardDelete' },
      xml('m:FolderIds', {}, xml('t:FolderId', { Id: folderId })),
    ),
  };
  const [answer] = await client.ask(request);
  const refusal = answer?.refusal ?? null;
  if (refusal === null || ['ErrorItemNotFound', 'ErrorFolderNotFound'].includes(refusal.code)) return;
  throw client.refusalOf(request, refusal);
}

/** @throws FOLDER_VANISHED, and as EwsClient.askOne */
export async function readStatus(client: EwsClient, folderId: string): Promise<FolderStatus> {
  const shape = xml('m:FolderShape', {}, xml('t:BaseShape', {}, 'IdOnly'), additional([FIELDS.count, FIELDS.uidNext]));
  const answer = await client.askOne({
    operation: 'GetFolder',
    effect: false,
    facts: { folder: folderId },
    body: xml('m:GetFolder', {}, shape, xml('m:FolderIds', {}, xml('t:FolderId', { Id: folderId }))),
  });
  const folder = firstFolder(answer);
  const exists = folder && numberOf(folder, FIELDS.count);
  if (folder === null || exists === null) {
    throw new MigrationError('PROTOCOL_VIOLATION', 'The answer tells no number of messages.', {
      facts: { folder: folderId },
    });
  }
  return {
    uidValidity: uidValidityOf(folderId),
    // 0 where the server does not tell.
    uidNext: numberOf(folder, FIELDS.uidNext) ?? 0,
    exists,
    highestModSeq: null,
  };
}

/** Stands for UIDVALIDITY: a folder that was deleted and made again has another id. */
export function uidValidityOf(folderId: string): string {
  return createHash('sha256').update(folderId).digest('hex').slice(0, 16);
}

function firstFolder(message: Element): Element | null {
  const folders = find(message, 'Folders');
  return folders === null ? null : (childElements(folders)[0] ?? null);
}

function idOf(folder: Element, name: 'FolderId' | 'ParentFolderId'): string | null {
  return find(folder, name)?.getAttribute('Id') ?? null;
}

/** Exchange compares names without case. */
export function findByPath(folders: readonly TargetFolder[], path: FolderPath): TargetFolder | null {
  const key = (names: FolderPath) => JSON.stringify(names).toLowerCase();
  return folders.find((folder) => key(folder.path) === key(path)) ?? null;
}
