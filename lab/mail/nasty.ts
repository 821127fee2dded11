import { attachmentMessage, headerLines, type MessageFrame } from './message.ts';
import type { SeededRandom } from './random.ts';

export interface NastyMail {
  /** What is wrong with it, for the reader of a failed test. */
  name: string;
  raw: Buffer;
  draft?: boolean;
}

const BIG_BYTES = 2 << 20;

/**
 * Messages that have broken migration tools (T16 to T36, T66), all valid over IMAP: CRLF and without NUL. Two identical ones
 * stand side by side and have to stay two.
 */
export function nastyMails(random: SeededRandom, frame: MessageFrame): readonly NastyMail[] {
  const lines = headerLines(frame);
  const without = (...names: string[]) => lines.filter((line) => !names.some((name) => line.startsWith(`${name}:`)));
  const message = (head: readonly string[], body = 'Text.\r\n') =>
    Buffer.from([...head, '', body].join('\r\n'), 'latin1');
  const twin = message([
    ...without('Subject', 'Message-ID'),
    'Subject: twin',
    `Message-ID: <twin.${random.between(0, 1e9)}@example.test>`,
  ]);
  return [
    { name: 'no Message-ID', raw: message(without('Message-ID')) },
    { name: 'equal Message-ID, first body', raw: message(lines, 'The first.\r\n') },
    { name: 'equal Message-ID, second body', raw: message(lines, 'The second.\r\n') },
    { name: 'one of two identical', raw: twin },
    { name: 'the other of two identical', raw: Buffer.from(twin) },
    { name: 'empty body', raw: message(without('Message-ID'), '') },
    { name: 'long header line', raw: message([...without('Message-ID'), `X-Long: ${'abcdefghi '.repeat(500)}`]) },
    { name: '8-bit header', raw: message([...without('Subject'), 'Subject: Gr\xfc\xdfe ohne Kodierung']) },
    { name: 'date in the future', raw: message([...without('Date'), 'Date: Fri, 01 Jan 2099 00:00:00 +0000']) },
    { name: 'date of 1970', raw: message([...without('Date'), 'Date: Thu, 01 Jan 1970 00:00:00 +0000']) },
    {
      name: 'draft without From, Date and Message-ID',
      raw: message(without('From', 'Date', 'Message-ID')),
      draft: true,
    },
    { name: 'attachment of 2 MB', raw: attachmentMessage(random, frame, BIG_BYTES) },
    { name: 'mbox line first', raw: message(['From user@example.test Mon Jan  6 10:00:00 2020', ...lines]) },
    { name: 'no header at all', raw: Buffer.from(`\r\nOnly text ${random.between(0, 1e9)}.\r\n`) },
    { name: 'a line of 12,000 bytes', raw: message(without('Message-ID'), `${'x'.repeat(12_000)}\r\n`) },
  ];
}

/** Not valid over IMAP: only a store that is seeded past the protocol can hold them. */
export function unlawfulMails(frame: MessageFrame): readonly NastyMail[] {
  const head = headerLines(frame).join('\r\n');
  return [
    { name: 'bare LF', raw: Buffer.from(`${head}\r\n\r\nOne\nTwo\r\nThree\n`, 'latin1') },
    { name: 'NUL', raw: Buffer.from(`${head}\r\n\r\nBefore\0after\r\n`, 'latin1') },
  ];
}
