import { createHash } from 'node:crypto';
import type { Folder } from '../../imap/folder.ts';
import type { Account, MailStore } from '../../imap/store.ts';
import type { StoredMessage } from '../../imap/stored-message.ts';
import type { Outgoing } from '../flow/outgoing.ts';
import type { HttpAnswer, HttpCall } from '../front.ts';
import type { Caller } from '../identity/access.ts';
import { contentOf, type MailContent } from '../mail/content.ts';
import type { Item, Items } from '../mail/items.ts';
import type { PolicyPlaces } from '../mail/policy-places.ts';
import type { ReadReceipts } from '../mail/read-receipts.ts';
import { findSpecialFolder, type SpecialFolder } from '../mail/special-folders.ts';
import { graphRefusal } from '../refusal.ts';
import type { GraphBehaviour } from './behaviour.ts';
import type { Delta } from './delta.ts';
import type { UploadSessions } from './upload-sessions.ts';

/** What the routes of Graph's mail share. */
export interface GraphMailWorld {
  readonly store: MailStore;
  readonly items: Items;
  readonly places: PolicyPlaces;
  readonly outgoing: Outgoing;
  readonly receipts: ReadReceipts;
  readonly behaviour: GraphBehaviour;
  readonly folderNames: Readonly<Record<SpecialFolder, string>>;
  readonly now: () => number;
  /** Of messages that came as JSON, by StoredMessage.id; those of others are read from their MIME. */
  readonly contents: Map<number, MailContent>;
  readonly delta: Delta;
  readonly uploads: UploadSessions;
}

/** One call to the mail of one mailbox. */
export interface MailCall extends HttpCall {
  readonly version: string;
  readonly world: GraphMailWorld;
  readonly caller: Caller;
  readonly address: string;
  readonly account: Account;
  /** Of one message (exchange.md §1.6); what `Set-Mailbox -MaxReceiveSize` said. */
  readonly maxMessageBytes: number;
  /** `Set-Mailbox -RetentionHoldEnabled`. */
  readonly retentionHold: boolean;
  /** `/users/{id}`, as it was asked, for links. */
  readonly userPath: string;
  /** `Prefer: IdType="ImmutableId"`. */
  readonly immutable: boolean;
  /** What stands in the path where the route has `{id}`. */
  readonly ids: readonly string[];
}

export type MailRoute = (call: MailCall) => HttpAnswer | Promise<HttpAnswer>;

/** A message where it lies, with what Exchange knows of it. */
export interface Located {
  readonly folder: Folder;
  readonly message: StoredMessage;
  readonly item: Item;
}

const PREFIX = 'AAkALgAA';

/**
 * Without `ImmutableId` an id names the place as well, so it changes on a move (exchange.md §3). Both are case-sensitive.
 */
export function idOf({ world, immutable }: MailCall, { folder, item }: Pick<Located, 'folder' | 'item'>): string {
  if (immutable) return item.id;
  return `AAMkALgAA${item.id.slice(PREFIX.length)}${placeOf(world.items.folderId(folder))}`;
}

function placeOf(folderId: string): string {
  return createHash('sha256').update(folderId).digest('base64url').slice(0, 8);
}

/**
 * The call as one to Recoverable Items or to the archive, where it only reads and names a folder or a message there. The first has a
 * well-known name (exchange.md §3), the second one that is not documented and is refused elsewhere.
 * @throws Refusal 404 ErrorInvalidMailboxItemId: the archive is not shown by this way
 */
