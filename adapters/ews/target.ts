import type { ByteBudget } from '../../domain/byte-budget.ts';
import { MigrationError } from '../../domain/errors.ts';
import { repairPath } from '../../domain/folders.ts';
import type { FlagsEntry, FolderPath, FolderRole, FolderStatus, Message, TargetId } from '../../domain/mail.ts';
import type {
  Appended,
  CopyKeys,
  FlagChange,
  MailTarget,
  OpenedFolder,
  PolicyPlace,
  ServerFacts,
  TargetFolder,
  TargetMessage,
} from '../../domain/ports/mail.ts';
import type { EwsClient, EwsRequest } from './client.ts';
import { createItem } from './create-item.ts';
import { findByValue, findItems, uidConditions, uidRange } from './find-items.ts';
import { createFolder, type FolderTree, findByPath, readFolders, readStatus, uidValidityOf } from './folders.ts';
import { listCopies } from './list-copies.ts';
import { listPolicyPlaces } from './policy-places.ts';
import { additional, FIELDS, FLAG_FIELDS, flagsOf, numberOf, partFlags, readValue } from './properties.ts';
import { updateFlags } from './update-flags.ts';
import { childElements, find, xml } from './xml.ts';

/** maxReceivedMessageSize of Exchange Server unless it was raised (exchange.md §4.2), less an envelope; base64 makes four bytes of three. */
const REQUEST_BYTES = 64 * 1024 * 1024;
const ENVELOPE_BYTES = 64 * 1024;

export interface EwsTargetOptions {
  readonly client: EwsClient;
  readonly budget: ByteBudget;
  readonly visibleAfterMs: number;
}

/** Writes to a mailbox over Exchange Web Services and reads it again. */
export class EwsTarget implements MailTarget {
  readonly #client: EwsClient;
  readonly #budget: ByteBudget;
  #tree: FolderTree | null = null;

  constructor({ client, budget, visibleAfterMs }: EwsTargetOptions) {
    this.#client = client;
    this.#budget = budget;
    this.visibleAfterMs = visibleAfterMs;
  }

  get facts(): ServerFacts {
    const name = `Microsoft Exchange EWS ${this.#client.serverVersion}`.trim();
    return { capabilities: [], tls: true, name };
  }

  readonly route = 'ews';
  /** Exchange stores what MIME says and writes MIME anew from it. */
  readonly fidelity = 'content';
  readonly visibleAfterMs: number;
  readonly reportsUid = true;
  /** A CreateItem of several is not one that happens as a whole or not at all. */
  readonly appendsMany = false;
  readonly munges8BitHeaders = false;
  readonly maxMessageBytes = Math.floor((REQUEST_BYTES - ENVELOPE_BYTES) / 4) * 3;
  /** EWS takes it in a name; the IMAP of the same mailbox shows two levels then. */
  readonly separator = '/';
  readonly rootIsInbox = false;

  readonly keys: CopyKeys = {
    find: (folder, keys) => this.#findKeys(folder, keys),
  };

