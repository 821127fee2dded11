import { parseMailDate } from './mime/date.ts';
import { findField, readValue } from './mime/fields.ts';
import { messageFields } from './mime/message-header.ts';

export interface ReceivedAt {
  /** RFC 3339 in UTC, whole seconds; null where the message tells nothing that can be true: take the date of the migration. */
  readonly at: string | null;
  /** Where it is from. Anything but `internaldate` belongs in the report. */
  readonly from: 'internaldate' | 'received' | 'date' | 'none';
}

const DAY_MS = 86_400_000;

/**
 * When a message was received: INTERNALDATE, else the last Received line that has a date (the topmost: each server adds its own above
 * the others, RFC 5321 §4.4), else Date. A date before 2 January 1970 is an unset clock, one more than a day after `now` a wrong
 * one; either is passed over, as is what cannot be read.
 *
 * @param internalDate RFC 3339 or as IMAP writes it; null where the server gave none.
 * @param now          RFC 3339.
 */
export function receivedAtOf(message: { internalDate: string | null; raw: Buffer; now: string }): ReceivedAt {
  const latest = Date.parse(message.now) + DAY_MS;
  const sane = (text: string) => {
    const at = parseMailDate(text);
    return at === null || at < DAY_MS || at > latest ? null : `${new Date(at).toISOString().slice(0, 19)}Z`;
  };
  const internal = sane(message.internalDate ?? '');
  if (internal !== null) return { at: internal, from: 'internaldate' };
  const fields = messageFields(message.raw);
  for (const field of fields) {
    const received = field.name === 'received' ? sane(dateOfTrace(readValue(message.raw, field))) : null;
    if (received !== null) return { at: received, from: 'received' };
  }
  const date = findField(fields, 'date');
  const written = date === undefined ? null : sane(readValue(message.raw, date));
  return written === null ? { at: null, from: 'none' } : { at: written, from: 'date' };
}

/** RFC 5322 §3.6.7: it stands after the last semicolon, but comments may follow it, with semicolons of their own. */
function dateOfTrace(value: string): string {
  let end = value.length;
  let text = '';
  for (let tries = 0; tries < 5; tries += 1) {
    const semicolon = value.lastIndexOf(';', end - 1);
    if (semicolon < 0) break;
    text = value.slice(semicolon + 1);
    if (parseMailDate(text) !== null) return text;
    end = semicolon;
  }
  return text;
}
