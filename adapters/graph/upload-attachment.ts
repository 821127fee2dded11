import { MigrationError } from '../../domain/errors.ts';
import { messagePath } from './copies.ts';
import type { JsonAttachment } from './json-message.ts';
import { mailError } from './mail-errors.ts';
import { type Json, jsonOf, type MailboxCalls, objectOf } from './mailbox-calls.ts';
import type { Happened } from './outcome.ts';
import { textOf } from './rows.ts';

/** At most 4 MB each, in order (exchange.md §1.6); a multiple of 320 KiB as Microsoft's other sessions want it. */
const RANGE_BYTES = 3_932_160;
/** So often a range may be asked for again: each time the server says from where. */
const MAX_SETBACKS = 5;
/** "3 MB", in which either kind of megabyte may be meant: what lies between them is taken by one way or by the other. */
const MIN_SESSION_BYTES = 3 * 1_048_576;

/**
 * A large attachment by an upload session (exchange.md §1.6). A range whose answer was lost is not sent blindly again: the session says
 * which one it expects next. A session that has gone leaves nothing behind.
 * @returns false where the target finds it too small for a session: nothing has happened
 * @throws as MailTarget.append, of the staged message
 */
export async function uploadAttachment(
  calls: MailboxCalls,
  messageId: string,
  attachment: JsonAttachment,
): Promise<boolean> {
  const content = attachment.content();
  const url = await openSession(calls, messageId, attachment, content.length);
  if (url === null) return false;
  for (let offset = 0, setbacks = 0; offset < content.length; ) {
    const range = { content: content.subarray(offset, offset + RANGE_BYTES), offset, sizeBytes: content.length };
    const outcome = await calls.callSession({ name: 'upload attachment', url, range });
    if (outcome.did === 'happen') {
      if (outcome.status === 201) return true;
      offset = nextOffset(outcome, offset + range.content.length);
      continue;
    }
    setbacks += 1;
    const error = mailError({ name: 'upload attachment', effect: true }, outcome, 'staged');
    if (setbacks > MAX_SETBACKS || outcome.status === 404 || outcome.status === 413) throw error;
    await calls.pause(outcome.retryAfterMs ?? 500 * setbacks);
    const state = await calls.callSession({ name: 'get upload session', url, range: null });
    // Gone: done, or lost. The attachments of the message tell which, at the next attempt.
    if (state.did !== 'happen') throw error;
    offset = nextOffset(state, offset);
  }
  throw new MigrationError('CONNECTION_LOST', 'All of an attachment was uploaded and it is not there.');
}

async function openSession(
  calls: MailboxCalls,
  messageId: string,
  { name, contentType, isInline, contentId }: JsonAttachment,
  sizeBytes: number,
): Promise<string | null> {
  const item: Json = {
    attachmentType: 'file',
    name,
    size: sizeBytes,
    contentType,
    isInline,
    ...(contentId !== null && { contentId }),
  };
  const call = {
    name: 'open upload session',
    path: `${messagePath(messageId)}/attachments/createUploadSession`,
    body: { AttachmentItem: item },
  };
  const outcome = await calls.attempt('POST', call);
  if (outcome.did === 'not happen' && outcome.status === 400 && sizeBytes < MIN_SESSION_BYTES) return null;
  if (outcome.did !== 'happen') throw mailError({ name: call.name, effect: true }, outcome, 'staged');
  const url = textOf(jsonOf(call, outcome), 'uploadUrl');
  if (url === null) throw new MigrationError('CONNECTION_LOST', 'The target gives no address for an upload.');
  return url;
}

/** `nextExpectedRanges`: `["4194304-"]`, or `["4194304-9437183"]`. */
function nextOffset({ content }: Happened, otherwise: number): number {
  let answer: unknown = null;
  try {
    answer = JSON.parse(content.toString());
  } catch {
    return otherwise;
  }
  const ranges = objectOf(answer)['nextExpectedRanges'];
  const first: unknown = Array.isArray(ranges) ? ranges[0] : undefined;
  const start = typeof first === 'string' ? Number.parseInt(first, 10) : Number.NaN;
  return Number.isSafeInteger(start) && start >= 0 ? start : otherwise;
}
