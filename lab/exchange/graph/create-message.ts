import type { Folder } from '../../imap/folder.ts';
import { fieldValues } from '../../imap/message-parts.ts';
import { type HttpAnswer, jsonOf } from '../front.ts';
import type { MailContent } from '../mail/content.ts';
import { PROPERTY } from '../mail/message-properties.ts';
import { reencode } from '../mail/reencode.ts';
import { renderMime } from '../mail/render.ts';
import { graphRefusal } from '../refusal.ts';
import { checkRoom, getFolder, idOf, type Located, type MailCall } from './mailbox.ts';
import { base64Of, notDeserialized, readMessageBody } from './message-body.ts';
import { messageView, viewOf } from './message-view.ts';
import { effectsOf } from './properties.ts';

/** `POST messages`: JSON, or MIME in base64, into Drafts; MIME is a draft for ever (exchange.md §1.1, §1.2). */
export async function createInDrafts(call: MailCall): Promise<HttpAnswer> {
  const drafts = getFolder(call, 'drafts');
  if (!isText(call)) return await createFromJson(call, drafts);
  const raw = mimeOf(call);
  const content = call.world.behaviour.reencodes ? await reencode(raw) : raw;
  checkRoom(call, content.length);
  const message = drafts.append({ raw: content, flags: ['\\Draft', '\\Seen'] });
  return await created(call, located(call, drafts, message, { isDraft: true }));
}

/** `POST mailFolders/{id}/messages`: JSON only, whatever the documentation says (exchange.md §1.1). */
export async function createInFolder(call: MailCall): Promise<HttpAnswer> {
  const folder = getFolder(call, call.ids[0] ?? '');
  if (isText(call)) throw notDeserialized();
  return await createFromJson(call, folder);
}

/** `POST mailFolders/{id}/importMime` of beta: no draft, MIME kept to the byte (exchange.md §1.5). */
export async function importMime(call: MailCall): Promise<HttpAnswer> {
  const { behaviour } = call.world;
  if (!behaviour.importMime || call.version !== 'beta') {
    throw graphRefusal(400, 'BadRequest', "Resource not found for the segment 'importMime'.");
  }
  const folder = getFolder(call, call.ids[0] ?? '');
  if (!isText(call)) throw notDeserialized();
  const raw = mimeOf(call);
  const dated =
    behaviour.importedReceived === 'date-header' ? Date.parse(fieldValues(raw, 'Date')[0] ?? '') : Number.NaN;
  checkRoom(call, raw.length);
  const message = folder.append({
    raw,
    flags: behaviour.importedIsRead ? ['\\Seen'] : [],
    ...(!Number.isNaN(dated) && { internalDate: new Date(dated) }),
  });
  return await created(call, located(call, folder, message, { isDraft: false }));
}

async function createFromJson(call: MailCall, folder: Folder): Promise<HttpAnswer> {
  const { world } = call;
  const body = readMessageBody(jsonOf(call));
  const effects = effectsOf(body.properties);
  const isDraft = effects.draft ?? true;
  const sent = body.properties.get(PROPERTY.sentAt);
  const content: MailContent = {
    ...EMPTY,
    ...body.content,
    sender: body.content.sender ?? body.content.from ?? null,
    sentAt: sent === undefined ? new Date(world.now()) : new Date(sent),
  };
  const raw = await renderMime(content, body.properties.get(PROPERTY.transportHeaders) ?? null);
  checkRoom(call, raw.length);
  // A draft that one has written oneself is read; otherwise 0x0E07 says it, and `isRead` where both are given (a guess).
  const isRead = body.isRead ?? effects.read ?? true;
  const isFlagged = body.followUp === null ? (effects.flagged ?? false) : body.followUp === 'flagged';
  const flags = [
    ...(isDraft ? ['\\Draft'] : []),
    ...(isRead ? ['\\Seen'] : []),
    ...(isFlagged ? ['\\Flagged'] : []),
    ...(effects.answered === true ? ['\\Answered'] : []),
  ];
  const message = folder.append({ raw, flags, internalDate: effects.receivedAt ?? new Date(world.now()) });
  world.contents.set(message.id, content);
  const properties = new Map(body.properties);
  if (body.followUp === 'complete') properties.set(PROPERTY.flagStatus, '1');
  return await created(
    call,
    located(call, folder, message, {
      isDraft,
      properties,
      categories: [...(body.categories ?? [])],
      importance: body.importance ?? 'normal',
    }),
  );
}

const EMPTY: MailContent = {
  subject: '',
  body: { contentType: 'text', content: '' },
  from: null,
  sender: null,
  to: [],
  cc: [],
  bcc: [],
  replyTo: [],
  messageId: null,
  sentAt: null,
  headers: [],
  attachments: [],
};

function located(
  { world }: MailCall,
  folder: Folder,
  message: Located['message'],
  given: Parameters<typeof world.items.add>[1],
): Located {
  const visibleAtMs = world.now() + world.behaviour.visibleAfterMs;
  return { folder, message, item: world.items.add(message, { ...given, visibleAtMs }) };
}

async function created(call: MailCall, one: Located): Promise<HttpAnswer> {
  const location = `${call.origin}/${call.version}${call.userPath}/messages/${encodeURIComponent(idOf(call, one))}`;
  return { status: 201, headers: { location }, body: await messageView(call, one, viewOf(call)) };
}

function isText({ headers }: MailCall): boolean {
  return /^text\/plain\b/i.test(headers['content-type'] ?? '');
}

/** @throws Refusal 400 for what is not base64, is empty, or has bare line ends (exchange.md §1.1) */
function mimeOf({ body }: MailCall): Buffer {
  const raw = base64Of(body.toString('latin1').trim());
  if (raw === null || raw.length === 0) {
    throw graphRefusal(400, 'ErrorMimeContentInvalidBase64String', 'Invalid base64 string for MIME content.');
  }
  const text = raw.toString('latin1');
  if (/(?<!\r)\n|\r(?!\n)/.test(text)) throw notDeserialized();
  return raw;
}
