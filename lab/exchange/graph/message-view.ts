import { fieldValues } from '../../imap/message-parts.ts';
import { type Attachment, contentOf, type Person } from '../mail/content.ts';
import { PROPERTY } from '../mail/message-properties.ts';
import { attachmentId, attachmentView } from './attachment-view.ts';
import { contentFor, idOf, type Located, type MailCall } from './mailbox.ts';
import { categoriesOf, followUpOf } from './message-state.ts';
import { readProperty } from './properties.ts';
import { type Expansion, expandOf, selectOf } from './query.ts';

/** Read without taking the message apart, so a list of many with `$select` of these stays quick. */
const STATE_FIELDS: Readonly<Record<string, (call: MailCall, located: Located) => unknown>> = {
  id: idOf,
  createdDateTime: (_call, { item }) => new Date(item.createdAtMs).toISOString(),
  lastModifiedDateTime: (_call, { item }) => new Date(item.createdAtMs).toISOString(),
  changeKey: (_call, { item }) => item.changeKey,
  categories: (_call, located) => categoriesOf(located),
  receivedDateTime: (_call, { message }) => message.internalDate.toISOString().replace('.000Z', 'Z'),
  sentDateTime: ({ world }, located) => readProperty(world.items, located, { canonical: PROPERTY.sentAt }),
  internetMessageId: ({ world }, located) =>
    readProperty(world.items, located, { canonical: PROPERTY.internetMessageId }),
  importance: (_call, { item }) => item.importance,
  parentFolderId: ({ world }, { folder }) => world.items.folderId(folder),
  isRead: (_call, { message }) => message.flags.has('\\Seen'),
  isDraft: (_call, { item }) => item.isDraft,
  flag: (_call, located) => ({ flagStatus: followUpOf(located) }),
  inferenceClassification: () => 'focused',
  isDeliveryReceiptRequested: () => false,
  isReadReceiptRequested: (_call, { message }) => fieldValues(message.raw, 'Disposition-Notification-To').length > 0,
  // Exchange threads by Message-ID, References and topic (exchange.md §1.3); here each message is a conversation of its own.
  conversationId: (_call, { item }) => `AAQk${item.id.slice(4)}`,
  webLink: (_call, { item }) => `https://outlook.office365.com/owa/?ItemID=${encodeURIComponent(item.id)}`,
};

const CONTENT_FIELDS = [
  'subject',
  'bodyPreview',
  'body',
  'from',
  'sender',
  'toRecipients',
  'ccRecipients',
  'bccRecipients',
  'replyTo',
  'hasAttachments',
] as const;

/** Comes only when it is asked for. */
const ON_REQUEST = 'internetMessageHeaders';

const ALL_FIELDS = [...Object.keys(STATE_FIELDS), ...CONTENT_FIELDS];
const KNOWN_FIELDS: ReadonlySet<string> = new Set([...ALL_FIELDS, ON_REQUEST]);

export interface View {
  readonly fields: readonly string[];
  readonly expansion: Expansion;
}

/** What `$select` and `$expand` of the call ask for. @throws Refusal 400 */
export function viewOf(call: MailCall): View {
  const selected = selectOf(call, 'message', KNOWN_FIELDS);
  return { fields: selected === null ? ALL_FIELDS : [...new Set(['id', ...selected])], expansion: expandOf(call) };
}

/** A message as Graph gives it (graphdocs21 `resources/message.md`). */
export async function messageView(call: MailCall, located: Located, { fields, expansion }: View): Promise<object> {
  const shown: Record<string, unknown> = { '@odata.etag': `W/"${located.item.changeKey}"` };
  const needsContent = fields.some((field) => !(field in STATE_FIELDS)) || expansion.attachments;
  const all = needsContent ? await contentFields(call, located) : {};
  for (const field of fields) shown[field] = field in all ? all[field] : STATE_FIELDS[field]?.(call, located);
  if (expansion.attachments) {
    const { attachments } = await contentFor(call.world, located.message);
    shown['attachments'] = attachments.map((one, at) => attachmentView(one, attachmentId(located, at)));
  }
  const properties = expansion.properties.flatMap((id) => {
    const value = readProperty(call.world.items, located, id);
    return value === null ? [] : [{ id: id.shown, value }];
  });
  // Graph leaves the list out where no property was found.
  if (properties.length > 0) shown['singleValueExtendedProperties'] = properties;
  return shown;
}

async function contentFields(call: MailCall, located: Located): Promise<Record<string, unknown>> {
  const content = await contentFor(call.world, located.message);
  const { subject, body, attachments } = content;
  const cameAsJson = call.world.contents.has(located.message.id);
  return {
    subject,
    body,
    bodyPreview: body.content
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim()
      .slice(0, 255),
    from: recipient(content.from),
    sender: recipient(content.sender),
    toRecipients: content.to.map(recipient),
    ccRecipients: content.cc.map(recipient),
    bccRecipients: content.bcc.map(recipient),
    replyTo: content.replyTo.map(recipient),
    hasAttachments: hasAttachments(attachments),
    [ON_REQUEST]: cameAsJson && !call.world.behaviour.showsHeaderBlock ? [] : await headersOf(call, located),
  };
}

async function headersOf({ world }: MailCall, { message, item }: Located): Promise<object[]> {
  const given = world.contents.get(message.id);
  const isWhole = given === undefined || item.properties.has(PROPERTY.transportHeaders);
  return [...(isWhole ? await contentOf(message.raw) : given).headers];
}

export function hasAttachments(attachments: readonly Attachment[]): boolean {
  return attachments.some(({ isInline }) => !isInline);
}

function recipient(person: Person | null): object | undefined {
  return person === null ? undefined : { emailAddress: { name: person.name, address: person.address } };
}
