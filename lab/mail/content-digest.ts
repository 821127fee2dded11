import { isUtf8, transcode } from 'node:buffer';
import { createHash } from 'node:crypto';
import PostalMime from 'postal-mime';

/**
 * What a reader sees of a message, for targets that take it apart and write it anew: to whom, about what, the text (of several the HTML
 * one, as a message made from JSON has one only) and each attachment's bytes; and behind it, apart, what a target gives to a
 * message that has none: sender, date and Message-ID. Blind to encodings, folding, boundaries, trace headers and blanks at line ends. Read
 * by postal-mime, which shares nothing with the copier.
 * @returns four digests joined by dots; one of the last three is empty where the message has no such field
 */
export async function contentDigestOf(raw: Buffer): Promise<string> {
  const { headers, from, to, cc, subject, date, messageId, html, text, attachments } = await PostalMime.parse(
    withUtf8Header(raw),
    {
      attachmentEncoding: 'arraybuffer',
      rfc822Attachments: true,
    },
  );
  const address = (one: { address?: string | undefined } | undefined) => one?.address?.toLowerCase() ?? '';
  const contents = attachments.map(({ content }) => Buffer.from(content as ArrayBuffer)); // as asked for above
  const files = contents.map((content) => digest(content));
  // A stub: what it has attached is the message, if its bytes are those that the stub names.
  const stubOf = /^sha256=(\w+)$/.exec(headers.find(({ key }) => key === 'x-mailferry-original')?.value ?? '')?.[1];
  const original = contents.find((_, at) => files[at] === stubOf);
  if (original !== undefined) return await contentDigestOf(original);
  const said = [
    (to ?? []).map(address),
    (cc ?? []).map(address),
    evenOut(subject ?? ''),
    evenOut(html ?? text ?? ''),
    files.toSorted(),
  ];
  const given = [address(from), date === undefined ? '' : String(Date.parse(date)), messageId ?? ''];
  return [JSON.stringify(said), ...given].map((each) => (each === '' ? '' : digest(each))).join('.');
}

/** Whether a copy is the message: what the message lacks, its target may have given it. */
export function isCopyOf(copy: string, message: string): boolean {
  const has = copy.split('.');
  return message.split('.').every((wanted, at) => wanted === has[at] || (at > 0 && wanted === ''));
}

/** Octets above 127 in a header mean nothing by themselves (RFC 5322 §2.2); mail of the time before UTF-8 mostly meant Latin-1. */
function withUtf8Header(raw: Buffer): Buffer {
  const end = raw.indexOf('\r\n\r\n');
  const header = raw.subarray(0, end < 0 ? raw.length : end);
  return isUtf8(header) ? raw : Buffer.concat([transcode(header, 'latin1', 'utf8'), raw.subarray(header.length)]);
}

function evenOut(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function digest(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex');
}
