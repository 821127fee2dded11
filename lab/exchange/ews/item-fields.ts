import { bodyOffset, fieldValues } from '../../imap/message-parts.ts';
import { isFlagged } from '../mail/items.ts';
import { hasAttachment, type PlacedMessage, PROPERTY, propertyOf, timeText } from '../mail/message-properties.ts';
import type { EwsMailbox } from './mailbox.ts';
import { type PropertyPath, pathXml } from './property-path.ts';
import { EwsError } from './refusal.ts';
import { ORDER } from './schema.ts';
import type { Shape } from './shape.ts';
import { escaped, xml } from './xml.ts';

/** Fields of one value, as text; null = the message has none. */
const TEXT_FIELDS: Readonly<Record<string, (place: PlacedMessage, mailbox: EwsMailbox) => string | null>> = {
  'item:ItemClass': (place, { items }) => propertyOf(place, items, PROPERTY.messageClass),
  'item:Subject': (place, { items }) => propertyOf(place, items, PROPERTY.subject),
  'item:DateTimeReceived': (place, { items }) => propertyOf(place, items, PROPERTY.receivedAt),
  'item:DateTimeSent': (place, { items }) => propertyOf(place, items, PROPERTY.sentAt),
  'item:DateTimeCreated': ({ message }, { items }) => timeText(new Date(items.of(message).createdAtMs)),
  'item:Size': ({ message }) => String(message.sizeBytes),
  'item:Importance': ({ message }, { items }) => capitalised(items.of(message).importance),
  'item:IsDraft': ({ message }, { items }) => String(items.of(message).isDraft),
  'item:HasAttachments': ({ message }) => String(hasAttachment(message.raw)),
  'message:IsRead': ({ message }) => String(message.flags.has('\\Seen')),
  'message:InternetMessageId': (place, { items }) => propertyOf(place, items, PROPERTY.internetMessageId),
  'message:References': ({ message }) => fieldValues(message.raw, 'References')[0] ?? null,
};

/** Fields with children. */
const XML_FIELDS: Readonly<Record<string, (place: PlacedMessage, mailbox: EwsMailbox) => string | null>> = {
  'item:ItemId': ({ message }, { items }) => itemIdXml(items.of(message)),
  'item:ParentFolderId': ({ folder }, mailbox) =>
    xml('t:ParentFolderId', { Id: mailbox.idOf(folder), ChangeKey: 'AQAAAA==' }),
  'item:MimeContent': ({ message }) => xml('t:MimeContent', { CharacterSet: 'UTF-8' }, message.raw.toString('base64')),
  'item:Categories': ({ message }, { items }) => {
    const names = items.of(message).categories;
    return names.length === 0
      ? null
      : xml('t:Categories', {}, ...names.map((each) => xml('t:String', {}, escaped(each))));
  },
  'item:Flag': ({ message }, { items }) =>
    xml('t:Flag', {}, xml('t:FlagStatus', {}, isFlagged(message, items.of(message)) ? 'Flagged' : 'NotFlagged')),
  'item:InternetMessageHeaders': ({ message }) => headersXml(message.raw),
};

/** Of `Default` for messages (ewsdocs, `property-sets-and-response-shapes-in-ews-in-exchange.md`), as far as they are known here. */
const DEFAULT_FIELDS = [
  'item:Subject',
  'item:DateTimeReceived',
  'item:Size',
  'item:Importance',
  'item:IsDraft',
  'item:HasAttachments',
  'item:DateTimeSent',
  'message:IsRead',
  'message:InternetMessageId',
  'message:References',
];
const ALL_FIELDS = [
  ...Object.keys(TEXT_FIELDS),
  ...Object.keys(XML_FIELDS).filter((uri) => uri !== 'item:MimeContent'),
];

/** `t:Message` with what the shape asks for, in the schema's order. A property that the message lacks is left out. */
export function messageXml(place: PlacedMessage, mailbox: EwsMailbox, shape: Shape): string {
  const uris = new Set(['item:ItemId', ...baseFields(shape.base), ...(shape.withMime ? ['item:MimeContent'] : [])]);
  const extended: string[] = [];
  for (const path of shape.additional) {
    if (path.kind === 'field') uris.add(path.uri);
    else {
      const value = propertyOf(place, mailbox.items, path.id);
      if (value !== null)
        extended.push(xml('t:ExtendedProperty', {}, pathXml(path), xml('t:Value', {}, escaped(value))));
    }
  }
  const parts = [...uris].flatMap((uri) => {
    const content = fieldXml(uri, place, mailbox);
    return content === null ? [] : [{ name: elementOf(uri), content }];
  });
  parts.push(...extended.map((content) => ({ name: 'ExtendedProperty', content })));
  const order: readonly string[] = ORDER.Message;
  parts.sort((one, other) => order.indexOf(one.name) - order.indexOf(other.name));
  return xml('t:Message', {}, ...parts.map(({ content }) => content));
}

export function itemIdXml({ id, changeKey }: { readonly id: string; readonly changeKey: string }): string {
  return xml('t:ItemId', { Id: id, ChangeKey: changeKey });
}

/** The value that a restriction or an order looks at. @throws EwsError for a field that has none */
export function comparableOf(path: PropertyPath, place: PlacedMessage, mailbox: EwsMailbox): string | null {
  if (path.kind === 'extended') return propertyOf(place, mailbox.items, path.id);
  const read = TEXT_FIELDS[path.uri];
  if (read === undefined) throw new EwsError('ErrorUnsupportedPathForQuery');
  return read(place, mailbox);
}

function fieldXml(uri: string, place: PlacedMessage, mailbox: EwsMailbox): string | null {
  const compound = XML_FIELDS[uri];
  if (compound !== undefined) return compound(place, mailbox);
  const read = TEXT_FIELDS[uri];
  if (read === undefined) throw new EwsError('ErrorInvalidPropertyRequest');
  const value = read(place, mailbox);
  return value === null ? null : xml(`t:${elementOf(uri)}`, {}, escaped(value));
}

function baseFields(base: Shape['base']): readonly string[] {
  if (base === 'IdOnly') return [];
  return base === 'Default' ? DEFAULT_FIELDS : ALL_FIELDS;
}

function headersXml(raw: Buffer): string {
  const text = raw.toString('latin1', 0, bodyOffset(raw)).replace(/\r?\n[ \t]/g, ' ');
  const lines = [...text.matchAll(/^([!-9;-~]+):[ \t]*(.*?)\r?$/gm)];
  const headers = lines.map(([, name = '', value = '']) =>
    xml('t:InternetMessageHeader', { HeaderName: name }, escaped(value)),
  );
  return xml('t:InternetMessageHeaders', {}, ...headers);
}

function elementOf(uri: string): string {
  return uri.slice(uri.indexOf(':') + 1);
}

function capitalised(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}
