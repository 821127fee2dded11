import { canonicalFingerprintOf, contentFingerprintOf } from './canonical-fingerprint.ts';
import { decodeCharset } from './mime/charsets.ts';
import { messageFields } from './mime/message-header.ts';
import { findParameter } from './mime/parameters.ts';
import { segmentsOf } from './mime/structure.ts';
import { decodeBase64, decodeQuotedPrintable } from './mime/transfer-encoding.ts';
import type { TargetMessage } from './ports/mail.ts';
import type { ProbeSample } from './probe-samples.ts';
import type { Fidelity } from './routes.ts';

export interface SampleComparison {
  /** What makes the route unfit. */
  readonly faults: readonly string[];
  /** What it does to messages without being unfit for it. */
  readonly notes: readonly string[];
  readonly fidelity: Fidelity | null;
  /** Null of a sample without a signature. */
  readonly keepsSignature: boolean | null;
}

/** System flags that a person sees. */
const SHOWN_FLAGS = ['\\Seen', '\\Flagged', '\\Answered'];

/** Compares a message that a probe wrote with what is there now. */
export function compareSample(
  { message, signed }: ProbeSample,
  found: TargetMessage,
  isDraft: boolean | null,
): SampleComparison {
  const faults: string[] = [];
  const notes: string[] = [];
  if (isDraft === true || found.flags.includes('\\Draft')) faults.push('it is a draft, and nothing changes that later');
  if (isDraft === null) notes.push('whether programs show it as a draft is not told');
  const receivedMs = found.internalDate === null ? Number.NaN : Date.parse(found.internalDate);
  if (Math.floor(receivedMs / 1_000) * 1_000 !== Date.parse(message.receivedAt)) {
    faults.push(`received date: asked for ${message.receivedAt}, found ${found.internalDate ?? 'none'}`);
  }
  const [asked, has] = [shown(message.flags), shown(found.flags)];
  if (asked !== has) faults.push(`flags: asked for ${asked}, found ${has}`);
  const lost = lostFields(message.raw, found.raw);
  if (lost.length > 0) notes.push(`header fields that are gone: ${lost.join(', ')}`);
  const keepsSignature = signed === null ? null : found.raw.includes(signed);
  if (keepsSignature === false) notes.push('the bytes under its signature are others: the signature is broken');
  return { faults, notes, fidelity: fidelityOf(message.raw, found.raw), keepsSignature };
}

function shown(flags: readonly string[]): string {
  const both = SHOWN_FLAGS.filter((flag) => flags.some((each) => each.toLowerCase() === flag.toLowerCase()));
  return both.length === 0 ? 'none' : both.join(' ');
}

function lostFields(sent: Buffer, found: Buffer): string[] {
  const names = new Set(messageFields(found).map(({ name }) => name));
  return [...new Set(messageFields(sent).map(({ name }) => name))].filter((name) => name !== '' && !names.has(name));
}

function fidelityOf(sent: Buffer, found: Buffer): Fidelity | null {
  if (sent.equals(found)) return 'bytes';
  if (canonicalFingerprintOf(sent) === canonicalFingerprintOf(found)) return 'content';
  if (contentFingerprintOf(sent) === contentFingerprintOf(found)) return 'content';
  return keepsParts(sent, found) ? 'parts' : null;
}

/** One text of the original and every attachment are there, in whatever structure: all that a JSON message can hold. */
function keepsParts(sent: Buffer, found: Buffer): boolean {
  const [before, after] = [leavesOf(sent), leavesOf(found)];
  const texts = after.texts.join('\n');
  const keepsText = before.texts.some((text) => texts.includes(text));
  return keepsText && before.attachments.every((one) => after.attachments.some((other) => other.equals(one)));
}

/** Text without tags and white space, so that plain text and the HTML that a server makes of it can be compared. */
function leavesOf(raw: Buffer): { readonly texts: readonly string[]; readonly attachments: readonly Buffer[] } {
  const texts: string[] = [];
  const attachments: Buffer[] = [];
  for (const segment of segmentsOf(raw)) {
    if (segment.kind !== 'body') continue;
    const { type, encoding } = segment.header;
    const bytes = raw.subarray(segment.start, segment.end);
    const content =
      encoding === 'base64'
        ? decodeBase64(bytes)
        : encoding === 'quoted-printable'
          ? decodeQuotedPrintable(bytes)
          : bytes;
    if (type.value.startsWith('text/')) texts.push(evenOut(decodeCharset(content, findParameter(type, 'charset'))));
    else if (!type.value.includes('signature')) attachments.push(content);
  }
  return { texts: texts.filter((text) => text !== ''), attachments };
}

function evenOut(text: string): string {
  return text.replace(/<[^>]*>/g, '').replace(/&nbsp;|\s/g, '');
}
