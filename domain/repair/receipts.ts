import { messageFields } from '../mime/message-header.ts';
import { Edits } from './edits.ts';

const ASKS = 'disposition-notification-to';

/**
 * Gives another name to the fields that ask for a read receipt (RFC 8098 §2.1): `X-Original-Disposition-Notification-To`, which nothing
 * acts on and which still says who asked. The message's own only: those of an attached message are text to a server.
 * @returns the very buffer where there is none
 */
export function disarmReceipts(raw: Buffer): Buffer {
  const edits = new Edits(raw);
  for (const { name, start } of messageFields(raw)) {
    if (name === ASKS) edits.replace(start, start, 'X-Original-');
  }
  return edits.apply();
}
