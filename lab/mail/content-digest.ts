import { createHash } from 'node:crypto';
import PostalMime from 'postal-mime';

/**
 * SHA-256 of what a reader sees of a message, for targets that take it apart and write it anew: who, to whom, when, about what, the
 * text (of several the HTML one, as a message made from JSON has one only) and each attachment's bytes. Blind to encodings, folding,
 * boundaries, trace headers and blanks at line ends. Read by postal-mime, which shares nothing with the copier.
 */
export async function contentDigestOf(raw: Buffer): Promise<string> {
  const { from, to, cc, subject, date, messageId, html, text, attachments } = await PostalMime.parse(raw, {
    attachmentEncoding: 'arraybuffer',
    rfc822Attachments: true,
  });
  const address = (one: { address?: string | undefined } | undefined) => one?.address?.toLowerCase() ?? '';
  const files = attachments.map(({ content }) => digest(Buffer.from(content as ArrayBuffer))); // as asked for above
  const seen = [
    address(from),
    (to ?? []).map(address),
    (cc ?? []).map(address),
    evenOut(subject ?? ''),
    date === undefined ? '' : Date.parse(date),
    messageId ?? '',
    evenOut(html ?? text ?? ''),
    files.toSorted(),
  ];
  return digest(JSON.stringify(seen));
}

function evenOut(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function digest(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex');
}
