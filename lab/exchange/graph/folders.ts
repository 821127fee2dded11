import { createHash } from 'node:crypto';
import type { Folder } from '../../imap/folder.ts';
import { type HttpAnswer, jsonOf } from '../front.ts';
import type { PropertyId } from '../mail/property-id.ts';
import { graphRefusal } from '../refusal.ts';
import { checkPurge, getFolder, type MailCall } from './mailbox.ts';
import { checkOptions, collection, type Expansion, expandOf, selectOf } from './query.ts';

const ROOT = 'msgfolderroot';
const FIELDS = [
  'id',
  'displayName',
  'parentFolderId',
  'childFolderCount',
  'unreadItemCount',
  'totalItemCount',
  'sizeInBytes',
  'isHidden',
] as const;
const MAX_NAME = 255;

/** `GET mailFolders`: those at the top, without hidden ones unless they are asked for (exchange.md §3). */
export async function listTopFolders(call: MailCall): Promise<HttpAnswer> {
  return await list(call, []);
}

/** `GET mailFolders/{id}/childFolders` */
export async function listChildFolders(call: MailCall): Promise<HttpAnswer> {
  return await list(call, parentPath(call, call.ids[0] ?? ''));
}

async function list(call: MailCall, parent: readonly string[]): Promise<HttpAnswer> {
  checkOptions(call);
  const { query, world } = call;
  const selected = selectOf(call, 'mailFolder', new Set(FIELDS));
  const expansion = expandOf(call);
  const hiddenToo = query.get('includeHiddenFolders') === 'true';
  const name = /^displayName eq '((?:[^']|'')*)'$/i.exec(query.get('$filter') ?? '')?.[1]?.replaceAll("''", "'");
  if (query.has('$filter') && name === undefined) {
    throw graphRefusal(400, 'ErrorInvalidUrlQueryFilter', 'The query filter contains one or more invalid nodes.');
  }
  const rows = childrenOf(call, parent).filter(
    (folder) =>
      (hiddenToo || !world.items.isHidden(folder)) &&
      (name === undefined || nameOf(call, folder).toLowerCase() === name.toLowerCase()),
  );
  return await collection(call, rows, (folder) => view(call, folder, selected, expansion));
}

/** `GET mailFolders/{id}` */
export function readFolder(call: MailCall): HttpAnswer {
  checkOptions(call);
  const selected = selectOf(call, 'mailFolder', new Set(FIELDS));
  const [id = ''] = call.ids;
  if (isRoot(call, id)) return { status: 200, body: rootView(call) };
  return { status: 200, body: view(call, getFolder(call, id), selected, expandOf(call)) };
}

/** `POST mailFolders` and `POST mailFolders/{id}/childFolders`; hidden only from its making on (exchange.md §3). */
export function createFolder(call: MailCall): HttpAnswer {
  const { world, account, ids } = call;
  const fields = readFields(call, ['displayName', 'isHidden']);
  const name = nameIn(fields['displayName']);
  const { isHidden = false } = fields;
  if (typeof isHidden !== 'boolean') throw graphRefusal(400, 'RequestBodyRead', "Expected type 'Edm.Boolean'.");
  const parent = ids[0] === undefined ? [] : parentPath(call, ids[0]);
  refuseTaken(call, parent, name);
  const folder = account.ensureFolder([...parent, name]);
  if (isHidden) world.items.hide(folder);
  return { status: 201, body: view(call, folder, null, { properties: [], attachments: false }) };
}

/** `PATCH mailFolders/{id}`: the name alone. */
export function renameFolder(call: MailCall): HttpAnswer {
  const { account, world } = call;
  const folder = getFolder(call, call.ids[0] ?? '');
  const name = nameIn(readFields(call, ['displayName'])['displayName']);
  refuseSpecial(folder);
  const parent = folder.path.slice(0, -1);
  if (nameOf(call, folder).toLowerCase() !== name.toLowerCase()) refuseTaken(call, parent, name);
  account.renameFolder(folder, world.store.wireName([...parent, name]));
  return { status: 200, body: view(call, folder, null, { properties: [], attachments: false }) };
}

/** `POST mailFolders/{id}/permanentDelete` */
export function purgeFolder(call: MailCall): HttpAnswer {
  checkPurge(call);
  return deleteFolder(call);
}

