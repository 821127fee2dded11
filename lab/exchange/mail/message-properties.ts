import type { Folder } from '../../imap/folder.ts';
import { bodyOffset, fieldValues } from '../../imap/message-parts.ts';
import type { StoredMessage } from '../../imap/stored-message.ts';
import { type Items, isFlagged } from './items.ts';

/** A message where it lies: its UID belongs to the folder. */
export interface PlacedMessage {
  readonly folder: Folder;
  readonly message: StoredMessage;
}

/** MAPI properties by Graph's id; names as mapidocs has them. */
export const PROPERTY = {
  messageFlags: 'Integer 0x0E07',
  receivedAt: 'SystemTime 0x0E06',
  sentAt: 'SystemTime 0x0039',
  size: 'Integer 0x0E08',
  articleNumber: 'Integer 0x0E23',
  subject: 'String 0x0037',
  messageClass: 'String 0x001A',
  transportHeaders: 'String 0x007D',
  internetMessageId: 'String 0x1035',
  iconIndex: 'Integer 0x1080',
  lastVerb: 'Integer 0x1081',
  flagStatus: 'Integer 0x1090',
  /** PidLidImapDeleted (exchange.md §1.4). */
  imapDeleted: 'Integer {00062008-0000-0000-c000-000000000046} Id 0x8570',
} as const;

/** Bits of PidTagMessageFlags (exchange.md §1.2). */
export const FLAG_BITS = { read: 0x1, unsent: 0x8, hasAttachment: 0x10 } as const;
/** Replied to one, replied to all (exchange.md §1.4). */
const REPLY_VERBS = ['102', '103'];

/** One property as text: numbers in decimal, times in UTC to the second. Null where the message has none such. */
export function propertyOf({ folder, message }: PlacedMessage, items: Items, id: string): string | null {
  const item = items.of(message);
  const { flags, raw } = message;
  switch (id) {
    case PROPERTY.messageFlags: {
      const bits = [
        flags.has('\\Seen') ? FLAG_BITS.read : 0,
        item.isDraft ? FLAG_BITS.unsent : 0,
        hasAttachment(raw) ? FLAG_BITS.hasAttachment : 0,
      ];
      return String(bits.reduce((sum, bit) => sum | bit, 0));
    }
    case PROPERTY.receivedAt:
      return timeText(message.internalDate);
    case PROPERTY.sentAt:
      return item.properties.get(id) ?? timeText(new Date(fieldValues(raw, 'Date')[0] ?? Number.NaN));
    case PROPERTY.size:
      return String(message.sizeBytes);
    case PROPERTY.articleNumber:
      return folder.find(message.uid) === null ? null : String(message.uid);
    case PROPERTY.subject:
      return fieldValues(raw, 'Subject')[0] ?? null;
    case PROPERTY.messageClass:
      return item.properties.get(id) ?? 'IPM.Note';
    case PROPERTY.transportHeaders:
      return item.properties.get(id) ?? raw.toString('latin1', 0, bodyOffset(raw));
    case PROPERTY.internetMessageId:
      return fieldValues(raw, 'Message-ID')[0] ?? null;
    case PROPERTY.lastVerb:
      return item.properties.get(id) ?? (flags.has('\\Answered') ? '102' : null);
    case PROPERTY.iconIndex:
      return item.properties.get(id) ?? (flags.has('\\Answered') ? '261' : null);
    case PROPERTY.flagStatus:
      if (isFlagged(message, item)) return '2';
      return item.properties.get(id) === '1' ? '1' : null;
    case PROPERTY.imapDeleted:
      return flags.has('\\Deleted') ? '1' : null;
    default:
      return item.properties.get(id) ?? null;
  }
}

/** The flags of IMAP that a set of properties means, read and draft state aside (exchange.md §1.4). */
export function flagsMeantBy(properties: ReadonlyMap<string, string>): string[] {
  return [
    ...(REPLY_VERBS.includes(properties.get(PROPERTY.lastVerb) ?? '') ? ['\\Answered'] : []),
    ...(properties.get(PROPERTY.flagStatus) === '2' ? ['\\Flagged'] : []),
    ...(['1', 'true'].includes(properties.get(PROPERTY.imapDeleted) ?? '') ? ['\\Deleted'] : []),
  ];
}

/** `2014-03-01T10:11:12Z`; null for no date. */
export function timeText(date: Date): string | null {
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace(/\.\d+Z$/, 'Z');
}

export function hasAttachment(raw: Buffer): boolean {
  return /^multipart\/mixed/i.test(fieldValues(raw, 'Content-Type')[0] ?? '');
}
