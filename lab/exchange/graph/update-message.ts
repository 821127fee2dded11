import { type HttpAnswer, jsonOf } from '../front.ts';
import type { MailContent } from '../mail/content.ts';
import { PROPERTY } from '../mail/message-properties.ts';
import { renderMime } from '../mail/render.ts';
import { graphRefusal } from '../refusal.ts';
import { checkRoom, contentFor, getMessage, type Located, type MailCall } from './mailbox.ts';
import { type MessageBody, readMessageBody } from './message-body.ts';
import { messageView, viewOf } from './message-view.ts';
import { effectsOf } from './properties.ts';

/** Changeable in a draft; in anything else only by a right of its own (exchange.md §1.4). */
const SENSITIVE = [
  'subject',
  'body',
  'from',
  'sender',
  'toRecipients',
  'ccRecipients',
  'bccRecipients',
  'replyTo',
  'internetMessageId',
];

/** `PATCH messages/{id}`. Draft or not stays as it was made, whatever is asked (exchange.md §1.2). */
export async function updateMessage(call: MailCall): Promise<HttpAnswer> {
  const { world } = call;
  const before = getMessage(call, call.ids.at(-1) ?? '');
  const expected = call.headers['if-match'];
  if (expected !== undefined && expected !== '*' && expected !== `W/"${before.item.changeKey}"`) {
    throw graphRefusal(412, 'ErrorIrresolvableConflict', 'The send or update operation could not be performed.');
  }
  const body = readMessageBody(jsonOf(call));
  const unsettable = ['attachments', 'internetMessageHeaders'].find((name) => body.given.has(name));
  if (unsettable !== undefined) {
    throw graphRefusal(400, 'ErrorInvalidPropertySet', `The property '${unsettable}' cannot be set by an update.`);
  }
  const sensitive = SENSITIVE.filter((name) => body.given.has(name));
  if (sensitive.length > 0 || body.properties.size > 0)
    checkSensitive(call, before, sensitive.length > 0 ? 'content' : 'properties');
  const changed = sensitive.length > 0 ? await rewrite(call, before, { ...body.content }) : before;
  applyState(changed, body);
  changed.item.changeKey = world.items.nextChangeKey();
  const message = changed.folder.find(changed.message.uid) ?? changed.message;
  return { status: 200, body: await messageView(call, { ...changed, message }, viewOf(call)) };
}

/**
 * @throws Refusal for a non-draft: content 400 before the date of the change; after it 403 without the advanced right, also for
 *         what the tenant is set to count as sensitive
 */
export function checkSensitive(
  { world, caller }: MailCall,
  { item }: Located,
  what: 'content' | 'properties' | 'attachments',
): void {
  const { sensitiveFrom, propertiesAreSensitive, attachmentsAreSensitive } = world.behaviour;
  if (item.isDraft || caller.roles.includes('Mail-Advanced.ReadWrite.All')) return;
  if (world.now() >= sensitiveFrom.getTime()) {
    const isSensitive = { content: true, properties: propertiesAreSensitive, attachments: attachmentsAreSensitive };
    if (!isSensitive[what]) return;
    throw graphRefusal(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.');
  }
  if (what !== 'content') return;
  throw graphRefusal(
    400,
    'ErrorInvalidPropertyUpdateSentMessage',
    'Update operation is invalid for property of a sent message.',
  );
}

/**
 * Gives a message other content. To IMAP it is another message then: the same UID may never show other bytes (RFC 9051 §2.3.1.1), so
 * it gets a new one (that Exchange does so is a guess).
 */
export async function rewrite(
  call: MailCall,
  { folder, message, item }: Located,
  changes: Partial<MailContent>,
): Promise<Located> {
  const { world } = call;
  const content = { ...(await contentFor(world, message)), ...changes };
  const raw = await renderMime(content, item.properties.get(PROPERTY.transportHeaders) ?? null);
  checkRoom(call, raw.length, message.sizeBytes);
  world.contents.set(message.id, content);
  const { id, flags, internalDate } = message;
  const replaced = folder.append({ raw, id, flags, internalDate });
  folder.expunge([message.uid]);
  return { folder, item, message: replaced };
}

function applyState({ folder, message, item }: Located, body: MessageBody): void {
  const effects = effectsOf(body.properties);
  // Fixed or computed: a value for them is taken without a word and without effect.
  const stored = [...body.properties].filter(([id]) => !FIXED.includes(id));
  for (const [id, value] of stored) item.properties.set(id, value);
  if (body.followUp !== null) item.properties.set(PROPERTY.flagStatus, FOLLOW_UP[body.followUp]);
  if (body.categories !== null) item.categories.splice(0, item.categories.length, ...body.categories);
  if (body.importance !== null) item.importance = body.importance;
  const isFlagged = body.followUp === null ? effects.flagged : body.followUp === 'flagged';
  const flags = new Set(message.flags);
  const wanted: [string, boolean | null][] = [
    ['\\Seen', body.isRead],
    ['\\Flagged', isFlagged],
    ['\\Answered', effects.answered],
  ];
  for (const [flag, isSet] of wanted) {
    if (isSet === true) flags.add(flag);
    if (isSet === false) flags.delete(flag);
  }
  if (isFlagged !== null) item.flagIsHidden = false;
  folder.setFlags(message.uid, flags);
  if (effects.receivedAt !== null) folder.setDate(message.uid, effects.receivedAt);
}

const FIXED: readonly string[] = [PROPERTY.messageFlags, PROPERTY.articleNumber, PROPERTY.size];
const FOLLOW_UP = { notFlagged: '0', complete: '1', flagged: '2' } as const;