  async *listFolders(): AsyncIterable<TargetFolder> {
    yield* (await this.#readTree()).folders;
  }

  async ensureFolder(path: FolderPath, role: FolderRole): Promise<OpenedFolder> {
    const { folders } = this.#tree ?? (await this.#readTree());
    const special = role === null ? undefined : folders.find((folder) => folder.role === role);
    const folder = special ?? (await this.#ensurePath(repairPath(path, this.separator)));
    const { exists, uidNext } = await this.getStatus(folder);
    return { ...folder, exists, uidNext };
  }

  async getStatus(folder: TargetFolder): Promise<FolderStatus> {
    return await readStatus(this.#client, folder.id);
  }

  async append(folder: TargetFolder, message: Message): Promise<Appended> {
    const facts = { folder: folder.id, sizeBytes: message.raw.length };
    if (message.raw.length > this.maxMessageBytes) {
      throw new MigrationError('MESSAGE_TOO_LARGE', 'The message is over what one request may hold.', { facts });
    }
    const flags = partFlags(message.flags);
    const answer = await this.#client.askOne(createItem(folder.id, message, flags));
    const items = find(answer, 'Items');
    const item = items === null ? undefined : childElements(items)[0];
    const itemId = item && find(item, 'ItemId')?.getAttribute('Id');
    return { id: itemId ? await this.#findUid(folder, itemId) : null, droppedFlags: flags.dropped };
  }

  async appendAll(folder: TargetFolder, messages: readonly Message[]): Promise<readonly Appended[]> {
    const appended: Appended[] = [];
    for (const message of messages) appended.push(await this.append(folder, message));
    return appended;
  }

  async *listFlags(folder: TargetFolder, uids: readonly number[]): AsyncIterable<FlagsEntry> {
    const wanted = new Set(uids);
    for (const { fromUid, toUid } of uidConditions(uids)) {
      const condition = (from: number) => uidRange(from, toUid + 1);
      for await (const { uid, element } of findItems(this.#client, folder.id, condition, FLAG_FIELDS, fromUid)) {
        if (wanted.delete(uid)) yield { uid, flags: flagsOf(element) };
      }
    }
  }

  async storeFlags(folder: TargetFolder, uid: number, change: FlagChange): Promise<void> {
    await updateFlags(this.#client, folder.id, uid, change);
  }

  listMessages(folder: TargetFolder, fromUid: number, beforeUid?: number): AsyncIterable<TargetMessage> {
    return listCopies(this.#client, folder.id, { fromUid, beforeUid }, this.#budget);
  }

  listPolicyPlaces(): AsyncIterable<PolicyPlace> {
    return listPolicyPlaces(this.#client, this.#budget);
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  async *#findKeys(folder: TargetFolder, keys: readonly string[]): AsyncGenerator<{ key: string; uid: number }> {
    const wanted = new Set(keys);
    for await (const { uid, element } of findByValue(this.#client, folder.id, FIELDS.key, [...wanted])) {
      // Exchange compares values without case (exchange.md §3).
      const key = readValue(element, FIELDS.key)?.toLowerCase();
      if (key !== undefined && wanted.has(key)) yield { key, uid };
    }
  }

  /** CreateItem tells the id of the item alone. The message is there whatever happens here, so nothing is thrown. */
  async #findUid(folder: TargetFolder, itemId: string): Promise<TargetId | null> {
    const shape = xml('m:ItemShape', {}, xml('t:BaseShape', {}, 'IdOnly'), additional([FIELDS.uid]));
    const request: EwsRequest = {
      operation: 'GetItem',
      effect: false,
      facts: { folder: folder.id },
      body: xml('m:GetItem', {}, shape, xml('m:ItemIds', {}, xml('t:ItemId', { Id: itemId }))),
    };
    try {
      const items = find(await this.#client.askOne(request), 'Items');
      const item = items === null ? undefined : childElements(items)[0];
      const uid = item === undefined ? null : numberOf(item, FIELDS.uid);
      return uid === null ? null : { uidValidity: uidValidityOf(folder.id), uid };
    } catch (error) {
      if (error instanceof MigrationError) return null;
      throw error;
    }
  }

  async #readTree(): Promise<FolderTree> {
    this.#tree = await readFolders(this.#client);
    return this.#tree;
  }

  async #ensurePath(path: FolderPath): Promise<TargetFolder> {
    let { folders, rootId } = this.#tree ?? (await this.#readTree());
    let parentId = rootId;
    for (let depth = 1; depth <= path.length; depth += 1) {
      const level = path.slice(0, depth);
      let found = findByPath(folders, level);
      if (found === null) {
        await createFolder(this.#client, parentId, path[depth - 1] ?? '');
        // Also where another connection was faster.
        ({ folders, rootId } = await this.#readTree());
        found = findByPath(folders, level);
      }
      if (found === null) {
        throw new MigrationError('FOLDER_REFUSED', 'A folder that holds no mail has this name already.', {
          facts: { folder: level.join(this.separator) },
        });
      }
      parentId = found.id;
    }
    const folder = findByPath(folders, path);
    if (folder === null) throw new MigrationError('FOLDER_REFUSED', 'A folder needs a name.');
    return folder;
  }
}
