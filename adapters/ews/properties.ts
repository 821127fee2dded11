import type { Element } from '@xmldom/xmldom';
import type { Message } from '../../domain/mail.ts';
import { KEY_GUID, KEY_NAME } from '../graph/property-ids.ts';
import { childElements, escapeXml, find, findAll, textOf, xml } from './xml.ts';

/** A field of EWS's own (`item:Size`) or a MAPI property, as requests name it. */
export interface Field {
  readonly path: string;
  /** Name of the element that carries a field of EWS's own; of MAPI properties the attributes that tell them apart. */
  readonly tells: string | ((uri: Element) => boolean);
}

function own(uri: string): Field {
  return { path: xml('t:FieldURI', { FieldURI: uri }), tells: uri.replace(/^.*:/, '') };
}

function tagged(tag: number, type: 'Integer' | 'SystemTime' | 'Boolean'): Field {
  const path = xml('t:ExtendedFieldURI', { PropertyTag: `0x${tag.toString(16)}`, PropertyType: type });
  // Answers spell the tag as they like: `0xe07`.
  return { path, tells: (uri) => Number(uri.getAttribute('PropertyTag') ?? Number.NaN) === tag };
}

export const FIELDS = {
  size: own('item:Size'),
  receivedAt: own('item:DateTimeReceived'),
  isDraft: own('item:IsDraft'),
  isRead: own('message:IsRead'),
  categories: own('item:Categories'),
  name: own('folder:DisplayName'),
  parent: own('folder:ParentFolderId'),
  folderClass: own('folder:FolderClass'),
  count: own('folder:TotalCount'),
  /** PidTagMessageFlags: 0x1 read, 0x8 draft; for the create call only (exchange.md §1.2). */
  messageFlags: tagged(0x0e07, 'Integer'),
  /** PidTagMessageDeliveryTime: INTERNALDATE. */
  delivered: tagged(0x0e06, 'SystemTime'),
  /** PidTagInternetArticleNumber: the UID of IMAP. */
  uid: tagged(0x0e23, 'Integer'),
  /** PidTagInternetArticleNumberNext of a folder: UIDNEXT of IMAP. */
  uidNext: tagged(0x6751, 'Integer'),
  /** PidTagAttributeHidden. */
  hidden: tagged(0x10f4, 'Boolean'),
  /** PidTagFlagStatus: 2 flagged, 1 complete. */
  flagStatus: tagged(0x1090, 'Integer'),
  /** PidTagLastVerbExecuted: 102 and 103 replied, 104 forwarded. */
  lastVerb: tagged(0x1081, 'Integer'),
  /** PidTagIconIndex: 261 replied, 262 forwarded. */
  icon: tagged(0x1080, 'Integer'),
  /** PidLidImapDeleted, which is `\Deleted` (exchange.md §1.4). */
  deleted: {
    path: xml('t:ExtendedFieldURI', {
      DistinguishedPropertySetId: 'Common',
      PropertyId: 0x8570,
      PropertyType: 'Integer',
    }),
    tells: (uri) => Number(uri.getAttribute('PropertyId') ?? Number.NaN) === 0x8570,
  },
  key: {
    path: xml('t:ExtendedFieldURI', { PropertySetId: KEY_GUID, PropertyName: KEY_NAME, PropertyType: 'String' }),
    tells: (uri) => uri.getAttribute('PropertyName') === KEY_NAME,
  },
} as const satisfies Readonly<Record<string, Field>>;

/** What tells an item's flags. */
export const FLAG_FIELDS = [
  FIELDS.isRead,
  FIELDS.isDraft,
  FIELDS.categories,
  FIELDS.flagStatus,
  FIELDS.lastVerb,
  FIELDS.deleted,
] as const;

/** `AdditionalProperties` of a shape. */
export function additional(fields: readonly Field[]): string {
  return xml('t:AdditionalProperties', {}, ...fields.map(({ path }) => path));
}

/** A MAPI property with its value, as items carry it. */
export function extended({ path }: Field, value: string | number): string {
  return xml('t:ExtendedProperty', {}, path, xml('t:Value', {}, escapeXml(String(value))));
}

