import { createHash } from 'node:crypto';
import type { TargetFolder } from '../../domain/ports/mail.ts';
import { messagePath, valueFilter } from './copies.ts';
import { attachmentJson, type Created, MAX_PLAIN_ATTACHMENT, postMessage } from './create-message.ts';
import { type GraphFolders, pathOf } from './folders.ts';
import { segment } from './graph.ts';
import { insist } from './insist.ts';
import type { JsonAttachment, JsonMessage } from './json-message.ts';
import { mailError } from './mail-errors.ts';
import { isGone, type Json, type MailboxCalls } from './mailbox-calls.ts';
import { PROPERTY } from './property-ids.ts';
import { expandOf, propertyOf, query, textOf } from './rows.ts';
import { uploadAttachment } from './upload-attachment.ts';

/** Hidden, at the top of the mailbox. */
export const STAGING_NAME = 'mailferry-staging';
/** No attempt at one message takes so long, so what is older was left by a dead one. */
const LEFT_AFTER_MS = 86_400_000;

interface Staged {
  readonly messageId: string;
  readonly form: string | null;
  readonly createdAtMs: number;
}

/**
 * Puts messages together that one request does not hold: created in a hidden folder of ours, filled with their attachments, and moved
 * when they are whole (exchange.md §9.3), so that nobody ever sees half a message. Until it is moved, nothing has happened as far as the
 * target folder is concerned.
 *
 * What a dead attempt has left is known by the key and taken up, if it is made of the very same; else it is removed. Nothing is removed
 * but what lies in this folder and bears our own property.
 */
export class Staging {
  readonly #calls: MailboxCalls;
  readonly #folders: GraphFolders;
  #folderId: Promise<string> | null = null;

  constructor(calls: MailboxCalls, folders: GraphFolders) {
    this.#calls = calls;
    this.#folders = folders;
  }

  /** **Not idempotent**, as MailTarget.append. @param key null: what is left of it can only be removed */
  async deliver(folder: TargetFolder, key: string | null, message: JsonMessage): Promise<Created> {
    this.#folderId ??= this.#open();
    const folderId = await this.#folderId.catch((error: unknown) => {
      this.#folderId = null;
      throw error;
    });
    const form = digestOf(message);
    const left = key === null ? null : await this.#takeUp(folderId, key, form, message.attachments);
    const { messageId, done, changes } = left ?? (await this.#create(folderId, message.fields, form));
    for (const attachment of message.attachments.slice(done)) await this.#attach(messageId, attachment);
    await this.#move(messageId, folder);
    return { messageId, changes };
  }

  /** Once a session: what other sessions of ours left long ago goes away. */
  async #open(): Promise<string> {
    const { id } = await this.#folders.ensureHidden(STAGING_NAME);
    const now = this.#calls.now();
    for (const staged of await this.#list(id, null)) {
      if (staged.form !== null && now - staged.createdAtMs > LEFT_AFTER_MS) await this.#remove(staged);
    }
    return id;
  }

  async #create(folderId: string, fields: Json, form: string) {
    const properties = fields['singleValueExtendedProperties'];
    const own = { id: PROPERTY.form, value: form };
    const all = [...(Array.isArray(properties) ? (properties as unknown[]) : []), own];
    const created = await postMessage(this.#calls, folderId, { ...fields, singleValueExtendedProperties: all });
    return { ...created, done: 0 };
  }

  /** @returns the staged message of a dead attempt with the number of attachments that it has; null where there is none to go on with */
  async #takeUp(folderId: string, key: string, form: string, wanted: readonly JsonAttachment[]) {
    let found: { readonly messageId: string; readonly done: number; readonly changes: readonly string[] } | null = null;
    for (const staged of await this.#list(folderId, key)) {
      const names: readonly string[] | null =
        staged.form === form && found === null ? await this.#namesOf(staged.messageId) : null;
      const isBeginning =
        names?.every((name, at) => name === wanted[at]?.name) === true && names.length <= wanted.length;
      if (isBeginning) found = { messageId: staged.messageId, done: names.length, changes: [] };
      else await this.#remove(staged);
    }
    return found;
  }

  async #list(folderId: string, key: string | null): Promise<readonly Staged[]> {
    const path = `${pathOf(folderId)}/messages${query({
      ...(key !== null && { $filter: valueFilter(PROPERTY.key, key) }),
      $select: 'id,createdDateTime',
      $expand: expandOf([PROPERTY.form]),
      $top: '100',
    })}`;
    const staged: Staged[] = [];
    for await (const row of this.#calls.list({ name: 'list staged messages', path })) {
      const messageId = textOf(row, 'id');
      const createdAtMs = Date.parse(textOf(row, 'createdDateTime') ?? '');
      if (messageId !== null) staged.push({ messageId, form: propertyOf(row, PROPERTY.form), createdAtMs });
    }
    return staged;
  }

  /** In the order in which they were attached. */
  async #namesOf(messageId: string): Promise<readonly string[]> {
    const path = `${messagePath(messageId)}/attachments${query({ $select: 'id,name', $top: '250' })}`;
    const names: string[] = [];
    for await (const row of this.#calls.list({ name: 'list attachments', path })) names.push(textOf(row, 'name') ?? '');
    return names;
  }

  async #attach(messageId: string, attachment: JsonAttachment): Promise<void> {
    const isLarge = attachment.sizeBytes >= MAX_PLAIN_ATTACHMENT;
    if (isLarge && (await uploadAttachment(this.#calls, messageId, attachment))) return;
    const call = {
      name: 'attach file',
      path: `${messagePath(messageId)}/attachments`,
      body: attachmentJson(attachment),
    };
    const outcome = await this.#calls.attempt('POST', call);
    if (outcome.did !== 'happen') throw mailError({ name: call.name, effect: true }, outcome, 'staged');
  }

  /** The one moment at which it becomes a message of its owner. @throws as MailTarget.append */
  async #move(messageId: string, folder: TargetFolder): Promise<void> {
    const facts = { folder: folder.id };
    const call = {
      name: 'move message',
      path: `${messagePath(messageId)}/move`,
      body: { destinationId: folder.id },
      facts,
    };
    const outcome = await this.#calls.attempt('POST', call);
    if (outcome.did === 'happen') return;
    const error = mailError({ name: call.name, effect: true }, outcome, 'message', facts);
    if (outcome.did === 'not happen') throw error;
    // Its id stays the same, so where it lies can be asked for without the lag of a search.
    const path = `${messagePath(messageId)}${query({ $select: 'id,parentFolderId' })}`;
    const row = await insist(
      'where it lies could not be read',
      (ms) => this.#calls.pause(ms),
      () => this.#calls.get({ name: 'get message', path, facts }),
    );
    if (textOf(row, 'parentFolderId') !== folder.id) throw error;
  }

  async #remove({ messageId }: Staged): Promise<void> {
    const call = { name: 'remove staged message', path: `/messages/${segment(messageId)}/permanentDelete` };
    const outcome = await this.#calls.attempt('POST', call);
    if (outcome.did === 'happen' || isGone(outcome)) return;
    // While retention holds the mailbox nothing can be purged (exchange.md §6.3): it stays where nobody sees it.
    if (outcome.did === 'not happen' && outcome.status !== null && outcome.status < 429) return;
    throw mailError({ name: call.name, effect: true }, outcome, 'folder');
  }
}

function digestOf({ fields, attachments }: JsonMessage): string {
  const hash = createHash('sha256').update(JSON.stringify(fields));
  for (const { name, contentType, contentId, content } of attachments) {
    hash.update(JSON.stringify([name, contentType, contentId])).update(content());
  }
  return hash.digest('hex');
}
