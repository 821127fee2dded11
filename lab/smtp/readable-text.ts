import { bodyOffset, fieldValues } from '../imap/message-parts.ts';

/** What a person would read of a notification: its first text/plain part, decoded; empty where there is none. */
export function readableText(raw: Buffer): string {
  const type = fieldValues(raw, 'Content-Type')[0] ?? 'text/plain; charset=us-ascii';
  const body = raw.subarray(bodyOffset(raw));
  if (/^multipart\//i.test(type)) {
    const parts = partsOf(body, parameter(type, 'boundary') ?? '');
    return parts.map(readableText).find((text) => text !== '') ?? '';
  }
  if (!/^text\/plain/i.test(type)) return '';
  const encoding = (fieldValues(raw, 'Content-Transfer-Encoding')[0] ?? '').toLowerCase();
  return textDecoder(parameter(type, 'charset')).decode(decodeTransfer(body, encoding));
}

/** A header field with its encoded words (RFC 2047) decoded; null where it is missing. */
export function readableHeader(raw: Buffer, name: string): string | null {
  const value = fieldValues(raw, name)[0];
  if (value === undefined) return null;
  // White space between two encoded words is not part of the text (§6.2).
  const joined = value.replace(/(\?=)\s+(=\?)/g, '$1$2');
  const decoded = joined.replace(
    /=\?([^?*]+)(?:\*[^?]*)?\?([BQ])\?([^?]*)\?=/gi,
    (_, charset: string, form: string, text: string) => {
      const quoted = text.replaceAll('_', ' ');
      const bytes =
        form.toUpperCase() === 'B'
          ? Buffer.from(text, 'base64')
          : decodeTransfer(Buffer.from(quoted), 'quoted-printable');
      return textDecoder(charset).decode(bytes);
    },
  );
  return decoded;
}

function decodeTransfer(body: Buffer, encoding: string): Buffer {
  if (encoding === 'base64') return Buffer.from(body.toString('latin1'), 'base64');
  if (encoding !== 'quoted-printable') return body;
  const unfolded = body.toString('latin1').replace(/=[ \t]*\r?\n/g, '');
  const bytes = unfolded.replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1');
}

function partsOf(body: Buffer, boundary: string): Buffer[] {
  const text = body.toString('latin1');
  const pieces = `\r\n${text}`.split(`\r\n--${boundary}`).slice(1);
  return pieces
    .filter((piece) => !piece.startsWith('--'))
    .map((piece) => Buffer.from(piece.replace(/^[ \t]*\r\n/, ''), 'latin1'));
}

function parameter(type: string, name: string): string | undefined {
  return new RegExp(`;\\s*${name}="?([^";]+)"?`, 'i').exec(type)?.[1];
}

function textDecoder(charset = 'us-ascii'): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(charset);
  } catch {
    // A charset nobody knows: replacement characters tell more than a failure.
    return new TextDecoder('utf-8');
  }
}
