import { decodeCharset } from './mime/charsets.ts';
import { encodeWords } from './mime/encoded-words.ts';
import { withCrlf } from './mime/lines.ts';
import { findParameter } from './mime/parameters.ts';
import { dispositionOf, nameOfPart, type Part, partsOf, readField, readPart } from './mime/parts.ts';
import { type HeaderSegment, SEALED_TYPES } from './mime/structure.ts';
import { encodeBase64 } from './mime/transfer-encoding.ts';

export interface JsonForm {
  readonly raw: Buffer;
  /** What of the message is not in it, a sentence each, for the report; empty where its reader misses nothing. */
  readonly lost: readonly string[];
}

/**
 * A message in the shape that a JSON creation can carry (exchange.md §1.3): its header, one body (HTML where there is one, else text)
 * in UTF-8, and every other part as an attachment with name, type, Content-ID and whether it is shown inline. An attached message is
 * a file `.eml` of the same bytes. Twice is the same as once.
 *
 * What is signed or encrypted ({@link isSealed}) would not verify, or not be read, any more: whether that may be is for the caller.
 */
export function jsonFormOf(raw: Buffer): JsonForm {
  return new Flattening(raw).run();
}

/** Signed or encrypted for its reader, other than in a message that is attached: S/MIME, PGP/MIME. */
export function isSealed(raw: Buffer): boolean {
  const { multiparts, leaves } = partsOf(raw);
  return [...multiparts, ...leaves.map(({ header }) => header)].some(({ type }) => isSealing(type.value));
}

function isSealing(type: string): boolean {
  return type === 'multipart/signed' || SEALED_TYPES.includes(type);
}

/** In no body, as all of them are base64. */
const BOUNDARY = 'mailferry-json-form';

class Flattening {
  readonly #raw: Buffer;
  readonly #lost = new Set<string>();

  constructor(raw: Buffer) {
    this.#raw = raw;
  }

