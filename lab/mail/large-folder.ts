import type { VirtualMail } from '../imap/virtual-mail.ts';
import { base64Lines } from './encoding.ts';
import { formatDate, headerLines } from './message.ts';
import { SeededRandom } from './random.ts';

export interface LargeFolderOptions {
  seed: number;
  count: number;
  /** 1 (default) gives 0.5 MB a message on average, so 100,000 messages are 50 GB; less makes all of them smaller. */
  scale?: number;
}

/** Shares, summed up, and sizes in bytes, as a mailbox of an office has them: many letters, some attachments, a few huge ones. */
const SIZES = [
  { upTo: 0.8, low: 4_000, high: 60_000 },
  { upTo: 0.98, low: 200_000, high: 3_000_000 },
  { upTo: 1, low: 5_000_000, high: 30_000_000 },
] as const;
/** What the header takes at most; a message has a body too. */
const SMALLEST_BYTES = 1_000;
const FIRST_DAY_MS = Date.UTC(2005, 0, 3, 8);
const FLAGS = [[], ['\\Seen'], ['\\Seen', '\\Answered'], ['\\Seen', '\\Flagged'], ['\\Seen', '$Label1']].map(
  (flags) => new Set(flags),
);

/** A folder of any size that takes no memory: each message is made up from seed and UID whenever somebody reads it. */
export function largeFolder({ seed, count, scale = 1 }: LargeFolderOptions): VirtualMail {
  const filling = Buffer.from(base64Lines(new SeededRandom(seed).bytes(57 * 4_096)));
  const randomOf = (uid: number) => new SeededRandom(`${seed}/${uid}`);
  const sizeOf = (uid: number) => {
    const random = randomOf(uid);
    const kind = random.next();
    const { low, high } = SIZES.find(({ upTo }) => kind < upTo) ?? SIZES[0];
    return Math.max(SMALLEST_BYTES, Math.round(low * (high / low) ** random.next() * scale));
  };
  // Twenty years, whatever the count.
  const dateOf = (uid: number) => new Date(FIRST_DAY_MS + Math.floor((uid * 630_720_000) / count) * 1000);
  return {
    count,
    sizeOf,
    dateOf,
    flagsOf: (uid) => FLAGS[uid % FLAGS.length] ?? new Set(),
    messageOf: (uid) => {
      const message = Buffer.allocUnsafe(sizeOf(uid));
      const at = message.write(headerOf(seed, uid, dateOf(uid)), 'latin1');
      fill(message.subarray(at), filling, uid);
      return message;
    },
  };
}

function headerOf(seed: number, uid: number, date: Date): string {
  const frame = {
    from: { name: 'Records', address: 'records@example.test' },
    to: { name: 'Archive', address: 'archive@example.test' },
    subject: `Record ${uid}`,
    date,
    messageId: `<${seed}.${uid}@large.example.test>`,
    references: [],
  };
  const type = ['Content-Type: text/plain; charset=us-ascii', 'Content-Transfer-Encoding: 7bit'];
  return [...headerLines(frame), `Received: by mx.example.test; ${formatDate(date)}`, ...type, '', ''].join('\r\n');
}

/** Lines from another place for each UID, and a line end at the end; the last line may have 77 characters. */
function fill(body: Buffer, filling: Buffer, uid: number): void {
  const lineBytes = 78;
  let from = ((uid * 31) % (filling.length / lineBytes)) * lineBytes;
  for (let at = 0; at < body.length; from = 0) at += filling.copy(body, at, from);
  if (body.at(-3) === 0x0d) body.write('A', body.length - 3);
  body.write('\r\n', body.length - 2);
}
