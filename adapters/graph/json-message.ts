import { jsonFormOf } from '../../domain/json-form.ts';
import type { Message } from '../../domain/mail.ts';
import { type Mailbox, readMailboxes } from '../../domain/mime/addresses.ts';
import { decodeCharset, guessCharset } from '../../domain/mime/charsets.ts';
import { parseMailDate } from '../../domain/mime/date.ts';
import { decodeWords } from '../../domain/mime/encoded-words.ts';
import { messageFields } from '../../domain/mime/message-header.ts';
import { findParameter } from '../../domain/mime/parameters.ts';
import { dispositionOf, nameOfPart, type Part, partsOf, readField, readPart } from '../../domain/mime/parts.ts';
import type { HeaderSegment } from '../../domain/mime/structure.ts';
import { stateFields, stateOf, stateProperties } from './flags.ts';
import type { Json } from './mailbox-calls.ts';
import { PROPERTY } from './property-ids.ts';

/** PidTagTransportMessageHeaders is cut at the last field that ends before it (exchange.md §1.3: 32 KB are used). */
const MAX_HEADER_BYTES = 32 * 1024;
/** exchange.md §3. The whole of a longer one stays in the header. */
const MAX_SUBJECT = 255;

/** A message as `POST mailFolders/{id}/messages` takes it. */
export interface JsonMessage {
  /** All but the attachments. */
  readonly fields: Json;
  readonly attachments: readonly JsonAttachment[];
  readonly droppedFlags: readonly string[];
  /** What is not in it, a sentence each. */
  readonly lost: readonly string[];
}

export interface JsonAttachment {
  readonly name: string;
  readonly contentType: string;
  readonly isInline: boolean;
  readonly contentId: string | null;
  readonly sizeBytes: number;
  /** Decoded each time that it is asked for: of a large message not all are in memory together. */
  content(): Buffer;
}

/**
 * The JSON form of a message (domain/json-form.ts) with the MAPI properties that make it one that has been received: no draft, its
 * dates, its state, its whole header, and our key (exchange.md §1.3). All of it by one call, since 0x0E07 is fixed after that.
 */
export function jsonMessageOf(message: Message): JsonMessage {
  const { raw: form, lost } = jsonFormOf(message.raw);
  const parts = partsOf(form);
  const [body, ...attached] = parts.leaves;
  const { state, dropped } = stateOf(message.flags);
  const isDraft = message.flags.some((flag) => flag.toLowerCase() === '\\draft');
  const properties = [
    { id: PROPERTY.messageFlags, value: String((state.isRead ? 1 : 0) | (isDraft ? 8 : 0)) },
    { id: PROPERTY.messageClass, value: 'IPM.Note' },
    { id: PROPERTY.headers, value: headerBlockOf(message.raw) },
    ...(message.receivedAt === null ? [] : [{ id: PROPERTY.received, value: message.receivedAt }]),
    ...stateProperties(state),
    ...(message.key === undefined ? [] : [{ id: PROPERTY.key, value: message.key }]),
  ];
  const { header } = parts;
  return {
    fields: {
      ...(header !== null && headerFields(form, header)),
      body: bodyOf(form, body),
      ...stateFields(state),
      singleValueExtendedProperties: [...properties, ...(header === null ? [] : sentProperty(form, header))],
    },
    attachments: attached.map((part) => attachmentOf(form, part)),
    droppedFlags: dropped,
    lost,
  };
}

function headerFields(form: Buffer, header: HeaderSegment): Json {
  const read = (name: string) => readField(form, header, name);
  const people = (name: string) => readMailboxes(read(name)).map(recipientOf);
  const [from, sender] = [people('from')[0], people('sender')[0]];
  const messageId = /<[^<>\s]+>/.exec(read('message-id'))?.[0];
  const subject = plain(decodeWords(read('subject')));
  return {
    subject: subject.slice(0, MAX_SUBJECT).toWellFormed(),
    ...(from !== undefined && { from, sender: sender ?? from }),
    toRecipients: people('to'),
    ccRecipients: people('cc'),
    bccRecipients: people('bcc'),
    replyTo: people('reply-to'),
    ...(messageId !== undefined && { internetMessageId: messageId }),
    importance: importanceOf(read('importance') || read('x-priority')),
  };
}

function recipientOf({ name, address }: Mailbox): Json {
  return { emailAddress: { name: plain(decodeWords(name)), address } };
}

function importanceOf(value: string): string {
  if (/^\s*(?:high|[12]\b)/i.test(value)) return 'high';
  return /^\s*(?:low|[45]\b)/i.test(value) ? 'low' : 'normal';
}

/** PidTagClientSubmitTime; without one Exchange takes the time of the call. */
function sentProperty(form: Buffer, header: HeaderSegment): readonly { id: string; value: string }[] {
  const at = parseMailDate(decodeWords(readField(form, header, 'date')));
  if (at === null) return [];
  const date = new Date(at);
  return Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1601 || date.getUTCFullYear() > 4500
    ? [] // outside of what a FILETIME of MAPI is good for
    : [{ id: PROPERTY.sent, value: `${date.toISOString().slice(0, 19)}Z` }];
}

function bodyOf(form: Buffer, part: Part | undefined): Json {
  if (part === undefined) return { contentType: 'text', content: '' };
  const content = decodeCharset(readPart(form, part), findParameter(part.header.type, 'charset'));
  return {
    contentType: part.header.type.value === 'text/html' ? 'html' : 'text',
    content: content.replaceAll('\0', '').toWellFormed(),
  };
}

function attachmentOf(form: Buffer, part: Part): JsonAttachment {
  const id = readField(form, part.header, 'content-id');
  const content = () => readPart(form, part);
  return {
    name: plain(nameOfPart(form, part) ?? 'part'),
    contentType: part.header.type.value,
    isInline: dispositionOf(form, part).value === 'inline',
    contentId: id === '' ? null : id.replace(/^<|>$/g, ''),
    sizeBytes: content().length,
    content,
  };
}

/** As it came, so that what JSON has no place for can still be read there. */
function headerBlockOf(raw: Buffer): string {
  const fields = messageFields(raw);
  const start = fields[0]?.start ?? 0;
  let end = start;
  for (const field of fields) {
    if (field.end - start > MAX_HEADER_BYTES) break;
    end = field.end;
  }
  const bytes = raw.subarray(start, end);
  const text = decodeCharset(bytes, guessCharset(bytes)).replace(/\0/g, '').replace(/\r?\n/g, '\r\n').toWellFormed();
  return Buffer.byteLength(text) <= MAX_HEADER_BYTES
    ? text
    : text.slice(0, text.lastIndexOf('\r\n', MAX_HEADER_BYTES / 2));
}

/** One line, without what JSON or MAPI would stumble over. */
function plain(text: string): string {
  return text
    .replace(/[\x00-\x1f\x7f]+/g, ' ')
    .trim()
    .toWellFormed();
}
