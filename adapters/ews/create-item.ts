import type { Message } from '../../domain/mail.ts';
import type { EwsRequest } from './client.ts';
import { categoriesOf, extended, FIELDS, FLAGGED, ICONS, type PartedFlags } from './properties.ts';
import { xml } from './xml.ts';

/**
 * One message into one folder by one call, with all that Exchange lets be set only then: that it is no draft (exchange.md §1.2), its
 * date of arrival, its flags, and the key by which it is found again. `SaveOnly` sends nothing (exchange.md §4.2).
 */
export function createItem(folderId: string, message: Message, flags: PartedFlags): EwsRequest {
  const { isSeen, isDraft, isFlagged, isDeleted, verb, categories } = flags;
  const properties = [
    extended(FIELDS.messageFlags, (isSeen ? READ : 0) | (isDraft ? UNSENT : 0)),
    message.receivedAt === null ? '' : extended(FIELDS.delivered, message.receivedAt),
    ...(verb === null ? [] : [extended(FIELDS.lastVerb, verb), extended(FIELDS.icon, ICONS[verb] ?? -1)]),
    isFlagged ? extended(FIELDS.flagStatus, FLAGGED) : '',
    isDeleted ? extended(FIELDS.deleted, 1) : '',
    message.key === undefined ? '' : extended(FIELDS.key, message.key),
  ].join('');
  const folder = xml('m:SavedItemFolderId', {}, xml('t:FolderId', { Id: folderId }));
  // The order of elements is the schema's (types.xsd): content, categories, properties.
  const before = `<m:CreateItem MessageDisposition="SaveOnly">${folder}<m:Items><t:Message><t:MimeContent>`;
  const named = categories.length === 0 ? '' : categoriesOf(categories);
  const after = `</t:MimeContent>${named}${properties}</t:Message></m:Items></m:CreateItem>`;
  return {
    operation: 'CreateItem',
    effect: true,
    facts: { folder: folderId, sizeBytes: message.raw.length },
    body: [before, message.raw, after],
  };
}

/** Bits of PidTagMessageFlags. */
const READ = 0x1;
const UNSENT = 0x8;
