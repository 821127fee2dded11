import type { Attachment, MailContent, Person } from '../mail/content.ts';
import { isValueOf, parsePropertyId } from '../mail/property-id.ts';
import { graphRefusal } from '../refusal.ts';
import type { FollowUp } from './message-state.ts';

/** What a JSON body says of a message; null where it is silent. */
export interface MessageBody {
  readonly content: Partial<Omit<MailContent, 'sentAt'>>;
  readonly isRead: boolean | null;
  readonly followUp: FollowUp | null;
  readonly categories: readonly string[] | null;
  readonly importance: 'low' | 'normal' | 'high' | null;
  /** By canonical id. */
  readonly properties: ReadonlyMap<string, string>;
  /** Names of plain properties that were given. */
  readonly given: ReadonlySet<string>;
}

/** Properties of a message that answers hold and requests may repeat without effect. */
const WITHOUT_EFFECT = [
  'id',
  '@odata.type',
  '@odata.etag',
  '@odata.context',
  'changeKey',
  'createdDateTime',
  'lastModifiedDateTime',
  'hasAttachments',
  'bodyPreview',
  'conversationId',
  'conversationIndex',
  'parentFolderId',
  'webLink',
  // PATCH {isDraft: false} is taken and changes nothing (exchange.md §1.2).
  'isDraft',
  'inferenceClassification',
  'isDeliveryReceiptRequested',
  'isReadReceiptRequested',
];

const MAX_SUBJECT = 255;
const MAX_ATTACHMENTS = 250;
/** Attachments of 3 MB and more go by an upload session (exchange.md §1.6). */
export const MAX_PLAIN_ATTACHMENT = 3 * 1024 * 1024;

/**
 * Reads a message of Graph's JSON, strict about names and types (exchange.md §1.3).
 * @throws Refusal 400 for what Graph does not know or cannot read
 */
export function readMessageBody(body: unknown): MessageBody {
  const fields = objectOf(body, 'message');
  let content: MessageBody['content'] = {};
  let isRead: boolean | null = null;
  let followUp: FollowUp | null = null;
  let categories: string[] | null = null;
  let importance: MessageBody['importance'] = null;
  const properties = new Map<string, string>();
  for (const [name, value] of Object.entries(fields)) {
    switch (name) {
      case 'subject':
        content = { ...content, subject: subjectOf(value) };
        break;
      case 'body':
        content = { ...content, body: bodyOf(value) };
        break;
      case 'from':
      case 'sender':
        content = { ...content, [name]: personOf(value) };
        break;
      case 'toRecipients':
      case 'ccRecipients':
      case 'bccRecipients':
        content = { ...content, [name.replace('Recipients', '')]: arrayOf(value).map(personOf) };
        break;
      case 'replyTo':
        content = { ...content, replyTo: arrayOf(value).map(personOf) };
        break;
      case 'internetMessageId':
        content = { ...content, messageId: textOf(value) };
        break;
      case 'internetMessageHeaders':
        content = { ...content, headers: headersOf(value) };
        break;
      case 'attachments':
        content = { ...content, attachments: attachmentsOf(value) };
        break;
      case 'isRead':
        if (typeof value !== 'boolean') throw wrongType(value, 'Edm.Boolean');
        isRead = value;
        break;
      case 'flag':
        followUp = oneOf(objectOf(value, 'followupFlag')['flagStatus'], ['notFlagged', 'flagged', 'complete']);
        break;
      case 'importance':
        importance = oneOf(value, ['low', 'normal', 'high']);
        break;
      case 'categories':
        categories = arrayOf(value).map(textOf);
        break;
      case 'singleValueExtendedProperties':
        for (const entry of arrayOf(value)) readProperty(entry, properties);
        break;
      case 'receivedDateTime':
      case 'sentDateTime':
        // 0x0E06 and 0x0039 are the way (exchange.md §1.3).
        throw notDeserialized();
      default:
        if (WITHOUT_EFFECT.includes(name)) break;
        throw graphRefusal(
          400,
          'RequestBodyRead',
          `The property '${name}' does not exist on type 'microsoft.graph.message'. Make sure to only use property names that are defined by the type.`,
        );
    }
  }
  return { content, isRead, followUp, categories, importance, properties, given: new Set(Object.keys(fields)) };
}

export function notDeserialized(): Error {
  return graphRefusal(400, 'UnableToDeserializePostBody', 'were unable to deserialize ');
}

