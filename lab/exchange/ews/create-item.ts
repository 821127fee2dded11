import type { Element } from '@xmldom/xmldom';
import type { Folder } from '../../imap/folder.ts';
import { fieldValues } from '../../imap/message-parts.ts';
import { FLAG_BITS, flagsMeantBy, PROPERTY } from '../mail/message-properties.ts';
import { isValueOf } from '../mail/property-id.ts';
import { rewriteParts } from '../mail/rewrite-parts.ts';
import { itemIdXml } from './item-fields.ts';
import { propertyPath } from './property-path.ts';
import { EwsError } from './refusal.ts';
import type { EwsRequest, Part } from './request.ts';
import { childrenByName, oneOf } from './schema.ts';
import { childElements, childNamed, textOf, xml } from './xml.ts';

/** What a client gave of a message. */
interface Given {
  readonly raw: Buffer;
  readonly properties: Map<string, string>;
  readonly categories: string[];
  readonly importance: 'low' | 'normal' | 'high';
  /** `IsRead`; null where it is not told. */
  readonly isRead: boolean | null;
}

/**
 * CreateItem of messages by MIME with properties (exchange.md §4.2). Only `SaveOnly` stays in the mailbox: the two others send, which an
 * import must never do, so they are counted as outgoing (T70).
 */
export function createItem(request: EwsRequest): Part[] {
  const { element, mailbox } = request;
  const children = childrenByName(element, 'CreateItem');
  const given = element.getAttribute('MessageDisposition');
  const disposition = given === null ? null : oneOf(element, 'MessageDisposition', DISPOSITIONS);
  const place = children.get('SavedItemFolderId')?.[0];
  const folderElement = place === undefined ? undefined : childElements(place)[0];
  return childElements(children.get('Items')?.[0] ?? element).map((item) => {
    if (item.localName !== 'Message') return refused('ErrorInvalidItemForOperationCreateItem');
    const fields = childrenByName(item, 'Message');
    return () => {
      if (disposition === null) throw new EwsError('ErrorMessageDispositionRequired');
      const message = givenMessage(fields);
      if (disposition !== 'SaveOnly') send(request, message.raw);
      if (disposition === 'SendOnly') return xml('m:Items');
      const named = folderElement === undefined ? mailbox.byRole('drafts') : mailbox.folderBy(folderElement);
      if (named === 'root') throw new EwsError('ErrorCreateItemAccessDenied');
      return xml('m:Items', {}, xml('t:Message', {}, store(request, named, message)));
    };
  });
}

const DISPOSITIONS = ['SaveOnly', 'SendOnly', 'SendAndSaveCopy'] as const;
/** Set by the server alone (ewsdocs, the page of each). */
const READ_ONLY = [
  'ItemId',
  'ParentFolderId',
  'DateTimeReceived',
  'Size',
  'IsSubmitted',
  'IsDraft',
  'IsFromMe',
  'IsResend',
].concat([
  'IsUnmodified',
  'InternetMessageHeaders',
  'DateTimeSent',
  'DateTimeCreated',
  'HasAttachments',
  'ConversationId',
]);

function refused(code: string): Part {
  return () => {
    throw new EwsError(code);
  };
}

function givenMessage(fields: ReadonlyMap<string, Element[]>): Given {
  const first = (name: string) => fields.get(name)?.[0] ?? null;
  if (READ_ONLY.some((name) => fields.has(name))) throw new EwsError('ErrorInvalidPropertySet');
  const categories = first('Categories');
  const isRead = first('IsRead');
  const importance = textOf(first('Importance')).toLowerCase();
  return {
    raw: mimeOf(first('MimeContent')),
    properties: extendedProperties(fields.get('ExtendedProperty') ?? []),
    categories: categories === null ? [] : childElements(categories).map(textOf),
    importance: importance === 'low' || importance === 'high' ? importance : 'normal',
    isRead: isRead === null ? null : textOf(isRead) === 'true',
  };
}

/** An item without MIME would be built from its fields, which no import does: it is refused here. */
function mimeOf(element: Element | null): Buffer {
  const text = textOf(element).replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) {
    throw new EwsError('ErrorMimeContentInvalidBase64String');
  }
  const raw = Buffer.from(text, 'base64');
  // What has no header at all is no message to Exchange (guess: the exact rule is not told).
  if (!/^[!-9;-~]+[ \t]*:/m.test(raw.toString('latin1', 0, 64 << 10))) throw new EwsError('ErrorMimeContentInvalid');
  return raw;
}

/** @throws EwsError ErrorInvalidExtendedPropertyValue */
export function extendedProperties(elements: readonly Element[]): Map<string, string> {
  const properties = new Map<string, string>();
  for (const element of elements) {
    childrenByName(element, 'ExtendedProperty');
    const [uri] = childElements(element);
    const path = uri === undefined ? null : propertyPath(uri);
    if (path?.kind !== 'extended') throw new EwsError('ErrorInvalidExtendedProperty');
    const value = textOf(childNamed(element, 'Value'));
    if (!isValueOf(path.type, value)) throw new EwsError('ErrorInvalidExtendedPropertyValue');
    properties.set(path.id, value);
  }
  return properties;
}

/** @throws EwsError ErrorMessageSizeExceeded, ErrorQuotaExceeded */
function store({ mailbox, settings, nowMs }: EwsRequest, folder: Folder, given: Given): string {
  const { raw, properties, categories, importance } = given;
  if (raw.length > settings.maxMessageBytes) throw new EwsError('ErrorMessageSizeExceeded');
  if (settings.quotaBytes !== null && mailbox.account.usedBytes + raw.length > settings.quotaBytes) {
    throw new EwsError('ErrorQuotaExceeded');
  }
  const bits = properties.get(PROPERTY.messageFlags);
  // Without 0x0E07 in this very call the item is a draft, and stays one (exchange.md §1.2, §4.2).
  const isDraft = bits === undefined || (Number(bits) & FLAG_BITS.unsent) !== 0;
  // A draft is read from the start (recalled).
  const isRead = given.isRead ?? (bits === undefined || (Number(bits) & FLAG_BITS.read) !== 0);
  const receivedAt = properties.get(PROPERTY.receivedAt);
  const message = folder.append({
    raw: settings.reEncodes ? rewriteParts(raw) : raw,
    flags: [...(isRead ? ['\\Seen'] : []), ...(isDraft ? ['\\Draft'] : []), ...flagsMeantBy(properties)],
    ...(receivedAt !== undefined && { internalDate: new Date(receivedAt) }),
  });
  const visibleAtMs = nowMs + settings.visibleAfterMs;
  return itemIdXml(mailbox.items.add(message, { isDraft, properties, categories, importance, visibleAtMs }));
}

function send({ mailbox, outgoing }: EwsRequest, raw: Buffer): void {
  const recipients = ['To', 'Cc', 'Bcc'].flatMap((name) => fieldValues(raw, name)).join(', ');
  outgoing.record({ from: mailbox.account.user, to: recipients, why: 'sent by a client' });
}
