import { MigrationError } from '../../domain/errors.ts';
import { pathOf } from './folders.ts';
import type { JsonAttachment, JsonMessage } from './json-message.ts';
import { mailError } from './mail-errors.ts';
import { type Json, jsonOf, type MailboxCalls } from './mailbox-calls.ts';
import type { NotDone } from './outcome.ts';
import { textOf } from './rows.ts';

/** One request is about 4 MB (exchange.md §1.6); what is near it is no risk worth taking. */
const MAX_REQUEST_BYTES = 3_900_000;
/** Attachments of 3 MB and more need an upload session, also in the same request. */
export const MAX_PLAIN_ATTACHMENT = 3_000_000;

export interface Created {
  readonly messageId: string;
  /** What had to be left out besides, a sentence each. */
  readonly changes: readonly string[];
}

/**
 * Makes the message by one call. **Not idempotent.**
 * @returns null where one request does not hold it: nothing was sent then
 * @throws as MailTarget.append
 */
export async function createMessage(
  calls: MailboxCalls,
  folderId: string,
  { fields, attachments }: JsonMessage,
): Promise<Created | null> {
  const sizeBytes = attachments.reduce((sum, attachment) => sum + attachment.sizeBytes, 0);
  if (sizeBytes >= MAX_PLAIN_ATTACHMENT) return null;
  const body = { ...fields, ...(attachments.length > 0 && { attachments: attachments.map(attachmentJson) }) };
  if (attachments.length > 0 && Buffer.byteLength(JSON.stringify(body)) > MAX_REQUEST_BYTES) return null;
  return await postMessage(calls, folderId, body);
}

export function attachmentJson({ name, contentType, isInline, contentId, content }: JsonAttachment): Json {
  return {
    '@odata.type': '#microsoft.graph.fileAttachment',
    name,
    contentType,
    isInline,
    ...(contentId !== null && { contentId }),
    contentBytes: content().toString('base64'),
  };
}

/**
 * A tenant that does not take `sender` or `from` of somebody else answers 400 (exchange.md §1.3): once more without the one, then without
 * both, as nothing has happened. They are still to be read in the header.
 */
export async function postMessage(calls: MailboxCalls, folderId: string, body: Json): Promise<Created> {
  const call = { name: 'create message', path: `${pathOf(folderId)}/messages`, facts: { folder: folderId } };
  let first: NotDone | null = null;
  for (const { without, changes } of FORMS) {
    if (without.length > 0 && !without.some((name) => name in body)) continue;
    const form = Object.fromEntries(Object.entries(body).filter(([name]) => !without.includes(name)));
    const outcome = await calls.attempt('POST', { ...call, body: form });
    if (outcome.did === 'happen') {
      const messageId = textOf(jsonOf(call, outcome), 'id');
      if (messageId !== null) return { messageId, changes };
      throw new MigrationError('CONNECTION_LOST', 'The target does not tell what it made.', { facts: call.facts });
    }
    first ??= outcome;
    const error = mailError({ name: call.name, effect: true }, outcome, 'message', call.facts);
    // Malware, a size, a quota: another form of the same message would fare no better.
    if (outcome.status !== 400 || error.code !== 'MESSAGE_REFUSED') throw error;
  }
  if (first === null) throw new Error('a message was not sent in any form');
  throw mailError({ name: call.name, effect: true }, first, 'message', call.facts);
}

const FORMS: readonly { readonly without: readonly string[]; readonly changes: readonly string[] }[] = [
  { without: [], changes: [] },
  { without: ['sender'], changes: ['The target does not take its field Sender, which is to be read in its header.'] },
  {
    without: ['sender', 'from'],
    changes: ['The target does not take its fields From and Sender, which are to be read in its header.'],
  },
];