  run(): JsonForm {
    const { header, multiparts, leaves } = partsOf(this.#raw);
    if (header === null) return { raw: this.#raw, lost: [] };
    const body = this.#findBody(leaves);
    const dropped = leaves.filter((part) => part !== body && this.#isOtherForm(part, body));
    const attached = leaves.filter((part) => part !== body && !dropped.includes(part) && !this.#isBlank(part));
    if (leaves.some(isUndivided)) this.#lost.add(WAS.undivided);
    for (const { header: part } of dropped) this.#lost.add(LEFT_OUT(part.type.value));
    for (const { type } of multiparts) {
      if (type.value === 'multipart/report') this.#lost.add(WAS.report);
      if (isSealing(type.value)) this.#lost.add(WAS.sealed);
    }
    for (const part of attached) this.#tell(part);
    return { raw: this.#write(header, body, attached), lost: [...this.#lost] };
  }

  /** The first text, and of an alternative its HTML. */
  #findBody(leaves: readonly Part[]): Part | null {
    const texts = leaves.filter((part) => this.#isText(part));
    const [first = null] = texts;
    const alternative = first && alternativeOf(first);
    if (first === null || alternative == null) return first;
    return texts.find((part) => isHtml(part) && part.within.includes(alternative)) ?? first;
  }

  #isText(part: Part): boolean {
    const isShown = dispositionOf(this.#raw, part).value !== 'attachment' && nameOfPart(this.#raw, part) === null;
    return isShown && (['text/plain', 'text/html'].includes(part.header.type.value) || isUndivided(part));
  }

  /** Another form of the body, which says the same. An invitation is none. */
  #isOtherForm(part: Part, body: Part | null): boolean {
    const alternative = body && alternativeOf(body);
    if (alternative == null || !part.within.includes(alternative)) return false;
    if (part.within.at(-1) !== alternative && !this.#isText(part)) return false; // a picture of the HTML
    const { value } = part.header.type;
    return value.startsWith('text/') && value !== 'text/calendar' && nameOfPart(this.#raw, part) === null;
  }

  /** A text of nothing but blanks: programs add such parts. */
  #isBlank(part: Part): boolean {
    return this.#isText(part) && readPart(this.#raw, part).toString('latin1').trim() === '';
  }

  #tell(part: Part): void {
    const { value } = part.header.type;
    if (value === 'message/rfc822') this.#lost.add(WAS.message);
    else if (value === 'text/calendar') this.#lost.add(WAS.calendar);
    else if (isSealing(value)) this.#lost.add(WAS.sealed);
    else if (this.#isText(part)) this.#lost.add(WAS.text);
  }

  #write(header: HeaderSegment, body: Part | null, attached: readonly Part[]): Buffer {
    const kept = header.fields.filter(
      ({ name }) => name !== '' && name !== 'mime-version' && !name.startsWith('content-'),
    );
    const head = kept.map(({ start, end }) => endLine(withCrlf(this.#raw.subarray(start, end))));
    const text = this.#writeBody(body);
    const mime = 'MIME-Version: 1.0\r\n';
    const boundary = `${BOUNDARY}-${attached.length}`;
    const open = `Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n`;
    const parts = [text, ...attached.map((part, at) => this.#writeAttachment(part, at + 1))];
    const bodies = parts.flatMap((part) => [latin(`--${boundary}\r\n`), part, latin('\r\n')]);
    return Buffer.concat([...head, latin(mime + open), ...bodies, latin(`--${boundary}--\r\n`)]);
  }

  #writeBody(body: Part | null): Buffer {
    const type = body !== null && isHtml(body) ? 'text/html' : 'text/plain';
    const charset = body === null ? null : findParameter(body.header.type, 'charset');
    const text = body === null ? '' : decodeCharset(readPart(this.#raw, body), charset);
    const head = `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n`;
    return Buffer.concat([latin(head), encodeBase64(Buffer.from(text, 'utf8'))]);
  }

  #writeAttachment(part: Part, number: number): Buffer {
    const name = encodeWords(Buffer.from(this.#nameOf(part, number), 'utf8').toString('latin1'), 'utf-8');
    const id = readField(this.#raw, part.header, 'content-id');
    const isInline = dispositionOf(this.#raw, part).value === 'inline' || id !== '';
    const head = [
      `Content-Type: ${typeOf(part)}`,
      'Content-Transfer-Encoding: base64',
      `Content-Disposition: ${isInline ? 'inline' : 'attachment'};\r\n filename="${name.replace(/\r\n/g, '')}"`,
      ...(/^<[\x21-\x7e]+>$/.test(id) ? [`Content-ID: ${id}`] : []),
    ];
    return Buffer.concat([latin(`${head.join('\r\n')}\r\n\r\n`), encodeBase64(readPart(this.#raw, part))]);
  }

  /** As it is called, or by its kind and place, as Exchange takes no attachment without a name. */
  #nameOf(part: Part, number: number): string {
    const { value } = part.header.type;
    const isMessage = value === 'message/rfc822';
    const given = nameOfPart(this.#raw, part)?.replace(/\s+/g, ' ').trim() ?? '';
    if (given !== '') return isMessage && !/\.eml$/i.test(given) ? `${given}.eml` : given;
    return NAMES[value] ?? `${value.split('/')[0] ?? 'part'}-${number}.${extensionOf(value)}`;
  }
}

const WAS = {
  message: 'A message that was attached to it is a file (.eml) now, with the same bytes.',
  calendar: 'The invitation in it is attached as a file (.ics): it cannot be answered from the calendar.',
  report: 'It was a report of delivery or reading; as an ordinary message it has its parts for programs attached.',
  sealed:
    'It was signed or encrypted: its signature does not verify any more, or it cannot be read without its attachment.',
  text: 'A further text of it is attached as a file.',
  undivided: 'It says that it has several parts and not where they begin, so they are one text.',
} as const;

function LEFT_OUT(type: string): string {
  return type === 'text/plain'
    ? 'Its plain text, which says what the HTML says, was left out.'
    : `Another form of its text (${type.replace(/[^a-z0-9./+-]/g, '?')}) was left out.`;
}

/** Of parts that seldom have one. */
const NAMES: Readonly<Record<string, string>> = {
  'text/calendar': 'invite.ics',
  'message/delivery-status': 'delivery-status.txt',
  'message/disposition-notification': 'disposition-notification.txt',
  'text/rfc822-headers': 'headers.txt',
};

function extensionOf(type: string): string {
  if (type === 'message/rfc822') return 'eml';
  if (type === 'text/plain') return 'txt';
  const subtype = type.split('/')[1] ?? '';
  return /^[a-z0-9]{1,8}$/.test(subtype) && subtype !== 'octet' ? subtype : 'bin';
}

/** The innermost one around it. */
function alternativeOf({ within }: Part): HeaderSegment | null {
  return within.findLast(({ type }) => type.value === 'multipart/alternative') ?? null;
}

/** A multipart without a boundary that can be found: people read it as the text that it is. */
function isUndivided({ header }: Part): boolean {
  const { value } = header.type;
  return value.startsWith('multipart/') && !isSealing(value);
}

function isHtml({ header }: Part): boolean {
  return header.type.value === 'text/html';
}

/** A message as a file is no message/rfc822, which may not be encoded (RFC 2046 §5.2.1). */
function typeOf({ header }: Part): string {
  const { value } = header.type;
  const charset = findParameter(header.type, 'charset');
  if (value === 'message/rfc822' || value.startsWith('multipart/') || !/^[a-z0-9.+-]+\/[a-z0-9.+-]+$/.test(value))
    return 'application/octet-stream';
  return charset !== null && /^[\w.:-]{1,40}$/.test(charset) ? `${value}; charset=${charset}` : value;
}

function endLine(field: Buffer): Buffer {
  return field.at(-1) === 0x0a ? field : Buffer.concat([field, latin('\r\n')]);
}

function latin(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