export function categoriesOf(names: readonly string[]): string {
  return xml('t:Categories', {}, ...names.map((name) => xml('t:String', {}, escapeXml(name))));
}

/** Null where the answer does not hold it: a property that is not set is left out. */
export function readValue(item: Element, { tells }: Field): string | null {
  if (typeof tells === 'string') return textOf(item, tells);
  for (const property of findAll(item, 'ExtendedProperty')) {
    const uri = find(property, 'ExtendedFieldURI');
    if (uri !== null && tells(uri)) return textOf(property, 'Value');
  }
  return null;
}

export function numberOf(item: Element, field: Field): number | null {
  const text = readValue(item, field);
  return text === null || !/^-?\d+$/.test(text) ? null : Number(text);
}

export function isTrue(item: Element, field: Field): boolean {
  return /^(true|1)$/i.test(readValue(item, field) ?? '');
}

/** Flags of IMAP, as the IMAP of the same mailbox would tell them; keywords are categories. */
export function flagsOf(item: Element): readonly string[] {
  const verb = numberOf(item, FIELDS.lastVerb);
  const flags = [
    isTrue(item, FIELDS.isRead) ? '\\Seen' : null,
    verb === REPLIED || verb === REPLIED_TO_ALL ? '\\Answered' : null,
    numberOf(item, FIELDS.flagStatus) === FLAGGED ? '\\Flagged' : null,
    isTrue(item, FIELDS.isDraft) ? '\\Draft' : null,
    (numberOf(item, FIELDS.deleted) ?? 0) !== 0 ? '\\Deleted' : null,
    verb === FORWARDED ? '$Forwarded' : null,
    ...readCategories(item),
  ];
  return flags.filter((flag) => flag !== null).toSorted();
}

export function readCategories(item: Element): readonly string[] {
  const categories = find(item, 'Categories');
  return categories === null ? [] : childElements(categories).map(({ textContent }) => textContent ?? '');
}

export const REPLIED = 102;
const REPLIED_TO_ALL = 103;
export const FORWARDED = 104;
export const FLAGGED = 2;
export const ICONS: Readonly<Record<number, number>> = { [REPLIED]: 261, [FORWARDED]: 262 };

/** Flags in the shape that Exchange has for them. */
export interface PartedFlags {
  readonly isSeen: boolean;
  readonly isDraft: boolean;
  readonly isFlagged: boolean;
  readonly isDeleted: boolean;
  /** Null: neither replied nor forwarded. */
  readonly verb: number | null;
  readonly categories: readonly string[];
  readonly dropped: readonly string[];
}

export function partFlags(flags: Message['flags']): PartedFlags {
  const system = new Set(flags.map((flag) => flag.toLowerCase()));
  const isAnswered = system.has('\\answered');
  const isForwarded = system.has('$forwarded');
  const keywords = flags.filter((flag) => !flag.startsWith('\\') && flag.toLowerCase() !== '$forwarded');
  return {
    isSeen: system.has('\\seen'),
    isDraft: system.has('\\draft'),
    isFlagged: system.has('\\flagged'),
    isDeleted: system.has('\\deleted'),
    verb: isAnswered ? REPLIED : isForwarded ? FORWARDED : null,
    categories: keywords.filter((keyword) => !isServersOwn(keyword)),
    dropped: [
      // One message has one last verb.
      ...(isAnswered ? flags.filter((flag) => flag.toLowerCase() === '$forwarded') : []),
      ...keywords.filter(isServersOwn),
      ...flags.filter(
        (flag) => flag.startsWith('\\') && !KNOWN.has(flag.toLowerCase()) && flag.toLowerCase() !== '\\recent',
      ),
    ],
  };
}

const KNOWN: ReadonlySet<string> = new Set(['\\seen', '\\answered', '\\flagged', '\\draft', '\\deleted']);

/** T69: would be a category that the user sees, and says only that a receipt is not to be sent again. */
function isServersOwn(keyword: string): boolean {
  return keyword.toLowerCase() === '$mdnsent';
}
