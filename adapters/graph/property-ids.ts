/**
 * MAPI properties by the names that Graph has for them (singleValueLegacyExtendedProperty; exchange.md §1.3, §1.4). Graph answers with
 * a spelling of its own (`Integer 0xe23`), so what comes back is compared by {@link samePropertyId}.
 */

/** Property set of our own named properties, and the name under which a copy bears its key (Message.key). Names are case-sensitive. */
export const KEY_GUID = 'd1c2a6f0-7b1e-4f43-9a3c-6d61696c6672';
export const KEY_NAME = 'mailferry-key';

export const PROPERTY = {
  key: `String {${KEY_GUID}} Name ${KEY_NAME}`,
  /** Digest of what a staged message was made of, so that only the very same is taken up again. */
  form: `String {${KEY_GUID}} Name mailferry-form`,
  /** PidTagMessageFlags: 0x1 read, 0x8 draft; only the create call can set it. */
  messageFlags: 'Integer 0x0E07',
  /** PidTagMessageDeliveryTime: INTERNALDATE. */
  received: 'SystemTime 0x0E06',
  /** PidTagClientSubmitTime: `Date:`. */
  sent: 'SystemTime 0x0039',
  /** PidTagTransportMessageHeaders: the header as it came. */
  headers: 'String 0x007D',
  /** PidTagMessageClass. */
  messageClass: 'String 0x001A',
  /** PidTagIconIndex. */
  icon: 'Integer 0x1080',
  /** PidTagLastVerbExecuted. */
  lastVerb: 'Integer 0x1081',
  /** PidLidImapDeleted: IMAP's `\\Deleted`. */
  imapDeleted: 'Integer {00062008-0000-0000-C000-000000000046} Id 0x8570',
  /** PidTagMessageSize. */
  sizeBytes: 'Integer 0x0E08',
  /** PidTagInternetArticleNumber: the UID of IMAP. */
  uid: 'Integer 0x0E23',
  /** PidTagInternetArticleNumberNext of a folder: UIDNEXT of IMAP. */
  uidNext: 'Integer 0x6751',
} as const;

/** Whether Graph means by `answered` what we asked for by `asked`: numbers of properties come back in lower case without zeros. */
export function samePropertyId(answered: string, asked: string): boolean {
  return normal(answered) === normal(asked);
}

function normal(id: string): string {
  const tag = /^(\w+) 0x0*([0-9a-f]+)$/i.exec(id);
  // The GUID and the type have no case; the name has.
  if (tag !== null) return `${tag[1]} 0x${tag[2]}`.toLowerCase();
  const numbered = /^(\w+) (\{[0-9a-f-]+\}) Id 0x0*([0-9a-f]+)$/i.exec(id);
  if (numbered !== null) return `${numbered[1]} ${numbered[2]} id 0x${numbered[3]}`.toLowerCase();
  const named = /^(\w+ \{[0-9a-f-]+\} Name) (.*)$/i.exec(id);
  return named === null ? id : `${named[1]?.toLowerCase()} ${named[2]}`;
}
