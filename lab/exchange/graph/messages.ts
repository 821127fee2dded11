import type { Folder } from '../../imap/folder.ts';
import { type HttpAnswer, jsonOf } from '../front.ts';
import { graphRefusal } from '../refusal.ts';
import { type Filter, parseFilter } from './filter.ts';
import {
  checkPurge,
  checkRoom,
  contentFor,
  getFolder,
  getMessage,
  type Located,
  type MailCall,
  visibleIn,
} from './mailbox.ts';
import { matches } from './match.ts';
import { messageView, viewOf } from './message-view.ts';
import { checkOptions, collection } from './query.ts';

/** `GET mailFolders/{id}/messages` */
export async function listInFolder(call: MailCall): Promise<HttpAnswer> {
  return await list(call, [getFolder(call, call.ids[0] ?? '')]);
}

/** `GET messages`: of all folders but hidden ones. */
export async function listInMailbox(call: MailCall): Promise<HttpAnswer> {
  const { account, world } = call;
  return await list(
    call,
    account.listFolders().filter((folder) => !world.items.isHidden(folder)),
  );
}

async function list(call: MailCall, folders: readonly Folder[]): Promise<HttpAnswer> {
  checkOptions(call);
  const view = viewOf(call);
  const text = call.query.get('$filter');
  const filter = text === null ? null : parseFilter(text);
  const found: Located[] = [];
  for (const located of folders.flatMap((folder) => visibleIn(call, folder))) {
    if (filter === null || (await matches(call.world, located, filter))) found.push(located);
  }
  order(call, found, filter);
  return await collection(call, found, (located) => messageView(call, located, view));
}

/** Newest first where nothing is said. By anything else than the date is not offered here. */
function order({ query }: MailCall, found: Located[], filter: Filter | null): void {
  const [field, direction = 'asc'] = query.get('$orderby')?.split(' ') ?? ['receivedDateTime', 'desc'];
  if (field !== 'receivedDateTime' || !/^(asc|desc)$/.test(direction)) {
    throw graphRefusal(
      400,
      'ErrorInvalidUrlQuery',
      `The query parameter '$orderby=${String(field)}' is not supported.`,
    );
  }
  // Exchange wants the property of $orderby first in $filter (recalled).
  if (query.has('$orderby') && filter !== null && firstPath(filter) !== field) {
    const message = 'The restriction or sort order is too complex for this operation.';
    throw graphRefusal(400, 'InefficientFilter', message);
  }
  const sign = direction === 'asc' ? 1 : -1;
  found.sort((one, other) => sign * (one.message.internalDate.getTime() - other.message.internalDate.getTime()));
}

function firstPath(filter: Filter): string | null {
  if ('path' in filter) return filter.path;
  const [first] = filter.of;
  return first === undefined ? null : firstPath(first);
}

/** `GET messages/{id}`: by its id a message is found at once, whatever lists see (exchange.md §9.4). */
export async function readMessage(call: MailCall): Promise<HttpAnswer> {
  checkOptions(call);
  const located = getMessage(call, call.ids.at(-1) ?? '');
  return { status: 200, body: await messageView(call, located, viewOf(call)) };
}

/** `GET messages/{id}/$value`: its MIME. */
export function readMime(call: MailCall): HttpAnswer {
  const { message } = getMessage(call, call.ids.at(-1) ?? '');
  return { status: 200, headers: { 'content-type': 'text/plain' }, body: message.raw };
}

/** `POST messages/{id}/move`: the immutable id stays, the other changes (exchange.md §3). */
export async function moveMessage(call: MailCall): Promise<HttpAnswer> {
  const located = getMessage(call, call.ids.at(-1) ?? '');
  const moved = moveTo(call, located, destinationOf(call));
  return { status: 201, body: await messageView(call, moved, viewOf(call)) };
}

/** `POST messages/{id}/copy`: another message with the same properties, our key among them. */
export async function copyMessage(call: MailCall): Promise<HttpAnswer> {
  const { world } = call;
  const { message, item } = getMessage(call, call.ids.at(-1) ?? '');
  const folder = destinationOf(call);
  const { raw, flags, internalDate } = message;
  checkRoom(call, raw.length);
  const copy = folder.append({ raw, flags, internalDate });
  const { isDraft, importance } = item;
  const made = world.items.add(copy, {
    isDraft,
    importance,
    properties: new Map(item.properties),
    categories: [...item.categories],
    visibleAtMs: world.now() + world.behaviour.visibleAfterMs,
  });
  const content = world.contents.get(message.id);
  if (content !== undefined) world.contents.set(copy.id, content);
  return { status: 201, body: await messageView(call, { folder, message: copy, item: made }, viewOf(call)) };
}

/** `DELETE messages/{id}`: into Deleted Items, and from there out of sight (recalled). */
export function deleteMessage(call: MailCall): HttpAnswer {
  const located = getMessage(call, call.ids.at(-1) ?? '');
  const trash = getFolder(call, 'deleteditems');
  call.world.receipts.noteDeletion(located.message);
  if (located.folder === trash) located.folder.expunge([located.message.uid]);
  else moveTo(call, located, trash);
  return { status: 204, body: null };
}

/** `POST messages/{id}/permanentDelete` */
export function purgeMessage(call: MailCall): HttpAnswer {
  checkPurge(call);
  const { folder, message } = getMessage(call, call.ids.at(-1) ?? '');
  call.world.receipts.noteDeletion(message);
  folder.expunge([message.uid]);
  return { status: 204, body: null };
}

/** `POST messages/{id}/send`: here so that a mistake is seen; an import sends nothing. */
export async function sendMessage(call: MailCall): Promise<HttpAnswer> {
  const located = getMessage(call, call.ids.at(-1) ?? '');
  const { to, cc, bcc } = await contentFor(call.world, located.message);
  for (const { address } of [...to, ...cc, ...bcc]) {
    call.world.outgoing.record({ from: call.address, to: address, why: 'sent by a client' });
  }
  moveTo(call, located, getFolder(call, 'sentitems'));
  return { status: 202, body: null };
}

function moveTo({ world }: MailCall, { folder, message, item }: Located, target: Folder): Located {
  const { raw, id, flags, internalDate, labels } = message;
  const moved = target.append({ raw, id, flags, internalDate, labels });
  folder.expunge([message.uid]);
  item.changeKey = world.items.nextChangeKey();
  return { folder: target, message: moved, item };
}

function destinationOf(call: MailCall): Folder {
  const body = jsonOf(call) as { destinationId?: unknown } | null;
  if (typeof body?.destinationId === 'string') return getFolder(call, body.destinationId);
  throw graphRefusal(400, 'ErrorInvalidRequest', "A value is required for 'destinationId'.");
}
