import type { Element } from '@xmldom/xmldom';
import { schemaFault } from './refusal.ts';
import { childElements, NAMESPACES } from './xml.ts';

/**
 * Order of the children that types.xsd and messages.xsd (Exchange 2013 and later) set for what this front reads. An xs:sequence is
 * strict: what stands in the wrong place is a schema violation, and clients that build XML by hand fall over it.
 */
export const ORDER = {
  Message: [
    'MimeContent ItemId ParentFolderId ItemClass Subject Sensitivity Body Attachments DateTimeReceived Size Categories Importance',
    'InReplyTo IsSubmitted IsDraft IsFromMe IsResend IsUnmodified InternetMessageHeaders DateTimeSent DateTimeCreated',
    'ResponseObjects ReminderDueBy ReminderIsSet ReminderNextTime ReminderMinutesBeforeStart DisplayCc DisplayTo HasAttachments',
    'ExtendedProperty Culture EffectiveRights LastModifiedName LastModifiedTime IsAssociated WebClientReadFormQueryString',
    'WebClientEditFormQueryString ConversationId UniqueBody Flag StoreEntryId InstanceKey Sender ToRecipients CcRecipients',
    'BccRecipients IsReadReceiptRequested IsDeliveryReceiptRequested ConversationIndex ConversationTopic From InternetMessageId',
    'IsRead IsResponseRequested References ReplyTo ReceivedBy ReceivedRepresenting',
  ]
    .join(' ')
    .split(' '),
  Folder: ['FolderId', 'ParentFolderId', 'FolderClass', 'DisplayName', 'TotalCount', 'ChildFolderCount'].concat([
    'ExtendedProperty',
    'ManagedFolderInformation',
    'EffectiveRights',
    'PermissionSet',
    'UnreadCount',
  ]),
  CreateItem: ['SavedItemFolderId', 'Items'],
  GetItem: ['ItemShape', 'ItemIds'],
  FindItem: ['ItemShape', 'IndexedPageItemView', 'Restriction', 'SortOrder', 'ParentFolderIds', 'QueryString'],
  UpdateItem: ['SavedItemFolderId', 'ItemChanges'],
  DeleteItem: ['ItemIds'],
  GetFolder: ['FolderShape', 'FolderIds'],
  FindFolder: ['FolderShape', 'IndexedPageFolderView', 'Restriction', 'ParentFolderIds'],
  CreateFolder: ['ParentFolderId', 'Folders'],
  DeleteFolder: ['FolderIds'],
  ItemShape: ['BaseShape', 'IncludeMimeContent', 'BodyType', 'AdditionalProperties'],
  FolderShape: ['BaseShape', 'AdditionalProperties'],
  ItemChange: ['ItemId', 'Updates'],
  ExtendedProperty: ['ExtendedFieldURI', 'Value', 'Values'],
} as const satisfies Record<string, readonly string[]>;

/** May stand several times; all others once. */
const REPEATED = new Set(['ExtendedProperty']);
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  CreateItem: ['Items'],
  GetItem: ['ItemShape', 'ItemIds'],
  FindItem: ['ItemShape', 'ParentFolderIds'],
  UpdateItem: ['ItemChanges'],
  DeleteItem: ['ItemIds'],
  GetFolder: ['FolderShape', 'FolderIds'],
  FindFolder: ['FolderShape', 'ParentFolderIds'],
  CreateFolder: ['ParentFolderId', 'Folders'],
  DeleteFolder: ['FolderIds'],
  ItemShape: ['BaseShape'],
  FolderShape: ['BaseShape'],
  ItemChange: ['ItemId', 'Updates'],
  ExtendedProperty: ['ExtendedFieldURI'],
};
/** Attributes without which a request is none, with what they may say. */
const ATTRIBUTES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  FindItem: { Traversal: ['Shallow', 'SoftDeleted', 'Associated'] },
  FindFolder: { Traversal: ['Shallow', 'Deep', 'SoftDeleted'] },
  DeleteItem: { DeleteType: ['HardDelete', 'SoftDelete', 'MoveToDeletedItems'] },
  DeleteFolder: { DeleteType: ['HardDelete', 'SoftDelete', 'MoveToDeletedItems'] },
  UpdateItem: { ConflictResolution: ['NeverOverwrite', 'AutoResolve', 'AlwaysOverwrite'] },
};

/** The children of an element by name. @throws Refusal ErrorSchemaValidation */
export function childrenByName(element: Element, type: keyof typeof ORDER): ReadonlyMap<string, Element[]> {
  const order: readonly string[] = ORDER[type];
  const found = new Map<string, Element[]>();
  let at = -1;
  for (const child of childElements(element)) {
    const name = child.localName ?? '';
    const place = child.namespaceURI === namespaceOf(type) ? order.indexOf(name) : -1;
    if (place < at || place < 0 || (place === at && !REPEATED.has(name))) {
      const wanted = order.slice(Math.max(at, 0), at + 6).map((each) => `'${namespaceOf(type)}:${each}'`);
      throw schemaFault(
        `The element '${element.localName}' in namespace '${element.namespaceURI}' has invalid child element '${name}' in namespace '${child.namespaceURI}'. List of possible elements expected: ${wanted.join(', ')}.`,
      );
    }
    at = place;
    found.set(name, [...(found.get(name) ?? []), child]);
  }
  for (const name of REQUIRED[type] ?? []) {
    if (found.has(name)) continue;
    throw schemaFault(
      `The element '${element.localName}' in namespace '${element.namespaceURI}' has incomplete content. List of possible elements expected: '${name}'.`,
    );
  }
  for (const [name, values] of Object.entries(ATTRIBUTES[type] ?? {})) oneOf(element, name, values);
  return found;
}

/** @throws Refusal ErrorSchemaValidation where the attribute is missing or says something else */
export function oneOf<Value extends string>(element: Element, name: string, values: readonly Value[]): Value {
  const given = element.getAttribute(name);
  const value = values.find((each) => each === given);
  if (value !== undefined) return value;
  if (given === null) throw schemaFault(`The required attribute '${name}' is missing.`);
  throw schemaFault(
    `The '${name}' attribute is invalid - The value '${given}' is invalid - The Enumeration constraint failed.`,
  );
}

/** Requests and their direct children are of the messages' namespace, what those hold is of the types'. */
function namespaceOf(type: keyof typeof ORDER): string {
  const ofTypes = ['Message', 'Folder', 'ItemShape', 'FolderShape', 'ItemChange', 'ExtendedProperty'];
  return ofTypes.includes(type) ? NAMESPACES.t : NAMESPACES.m;
}