/** `DELETE mailFolders/{id}`: with all that is in it. */
export function deleteFolder(call: MailCall): HttpAnswer {
  const { account } = call;
  const folder = getFolder(call, call.ids[0] ?? '');
  refuseSpecial(folder);
  const below = account
    .listFolders()
    .filter(({ wireName }) => wireName.startsWith(`${folder.wireName}${call.world.store.separator}`));
  for (const one of below.toSorted((first, second) => second.path.length - first.path.length))
    account.deleteFolder(one);
  account.deleteFolder(folder);
  return { status: 204, body: null };
}

function view(call: MailCall, folder: Folder, selected: readonly string[] | null, { properties }: Expansion): object {
  const { world } = call;
  const { messages, path } = folder;
  const parent = path.length > 1 ? call.account.findFolder(path.slice(0, -1)) : null;
  const all: Record<(typeof FIELDS)[number], unknown> = {
    id: world.items.folderId(folder),
    displayName: nameOf(call, folder),
    parentFolderId: parent === null ? rootId(call) : world.items.folderId(parent),
    childFolderCount: childrenOf(call, path).length,
    unreadItemCount: messages.filter(({ flags }) => !flags.has('\\Seen')).length,
    totalItemCount: messages.length,
    sizeInBytes: messages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    isHidden: world.items.isHidden(folder),
  };
  const shown = Object.entries(all).filter(([name]) => selected === null || name === 'id' || selected.includes(name));
  const known = properties.flatMap((id) => {
    const value = propertyOf(folder, id);
    return value === null ? [] : [{ id: id.shown, value }];
  });
  return { ...Object.fromEntries(shown), ...(known.length > 0 && { singleValueExtendedProperties: known }) };
}

/** 0x6751 (PidTagArticleNumberNext) is the next UID of IMAP; 0x3613 the class of the folder. */
function propertyOf(folder: Folder, { canonical }: PropertyId): string | null {
  if (canonical === 'Integer 0x6751') return String(folder.uidNext);
  return canonical === 'String 0x3613' ? 'IPF.Note' : null;
}

/** The inbox is INBOX to IMAP and has a name in the user's language here. */
export function nameOf({ world }: MailCall, folder: Folder): string {
  return folder.role === 'inbox' ? world.folderNames.inbox : (folder.path.at(-1) ?? '');
}

function childrenOf({ account }: MailCall, parent: readonly string[]): Folder[] {
  const key = parent.join('\n').toLowerCase();
  return account
    .listFolders()
    .filter(({ path }) => path.length === parent.length + 1 && path.slice(0, -1).join('\n').toLowerCase() === key);
}

function parentPath(call: MailCall, id: string): readonly string[] {
  return isRoot(call, id) ? [] : getFolder(call, id).path;
}

function isRoot(call: MailCall, id: string): boolean {
  return id.toLowerCase() === ROOT || id === rootId(call);
}

function rootId({ account: { user: address } }: MailCall): string {
  return `AQMkADRoot${createHash('sha256').update(address).digest('base64url').slice(0, 22)}`;
}

function rootView(call: MailCall): object {
  return {
    id: rootId(call),
    displayName: 'Top of Information Store',
    parentFolderId: null,
    childFolderCount: childrenOf(call, []).length,
    unreadItemCount: 0,
    totalItemCount: 0,
    sizeInBytes: 0,
    isHidden: false,
  };
}

function refuseTaken(call: MailCall, parent: readonly string[], name: string): void {
  const taken = childrenOf(call, parent).some((folder) => nameOf(call, folder).toLowerCase() === name.toLowerCase());
  const isInbox = parent.length === 0 && name.toLowerCase() === 'inbox';
  if (taken || isInbox)
    throw graphRefusal(409, 'ErrorFolderExists', 'A folder with the specified name already exists.');
}

function refuseSpecial({ role }: Folder): void {
  if (role === null) return;
  throw graphRefusal(400, 'ErrorDeleteDistinguishedFolder', 'Distinguished folders cannot be deleted or renamed.');
}

function nameIn(value: unknown): string {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= MAX_NAME) return value;
  throw graphRefusal(400, 'ErrorInvalidParameter', "The value of 'displayName' is not valid.");
}

function readFields(call: MailCall, known: readonly string[]): Record<string, unknown> {
  const body = jsonOf(call);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw graphRefusal(400, 'BadRequest', 'Empty Payload. JSON content expected.');
  }
  const unknown = Object.keys(body).find((name) => !known.includes(name) && name !== '@odata.type');
  if (unknown === undefined) return body as Record<string, unknown>;
  throw graphRefusal(
    400,
    'RequestBodyRead',
    `The property '${unknown}' does not exist on type 'microsoft.graph.mailFolder'.`,
  );
}
