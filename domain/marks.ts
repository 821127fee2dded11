import { contentFingerprintOf } from './canonical-fingerprint.ts';
import { fingerprintOf, sha256Hex } from './fingerprint.ts';
import { isSealed, jsonFormOf } from './json-form.ts';
import { readMailboxes } from './mime/addresses.ts';
import { decodeCharset } from './mime/charsets.ts';
import { parseMailDate } from './mime/date.ts';
import { decodeWords } from './mime/encoded-words.ts';
import { findParameter } from './mime/parameters.ts';
import { nameOfPart, type Part, partsOf, readField, readPart } from './mime/parts.ts';
import type { Fidelity } from './routes.ts';

/**
 * By which a copy is known at its target, as the ledger has it: of a target that gives back the very bytes {@link fingerprintOf};
 * of another one `content:` and a fingerprint of the message's parts, and behind a slash one of its whole content where the target keeps
 * that. Parts are what every route carries, so a copy that one route brought is known again by another.
 */
export function markOf(raw: Buffer, fidelity: Fidelity): string {
  if (fidelity === 'bytes') return fingerprintOf(raw);
  const parts = `${PREFIX}${partsFingerprintOf(raw)}`;
  return fidelity === 'parts' ? parts : `${parts}/${contentFingerprintOf(raw).slice(0, DIGITS)}`;
}

/**
 * The mark of a message that was read at a target of this fidelity, of the same kind as the one that a copy should have.
 * @returns null where the target gives back too little to tell
 */
export function markLike(raw: Buffer, fidelity: Fidelity, wanted: string): string | null {
  if (!isContentMark(wanted)) return fidelity === 'bytes' ? fingerprintOf(raw) : null;
  return markOf(raw, fidelity === 'parts' ? 'parts' : 'content');
}

/** Whether a target of this fidelity gives back enough to know such a copy again. */
export function isReadable(mark: string, fidelity: Fidelity): boolean {
  return fidelity === 'bytes' || isContentMark(mark);
}

export function isContentMark(mark: string): boolean {
  return mark.startsWith(PREFIX);
}

/** What two marks of one kind have to share: by it they are sorted. */
export function keyOfMark(mark: string): string {
  return isContentMark(mark) ? mark.split('/', 1).join() : mark;
}

/** Two marks say the same, as far as both tell. */
export function isSameMark(one: string, other: string): boolean {
  if (keyOfMark(one) !== keyOfMark(other)) return false;
  const [whole, otherWhole] = [one.split('/')[1], other.split('/')[1]];
  return whole === undefined || otherWhole === undefined || whole === otherWhole;
}

const PREFIX = 'content:';
/** Of SHA-256; 128 bits tell the messages of a mailbox apart, and a row of the ledger stays as long as it was. */
const DIGITS = 32;

/**
 * Over what is left of a message in its JSON form: addresses without names, which Exchange takes from its own list; subject; the
 * instant of Date; the text; names and contents of attachments, in whatever order. What is signed or encrypted counts as a whole.
 */
function partsFingerprintOf(raw: Buffer): string {
  if (isSealed(raw)) return contentFingerprintOf(raw).slice(0, DIGITS);
  const form = jsonFormOf(raw).raw;
  const { header, leaves } = partsOf(form);
  const [body, ...attached] = leaves;
  if (header === null || body === undefined) return sha256Hex(form).slice(0, DIGITS);
  const field = (name: string) => readField(form, header, name);
  const addresses = ['from', 'to', 'cc'].map((name) =>
    readMailboxes(field(name))
      .map(({ address }) => address.toLowerCase())
      .toSorted(),
  );
  const subject = decodeWords(field('subject')).replace(/\s+/g, ' ').trim();
  const files = attached.map((part) => [nameOfPart(form, part) ?? '', sha256Hex(readPart(form, part))].join());
  const marks = [
    ...addresses,
    subject,
    parseMailDate(decodeWords(field('date'))),
    textOf(form, body),
    files.toSorted(),
  ];
  return sha256Hex(JSON.stringify(marks)).slice(0, DIGITS);
}

/** Without what a server puts around the HTML that it is given, and without blanks at the ends of lines. */
function textOf(raw: Buffer, body: Part): string {
  const text = decodeCharset(readPart(raw, body), findParameter(body.header.type, 'charset'));
  if (body.header.type.value !== 'text/html')
    return text
      .split(/\r\n|\r|\n/)
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  return text
    .replace(/<!doctype[^<>]*>|<\/?(?:html|head|body|meta)\b[^<>]*>/gi, '')
    .replace(/\s+/g, ' ')
    .trim();
}
