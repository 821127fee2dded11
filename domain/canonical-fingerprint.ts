import { replaceNul, sha256Hex } from './fingerprint.ts';
import { decodeCharset } from './mime/charsets.ts';
import { parseMailDate } from './mime/date.ts';
import { decodeWords } from './mime/encoded-words.ts';
import { findField, readValue } from './mime/fields.ts';
import { fileNameOf } from './mime/file-name.ts';
import { withCrlf, withoutLastCrs } from './mime/lines.ts';
import { afterMboxLines } from './mime/mbox-line.ts';
import { findParameter, readParameters } from './mime/parameters.ts';
import { type BodySegment, type HeaderSegment, segmentsOf } from './mime/structure.ts';
import { decodeBase64, decodeQuotedPrintable } from './mime/transfer-encoding.ts';

/** A field is encoded up to 1 MiB only, and does not grow to eight times that; what is longer than any such field counts as its bytes. */
const MAX_DECODED = 8 << 20;
const ADDRESS_FIELDS = ['from', 'to', 'cc'] as const;

/**
 * What tells that two messages say the same, though their bytes differ: SHA-256, lower-case hex, over what Exchange keeps when it
 * takes a message apart. That is, of the message and of each message attached to it, From, To, Cc, Subject, Message-ID (decoded, white
 * space evened out) and the instant of Date; text as characters, without blanks at the ends of lines; and of every attachment its name and the
 * digest of its content, in order.
 *
 * A message and its {@link repairMessage} have the same one. Takes time and memory in proportion to the bytes.
 */
export function canonicalFingerprintOf(raw: Buffer): string {
  return fingerprintOver(raw, MESSAGE_ID_TOO);
}

/**
 * As {@link canonicalFingerprintOf}, without Message-ID, which some targets write anew (T36): enough to know a copy again among the
 * few that can be it, not to tell two mails apart.
 */
export function contentFingerprintOf(raw: Buffer): string {
  return fingerprintOver(raw, 'content only');
}

/**
 * As {@link contentFingerprintOf}, without Date and From too: for a message that has none of its own, and is given one by a target that
 * has none without (T31).
 */
export function textFingerprintOf(raw: Buffer): string {
  return fingerprintOver(raw, 'text only');
}

const MESSAGE_ID_TOO = 'Message-ID too';
type Extent = typeof MESSAGE_ID_TOO | 'content only' | 'text only';

function fingerprintOver(raw: Buffer, extent: Extent): string {
  const message = withoutLastCrs(replaceNul(raw.subarray(afterMboxLines(raw))));
  const marks: string[][] = [];
  for (const segment of segmentsOf(message)) {
    if (segment.kind === 'header' && segment.ofMessage) marks.push(headerMarks(message, segment, extent));
    if (segment.kind === 'body') marks.push(bodyMarks(message, segment));
  }
  return sha256Hex(JSON.stringify(marks.filter((mark) => mark.length > 0)));
}

function headerMarks(message: Buffer, { fields }: HeaderSegment, extent: Extent): string[] {
  const read = (name: string) => {
    const field = findField(fields, name);
    const value = field === undefined ? '' : readValue(message, field);
    return value.length > MAX_DECODED ? sha256Hex(value) : decodeWords(value);
  };
  // Quotes, backslashes and blanks around names are spelling, and each program has its own.
  const isDated = extent !== 'text only';
  const addresses = ADDRESS_FIELDS.filter((name) => isDated || name !== 'from').map((name) =>
    read(name).replace(/["\\\s]+/g, ''),
  );
  const date = isDated ? read('date') : '';
  const sent = String(parseMailDate(date) ?? evenOut(date));
  const id = extent === MESSAGE_ID_TOO ? [read('message-id').replace(/\s+/g, '')] : [];
  const values = [...addresses, evenOut(read('subject')), sent, ...id];
  return values.every((value) => value === '') ? [] : ['message', ...values];
}

/** Empty for a text of nothing but blanks: programs add and drop such parts. */
function bodyMarks(message: Buffer, { header, start, end }: BodySegment): string[] {
  const content = decodeBody(message.subarray(start, end), header.encoding);
  const field = (name: string) => {
    const found = findField(header.fields, name);
    return found === undefined ? '' : readValue(message, found);
  };
  const name = fileNameOf(field('content-disposition'), field('content-type'));
  const attached = name !== null || readParameters(field('content-disposition')).value === 'attachment';
  if (attached || !header.type.value.startsWith('text/'))
    return ['attachment', evenOut(name ?? ''), sha256Hex(content)];
  const text = evenOutLines(decodeCharset(content, findParameter(header.type, 'charset')));
  return text === '' ? [] : ['text', sha256Hex(text)];
}

function decodeBody(body: Buffer, encoding: string): Buffer {
  if (encoding === 'base64') return decodeBase64(body);
  return encoding === 'quoted-printable' ? decodeQuotedPrintable(body) : withCrlf(body);
}

function evenOut(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function evenOutLines(text: string): string {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trimEnd());
  while (lines.at(-1) === '') lines.pop();
  return lines.join('\n');
}