/** One file attachment of JSON. @throws Refusal 400, 413 */
export function readAttachment(value: unknown): Attachment {
  const fields = objectOf(value, 'attachment');
  const type = fields['@odata.type'];
  if (type !== '#microsoft.graph.fileAttachment') {
    throw graphRefusal(
      400,
      'RequestBodyRead',
      `The attachment type '${String(type)}' is not one that can be made here.`,
    );
  }
  const known = ['@odata.type', 'name', 'contentType', 'contentBytes', 'isInline', 'contentId', 'size', 'id'];
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw graphRefusal(
      400,
      'RequestBodyRead',
      `The property '${unknown}' does not exist on type 'microsoft.graph.fileAttachment'.`,
    );
  }
  const bytes = base64Of(fields['contentBytes']);
  if (bytes === null) throw wrongType(fields['contentBytes'], 'Edm.Binary');
  if (bytes.length >= MAX_PLAIN_ATTACHMENT) {
    throw graphRefusal(413, 'RequestEntityTooLarge', 'An attachment of 3 MB and more needs an upload session.');
  }
  const { isInline = false, contentType = 'application/octet-stream', contentId = null } = fields;
  if (typeof isInline !== 'boolean') throw wrongType(isInline, 'Edm.Boolean');
  return {
    name: textOf(fields['name']),
    contentType: textOf(contentType),
    isInline,
    contentId: contentId === null ? null : textOf(contentId),
    bytes,
  };
}

/** Null for what is not base64 throughout. */
export function base64Of(value: unknown): Buffer | null {
  if (typeof value !== 'string') return null;
  const text = value.replaceAll(/[\r\n]/g, '');
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  return Buffer.from(text, 'base64');
}

function readProperty(entry: unknown, properties: Map<string, string>): void {
  const { id, value } = objectOf(entry, 'singleValueLegacyExtendedProperty');
  const known = typeof id === 'string' ? parsePropertyId(id) : null;
  if (known === null) throw graphRefusal(400, 'ErrorInvalidProperty', `The property id '${String(id)}' is not valid.`);
  if (typeof value !== 'string') throw wrongType(value, 'Edm.String');
  if (!isValueOf(known.type, value)) {
    throw graphRefusal(400, 'ErrorInvalidExtendedPropertyValue', `The value of '${known.shown}' has not its type.`);
  }
  properties.set(known.canonical, value);
}

function attachmentsOf(value: unknown): Attachment[] {
  const all = arrayOf(value).map(readAttachment);
  // exchange.md §3, limits; the code is a guess.
  if (all.length > MAX_ATTACHMENTS)
    throw graphRefusal(400, 'ErrorTooManyAttachments', 'There are too many attachments.');
  return all;
}

/** Only names that begin with `x-`, at most five, up to 995 characters each (exchange.md §1.3). */
function headersOf(value: unknown): { name: string; value: string }[] {
  const headers = arrayOf(value).map((entry) => {
    const fields = objectOf(entry, 'internetMessageHeader');
    return { name: textOf(fields['name']), value: textOf(fields['value']) };
  });
  for (const header of headers) {
    if (!/^x-/i.test(header.name)) {
      const message = `The internet message header name '${header.name}' should start with 'x-' or 'X-'.`;
      throw graphRefusal(400, 'InvalidInternetMessageHeader', message);
    }
    if (header.value.length > 995) {
      throw graphRefusal(400, 'InvalidInternetMessageHeader', 'The value of an internet message header is too long.');
    }
  }
  if (headers.length > 5) {
    throw graphRefusal(400, 'InvalidInternetMessageHeaderCollection', 'Maximum number of headers in one message is 5.');
  }
  return headers;
}

/** exchange.md §3, limits; that a longer one is refused and not cut is a guess. */
function subjectOf(value: unknown): string {
  const subject = value === null ? '' : textOf(value);
  if (subject.length > MAX_SUBJECT) throw graphRefusal(400, 'ErrorInvalidProperty', 'The subject is too long.');
  return subject;
}

function bodyOf(value: unknown): MailContent['body'] {
  const { contentType, content } = objectOf(value, 'itemBody');
  return {
    contentType: oneOf(typeof contentType === 'string' ? contentType.toLowerCase() : contentType, ['text', 'html']),
    content: content === null || content === undefined ? '' : textOf(content),
  };
}

function personOf(value: unknown): Person {
  const { emailAddress } = objectOf(value, 'recipient');
  const { name, address } = objectOf(emailAddress, 'emailAddress');
  return {
    name: name === undefined || name === null ? '' : textOf(name),
    address: address === undefined || address === null ? '' : textOf(address),
  };
}

function objectOf(value: unknown, type: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrongType(value, `microsoft.graph.${type}`);
}

function arrayOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw wrongType(value, 'a collection');
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw wrongType(value, 'Edm.String');
}

function oneOf<const Text extends string>(value: unknown, allowed: readonly Text[]): Text {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw wrongType(value, allowed.join(' | '));
}

function wrongType(value: unknown, type: string): Error {
  const shown = value === undefined ? 'nothing' : typeof value === 'object' ? 'an object' : String(value).slice(0, 40);
  return graphRefusal(400, 'RequestBodyRead', `Cannot convert the literal '${shown}' to the expected type '${type}'.`);
}
