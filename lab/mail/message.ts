import { base64Lines, encodeHeader, quotedPrintable } from './encoding.ts';
import type { SeededRandom } from './random.ts';
import type { LocaleWords } from './words.ts';

export interface Person {
  name: string;
  address: string;
}

export interface MessageFrame {
  from: Person;
  to: Person;
  subject: string;
  date: Date;
  messageId: string;
  /** Message-IDs of the thread so far, oldest first. */
  references: readonly string[];
}

/** A message as a mail program writes it: text, HTML newsletter or with an attachment, in one of several encodings. CRLF. */
export function writeMessage(random: SeededRandom, words: LocaleWords, frame: MessageFrame): Buffer {
  const kind = random.next();
  if (kind < 0.15) return newsletter(random, words, frame);
  if (kind < 0.35) return withAttachment(random, words, frame);
  const text = letter(random, words, frame);
  const style = random.next();
  if (style < 0.3) {
    const latin1 = Buffer.from(text.replaceAll('’', "'").replaceAll('–', '-').replaceAll('€', 'EUR'), 'latin1');
    return textMessage(frame, 'iso-8859-1', 'quoted-printable', quotedPrintable(latin1));
  }
  const bytes = Buffer.from(text, 'utf8');
  if (style < 0.6) return textMessage(frame, 'utf-8', 'base64', base64Lines(bytes));
  if (style < 0.9) return textMessage(frame, 'utf-8', 'quoted-printable', quotedPrintable(bytes));
  return Buffer.concat([textMessage(frame, 'utf-8', '8bit', ''), bytes]);
}

export function headerLines(frame: MessageFrame): string[] {
  return [
    `From: ${person(frame.from)}`,
    `To: ${person(frame.to)}`,
    `Subject: ${encodeHeader(frame.subject, frame.subject.length % 2 === 0 ? 'B' : 'Q')}`,
    `Date: ${formatDate(frame.date)}`,
    `Message-ID: ${frame.messageId}`,
    ...(frame.references.length === 0
      ? []
      : [`In-Reply-To: ${frame.references.at(-1)}`, `References: ${frame.references.join('\r\n ')}`]),
    'MIME-Version: 1.0',
  ];
}

/** RFC 5322 §3.3, in UTC. */
export function formatDate(date: Date): string {
  return date.toUTCString().replace('GMT', '+0000');
}

/** A message of one attachment of about `sizeBytes` on the wire. */
export function attachmentMessage(random: SeededRandom, frame: MessageFrame, sizeBytes: number): Buffer {
  const block = random.bytes(57 * 64);
  const content = Buffer.alloc(Math.floor((sizeBytes / 78) * 57), block);
  return multipart(frame, 'See attached.', [{ type: 'application/octet-stream', name: 'scan.bin', content }]);
}

function textMessage(frame: MessageFrame, charset: string, encoding: string, body: string): Buffer {
  const type = [`Content-Type: text/plain; charset=${charset}`, `Content-Transfer-Encoding: ${encoding}`];
  return Buffer.from([...headerLines(frame), ...type, '', body].join('\r\n'), 'latin1');
}

function newsletter(random: SeededRandom, words: LocaleWords, frame: MessageFrame): Buffer {
  const paragraphs = Array.from({ length: random.between(3, 12) }, () => `<p>${random.pick(words.sentences)}</p>`);
  const html = `<html><head><meta charset="utf-8"></head><body><h1>${words.newsletter}</h1>\r\n${paragraphs.join('\r\n')}</body></html>\r\n`;
  const boundary = boundaryOf(frame);
  const lines = [
    ...headerLines({ ...frame, subject: words.newsletter }),
    'List-Unsubscribe: <https://news.example.test/off>',
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    `${base64Lines(Buffer.from(words.newsletter))}--${boundary}`,
    'Content-Type: text/html; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    `${quotedPrintable(Buffer.from(html))}--${boundary}--`,
    '',
  ];
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

function withAttachment(random: SeededRandom, words: LocaleWords, frame: MessageFrame): Buffer {
  const noise = random.bytes(random.between(200, 12_000));
  const attachment = random.chance(0.5)
    ? { type: 'application/pdf', name: 'Übersicht.pdf', content: Buffer.concat([Buffer.from('%PDF-1.4\n'), noise]) }
    : { type: 'image/png', name: 'logo.png', content: Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), noise]) };
  return multipart(frame, letter(random, words, frame), [attachment]);
}

interface Attachment {
  type: string;
  name: string;
  content: Buffer;
}

function multipart(frame: MessageFrame, text: string, attachments: readonly Attachment[]): Buffer {
  const boundary = boundaryOf(frame);
  const parts = attachments.flatMap(({ type, name, content }) => [
    `Content-Type: ${type}; name="${encodeHeader(name)}"`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename*=utf-8''${encodeURIComponent(name)}`,
    '',
    `${base64Lines(content)}--${boundary}`,
  ]);
  const lines = [
    ...headerLines(frame),
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    'This is a message in MIME format.',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    quotedPrintable(Buffer.from(text)),
    `--${boundary}`,
    ...parts,
  ];
  return Buffer.from(`${lines.join('\r\n')}--\r\n`, 'latin1');
}

function letter(random: SeededRandom, words: LocaleWords, frame: MessageFrame): string {
  const sentences = Array.from({ length: random.between(1, 8) }, () => random.pick(words.sentences));
  // A line that starts with "From " tempts programs to write ">From ".
  const quirk = random.chance(0.1) ? ['From here on it is easy.'] : [];
  return [frame.to.name, '', ...sentences, ...quirk, '', `-- \r\n${frame.from.name}`, ''].join('\r\n');
}

function person({ name, address }: Person): string {
  return /^[A-Za-z ]+$/.test(name) ? `"${name}" <${address}>` : `${encodeHeader(name)} <${address}>`;
}

function boundaryOf(frame: MessageFrame): string {
  return `part-${frame.messageId.replace(/[^a-z0-9]/gi, '').slice(0, 40)}`;
}
