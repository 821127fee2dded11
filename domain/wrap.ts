import { fingerprintOf, sha256Hex } from './fingerprint.ts';
import { readMailboxes } from './mime/addresses.ts';
import { parseMailDate } from './mime/date.ts';
import { decodeWords, encodeWords } from './mime/encoded-words.ts';
import { type Field, findField, readValue } from './mime/fields.ts';
import { messageFields } from './mime/message-header.ts';
import { segmentsOf } from './mime/structure.ts';
import { decodeBase64, encodeBase64, encodeQuotedPrintable } from './mime/transfer-encoding.ts';

export interface WrapFacts {
  /** Becomes the stub's Date where the original has none that can be read. RFC 3339. */
  readonly receivedAt: string | null;
  /** Why the original could not be stored as it is, as a sentence for its reader. */
  readonly reason: string;
}

/** Holds SHA-256 of the original, by which {@link unwrapMessage} knows that it gives back the very bytes. */
const MARK = 'x-mailferry-original';
const DOMAIN = 'mailferry.invalid';
const MAX_SUBJECT = 500;
const MAX_RECIPIENTS = 100;
/** Nobody should be made to ask for a receipt, or be answered, because mail was moved; so fields are built, and none is copied. */
const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd]/;

/**
 * A message that any server takes, with the original attached byte for byte as `original.eml`. It is application/octet-stream in
 * base64, since message/rfc822 must not be encoded (RFC 2046 §5.2.1) and the original could not go as it is. Sender, recipients,
 * subject and date are the original's as far as they can be read. The same input gives the same bytes.
 */
export function wrapMessage(raw: Buffer, facts: WrapFacts): Buffer {
  const boundary = `mailferry-${sha256Hex(raw).slice(0, 32)}`;
  const head = [
    ...frameOf(raw, facts),
    `Message-ID: <wrapped.${fingerprintOf(raw)}@${DOMAIN}>`,
    `X-Mailferry-Original: sha256=${sha256Hex(raw)}`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    encodeQuotedPrintable(Buffer.from(noteOf(facts.reason))).toString('latin1'),
    `--${boundary}`,
    'Content-Type: application/octet-stream; name="original.eml"',
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: attachment; filename="original.eml"',
    '',
    '',
  ];
  return Buffer.concat([
    Buffer.from(head.join('\r\n'), 'latin1'),
    encodeBase64(raw),
    Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1'),
  ]);
}

/** The original of a stub of {@link wrapMessage}, byte for byte; null where this is none, or no longer whole. */
export function unwrapMessage(raw: Buffer): Buffer | null {
  const field = findField(messageFields(raw), MARK);
  const digest = field === undefined ? null : /^sha256=([0-9a-f]{64})$/.exec(readValue(raw, field))?.[1];
  if (digest == null) return null;
  for (const segment of segmentsOf(raw)) {
    if (segment.kind !== 'body' || segment.header.encoding !== 'base64') continue;
    const original = decodeBase64(raw.subarray(segment.start, segment.end));
    if (sha256Hex(original) === digest) return original;
  }
  return digest === sha256Hex('') ? Buffer.alloc(0) : null; // an empty body is no segment
}

function noteOf(reason: string): string {
  const lines = [
    'This message could not be stored in your new mailbox in its original form.',
    reason,
    'It is attached, complete and unchanged, as original.eml. Open the attachment to read it.',
    '',
  ];
  return lines.map((line) => line.replace(/[\r\n]+/g, ' ')).join('\r\n');
}

function frameOf(raw: Buffer, facts: WrapFacts): string[] {
  const fields = messageFields(raw);
  const from = recipients(raw, findField(fields, 'from')).slice(0, 1);
  const to = recipients(raw, findField(fields, 'to'));
  const date = dateOf(raw, findField(fields, 'date'), facts.receivedAt);
  return [
    `From: ${from[0] ?? `unknown-sender@${DOMAIN}`}`,
    `To: ${to.length === 0 ? 'undisclosed-recipients:;' : to.join(',\r\n ')}`,
    `Subject: ${subjectOf(raw, findField(fields, 'subject'))}`,
    ...(date === null ? [] : [`Date: ${date}`]),
  ];
}

function recipients(raw: Buffer, field: Field | undefined): string[] {
  if (field === undefined) return [];
  return readMailboxes(readValue(raw, field))
    .slice(0, MAX_RECIPIENTS)
    .map(({ name, address }) => {
      const text = decodeWords(name);
      return text === '' || text.length > MAX_SUBJECT || CONTROL.test(text) ? address : `${encoded(text)} <${address}>`;
    });
}

function subjectOf(raw: Buffer, field: Field | undefined): string {
  const text = field === undefined ? '' : decodeWords(readValue(raw, field)).replace(/\s+/g, ' ').trim();
  if (text === '' || CONTROL.test(text)) return '(original message attached)';
  return encoded(text.slice(0, MAX_SUBJECT).toWellFormed());
}

/** Plain where it is short ASCII that no reader could take for anything else. */
function encoded(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9 !'*+/?-]{0,60}$/.test(text) && !text.includes('=?')) return text.trimEnd();
  return encodeWords(Buffer.from(text, 'utf8').toString('latin1'), 'utf-8');
}

/** As it was written, with its zone, where it can be read. */
function dateOf(raw: Buffer, field: Field | undefined, receivedAt: string | null): string | null {
  const written = field === undefined ? '' : readValue(raw, field);
  if (/^[A-Za-z0-9,:+ -]{10,60}$/.test(written) && parseMailDate(written) !== null) return written;
  const received = parseMailDate(receivedAt ?? '');
  return received === null ? null : new Date(received).toUTCString().replace('GMT', '+0000');
}

/** Whether a message says of itself that it is a stub of ours; {@link unwrapMessage} looks whether it is whole. */
export function isStub(raw: Buffer): boolean {
  return /^X-Mailferry-Original: sha256=/m.test(raw.toString('latin1', 0, 16_384));
}
