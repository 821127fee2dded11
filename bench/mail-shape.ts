import { SeededRandom } from '../lab/mail/random.ts';

/** How much mail, and how it is spread. The same shape gives the same bytes on every machine. */
export interface MailShape {
  readonly messages: number;
  /** Of all messages together as they cross the wire, lines ending in CRLF. */
  readonly bytes: number;
  /** Sizes to begin with, in bytes; what is left of `bytes` goes to the other messages. */
  readonly large?: readonly number[];
}

export interface ShapedMail {
  /** Name of the folder on the wire (modified UTF-7), parts divided by slashes. */
  readonly folder: string;
  /** With bare LF, as Dovecot keeps mail in a Maildir. */
  readonly raw: Buffer;
  /** Of the message with CRLF. */
  readonly wireBytes: number;
  readonly seen: boolean;
  readonly receivedAt: Date;
}

/** Nine folders as a person in an office has them, and each one's share of the messages. */
export const FOLDERS: Readonly<Record<string, number>> = {
  INBOX: 0.36,
  Sent: 0.22,
  'Archive/2023': 0.12,
  'Archive/2024': 0.12,
  Projects: 0.06,
  'Projects/Alpha': 0.05,
  'Kunden/M&APw-ller': 0.04,
  Trash: 0.02,
  Drafts: 0.01,
};

/** Mean by median of a log-normal distribution is e^(σ²/2): 53 KB by 20 KB, as was found in mailboxes of firms. */
const SIGMA = 1.4;
const LEAST_BYTES = 700;
const LINE = 76;
const FIRST_DATE = Date.UTC(2023, 0, 1);

export function* shapeMail(shape: MailShape, seed = 'bench'): Generator<ShapedMail> {
  const random = new SeededRandom(seed);
  const sizes = shapeSizes(shape, random);
  const text = Buffer.from(`${random.bytes(786_432).toString('base64').match(/.{76}/g)?.join('\n') ?? ''}\n`, 'ascii');
  for (const [at, size] of sizes.entries()) {
    const receivedAt = new Date(FIRST_DATE + at * 17_000_000);
    const head = headerOf(seed, at, receivedAt);
    const lines = Math.max(1, Math.round((size - head.length - 12) / (LINE + 2)));
    const raw = Buffer.concat([head, bodyOf(text, lines, random)]);
    yield {
      folder: folderOf(at, sizes.length),
      raw,
      wireBytes: raw.length + lines + 9,
      seen: random.chance(0.8),
      receivedAt,
    };
  }
}

/** Log-normal sizes, scaled so that their sum is what was asked for. */
export function shapeSizes({ messages, bytes, large = [] }: MailShape, random: SeededRandom): readonly number[] {
  const drawn = Array.from({ length: Math.max(0, messages - large.length) }, () => Math.exp(SIGMA * gauss(random)));
  const left = bytes - large.reduce((sum, size) => sum + size, 0) - drawn.length * LEAST_BYTES;
  const scale = Math.max(0, left) / drawn.reduce((sum, size) => sum + size, 0);
  return [...large, ...drawn.map((size) => LEAST_BYTES + Math.round(size * scale))];
}

function gauss(random: SeededRandom): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** Each folder gets a run of neighbours, so that its messages are in the order of their dates. */
function folderOf(at: number, count: number): string {
  let upTo = 0;
  for (const [folder, share] of Object.entries(FOLDERS)) {
    upTo += share * count;
    if (at < upTo) return folder;
  }
  return 'INBOX';
}

/** Nine lines, the blank one included. */
function headerOf(seed: string, at: number, date: Date): Buffer {
  return Buffer.from(
    `${[
      `Date: ${date.toUTCString().replace('GMT', '+0000')}`,
      `From: "Sender ${at % 97}" <sender${at % 97}@partner.example.org>`,
      'To: "The Owner" <owner@example.test>',
      `Subject: Offer ${at} of the season`,
      `Message-ID: <${at}.${seed}@partner.example.org>`,
      'MIME-Version: 1.0',
      'Content-Type: application/octet-stream; name="scan.pdf"',
      'Content-Transfer-Encoding: base64',
    ].join('\n')}\n\n`,
    'ascii',
  );
}

/** Whole lines of the prepared text, from a place of its own; longer ones go round it. */
function bodyOf(text: Buffer, lines: number, random: SeededRandom): Buffer {
  const width = LINE + 1;
  const all = text.length / width;
  const start = random.between(0, all - 1);
  const body = Buffer.allocUnsafe(lines * width);
  for (let done = 0; done < lines; ) {
    const from = (start + done) % all;
    const count = Math.min(lines - done, all - from);
    text.copy(body, done * width, from * width, (from + count) * width);
    done += count;
  }
  return body;
}
