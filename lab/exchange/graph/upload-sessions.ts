import { randomBytes } from 'node:crypto';
import { type Front, type HttpAnswer, type HttpCall, jsonOf } from '../front.ts';
import type { Attachment } from '../mail/content.ts';
import { graphRefusal } from '../refusal.ts';
import { attachmentId } from './attachment-view.ts';
import { contentFor, getMessage, idOf, type MailCall, uploadBytesOf } from './mailbox.ts';
import { MAX_PLAIN_ATTACHMENT } from './message-body.ts';
import type { Throttle } from './throttle.ts';
import { checkSensitive, rewrite } from './update-message.ts';

const MAX_RANGE = 4 * 1024 * 1024;
const MAX_SIZE = 150 * 1024 * 1024;
/** A guess: the documentation says only that there is an end. */
const LIFE_MS = 60 * 60_000;
const PATH = 'attachment-upload';

interface Session {
  readonly call: MailCall;
  readonly messageId: string;
  readonly attachment: Omit<Attachment, 'bytes'>;
  readonly size: number;
  readonly endsAtMs: number;
  readonly ranges: Buffer[];
  received: number;
}

/** Attachments of 3 to 150 MB come in ranges, to an address that needs no token and takes none (exchange.md §1.6). */
export class UploadSessions {
  readonly #sessions = new Map<string, Session>();
  readonly #throttle: Throttle;

  constructor(throttle: Throttle) {
    this.#throttle = throttle;
  }

  /** `POST messages/{id}/attachments/createUploadSession` */
  create(call: MailCall): HttpAnswer {
    const located = getMessage(call, call.ids[0] ?? '');
    checkSensitive(call, located, 'attachments');
    const item = (jsonOf(call) as { AttachmentItem?: unknown } | null)?.AttachmentItem ?? {};
    const { attachmentType, name, size, contentType, isInline, contentId } = item as Record<string, unknown>;
    if (attachmentType !== 'file' || typeof name !== 'string' || !Number.isSafeInteger(size)) {
      throw graphRefusal(400, 'RequestBodyRead', 'The AttachmentItem needs attachmentType, name and size.');
    }
    const bytes = Number(size);
    if (bytes < MAX_PLAIN_ATTACHMENT) {
      const message = `Attachment size must be greater than the minimum size ${MAX_PLAIN_ATTACHMENT}.`;
      throw graphRefusal(400, 'ErrorAttachmentSizeShouldNotBeLessThanMinimumSize', message);
    }
    if (bytes > MAX_SIZE) throw graphRefusal(413, 'ErrorAttachmentSizeLimitExceeded', 'The attachment is over 150 MB.');
    const token = randomBytes(24).toString('base64url');
    const session: Session = {
      call,
      messageId: idOf({ ...call, immutable: true }, located),
      attachment: {
        name,
        contentType: typeof contentType === 'string' ? contentType : 'application/octet-stream',
        isInline: isInline === true,
        contentId: typeof contentId === 'string' ? contentId : null,
      },
      size: bytes,
      endsAtMs: call.world.now() + LIFE_MS,
      ranges: [],
      received: 0,
    };
    this.#sessions.set(token, session);
    return { status: 201, body: { uploadUrl: `${call.origin}/${PATH}/${token}`, ...progressOf(session) } };
  }

  /** The address of the sessions themselves. */
  get front(): Front {
    return {
      takes: ({ segments }) => segments[0] === PATH,
      maxBodyBytes: MAX_RANGE,
      nameOf: ({ method }) => `${method} /${PATH}/{id}`,
      answer: (call) => this.#answer(call),
    };
  }

  async #answer(call: HttpCall): Promise<HttpAnswer> {
    if (call.headers['authorization'] !== undefined) {
      throw graphRefusal(401, 'Unauthorized', 'An upload session takes no Authorization header.');
    }
    const token = call.segments[1] ?? '';
    const session = this.#sessions.get(token);
    if (session === undefined || session.endsAtMs <= session.call.world.now()) {
      throw graphRefusal(404, 'ErrorItemNotFound', 'The upload session was not found.');
    }
    if (call.method === 'GET') return { status: 200, body: progressOf(session) };
    if (call.method === 'DELETE') {
      this.#sessions.delete(token);
      return { status: 204, body: null };
    }
    if (call.method !== 'PUT') throw graphRefusal(405, 'BadRequest', 'An upload session is written by PUT.');
    const { caller, address } = session.call;
    const leave = this.#throttle.enter(caller.application.clientId, address, uploadBytesOf(call));
    try {
      takeRange(session, call);
      if (session.received < session.size) return { status: 200, body: progressOf(session) };
      this.#sessions.delete(token);
      return await attach(session);
    } finally {
      leave();
    }
  }
}

/** @throws Refusal 400 without a whole Content-Range, 416 out of order: also for a range that is here already */
function takeRange(session: Session, { headers, body }: HttpCall): void {
  const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '') ?? [];
  if (size === undefined || Number(size) !== session.size || Number(last) - Number(first) + 1 !== body.length) {
    throw graphRefusal(400, 'ErrorInvalidRequest', 'The Content-Range header does not fit the session or the body.');
  }
  if (Number(first) !== session.received || Number(last) >= session.size) {
    throw graphRefusal(416, 'InvalidRange', 'The range is not the one that is expected next.');
  }
  session.ranges.push(body);
  session.received += body.length;
}

async function attach({ call, messageId, attachment, ranges }: Session): Promise<HttpAnswer> {
  const located = getMessage(call, messageId);
  const { attachments } = await contentFor(call.world, located.message);
  const changed = await rewrite(call, located, {
    attachments: [...attachments, { ...attachment, bytes: Buffer.concat(ranges) }],
  });
  changed.item.changeKey = call.world.items.nextChangeKey();
  const path = `messages/${encodeURIComponent(idOf(call, changed))}/attachments/${attachmentId(changed, attachments.length)}`;
  return { status: 201, headers: { location: `${call.origin}/${call.version}${call.userPath}/${path}` }, body: null };
}

function progressOf({ received, endsAtMs }: Session): object {
  return { expirationDateTime: new Date(endsAtMs).toISOString(), nextExpectedRanges: [`${received}-`] };
}