export function inPolicyPlace(call: MailCall, kind: string): MailCall {
  const { world, method, account } = call;
  const [id = '', ...rest] = call.ids;
  if (method !== 'GET' || id === '') return call;
  const { recoverableItems, archive } = world.places.of(account);
  const name = id.toLowerCase();
  if (name === 'recoverableitemsdeletions') {
    return {
      ...call,
      account: recoverableItems,
      ids: [world.items.folderId(recoverableItems.ensureFolder(['Deletions']))],
    };
  }
  const shown = archive !== null && world.behaviour.showsArchive ? archive : null;
  if (name === 'archivemsgfolderroot') {
    if (shown !== null) return { ...call, account: shown, ids: ['msgfolderroot', ...rest] };
    const known = archive === null ? 'ErrorItemNotFound' : 'ErrorInvalidMailboxItemId';
    throw graphRefusal(404, known, "The item doesn't belong to the targeted mailbox.");
  }
  const messageId = world.items.messageIdOf(id);
  const place = [recoverableItems, ...(shown === null ? [] : [shown])].find((each) =>
    each.listFolders().some((folder) => {
      if (kind !== 'messages') return world.items.folderId(folder) === id;
      return folder.messages.some((message) => message.id === messageId);
    }),
  );
  return place === undefined ? call : { ...call, account: place };
}

/** @throws Refusal 404 ErrorItemNotFound: unknown, deleted, or an id of a place where the message is not any more */
export function getMessage(call: MailCall, id: string): Located {
  const { world, account } = call;
  const isPlaced = id.startsWith('AAMkALgAA');
  const itemId = isPlaced ? PREFIX + id.slice('AAMkALgAA'.length, -8) : id;
  const messageId = world.items.messageIdOf(itemId);
  for (const folder of messageId === null ? [] : account.listFolders()) {
    const message = folder.messages.find((one) => one.id === messageId);
    if (message === undefined) continue;
    const located = { folder, message, item: world.items.of(message) };
    if (isPlaced && placeOf(world.items.folderId(folder)) !== id.slice(-8)) break;
    return located;
  }
  throw graphRefusal(404, 'ErrorItemNotFound', 'The specified object was not found in the store.');
}

/** Messages that a look by list, filter or delta sees now. */
export function visibleIn({ world }: MailCall, folder: Folder): Located[] {
  const now = world.now();
  return folder.messages
    .map((message) => ({ folder, message, item: world.items.of(message) }))
    .filter(({ item }) => item.visibleAtMs <= now);
}

export async function contentFor({ contents }: GraphMailWorld, message: StoredMessage): Promise<MailContent> {
  return contents.get(message.id) ?? (await contentOf(message.raw));
}

/** By id or well-known name, in any case. @throws Refusal 404 ErrorItemNotFound */
export function getFolder({ world, account }: MailCall, id: string): Folder {
  const found =
    findSpecialFolder(account, id, world.folderNames) ??
    account.listFolders().find((folder) => world.items.folderId(folder) === id);
  if (found) return found;
  throw graphRefusal(404, 'ErrorItemNotFound', 'The specified object was not found in the store.');
}

/** @throws Refusal 413 for a message over the mailbox's limit, 507 where the mailbox is full (the statuses are recalled) */
export function checkRoom({ world, account, maxMessageBytes }: MailCall, sizeBytes: number, replacedBytes = 0): void {
  if (sizeBytes > maxMessageBytes) {
    throw graphRefusal(413, 'ErrorMessageSizeExceeded', 'The message exceeds the maximum supported size.');
  }
  const { quotaBytes } = world.behaviour;
  if (quotaBytes === null || account.usedBytes - replacedBytes + sizeBytes <= quotaBytes) return;
  throw graphRefusal(507, 'ErrorQuotaExceeded', 'The mailbox has exceeded its storage quota.');
}

/** @throws Refusal 400 where nothing can be purged (exchange.md §6.3; the code is a guess) */
export function checkPurge({ world, retentionHold }: MailCall): void {
  if (!retentionHold || !world.behaviour.holdRefusesPurge) return;
  throw graphRefusal(400, 'ErrorCannotDeleteObject', 'Items cannot be purged while the mailbox is on retention hold.');
}

/** Bytes of the body of a call that writes: what counts as upload (exchange.md §3). */
export function uploadBytesOf({ method, body }: HttpCall): number {
  return method === 'POST' || method === 'PATCH' || method === 'PUT' ? body.length : 0;
}
