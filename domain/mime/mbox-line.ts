import { Lines } from './lines.ts';

/** `From sender date`: what parts messages in an mbox file. A colon after the name would make it a header field. */
const MBOX_LINE = /^From [^:\r\n]{0,400}\d:\d\d/;

/** Where the message starts, after the lines of an mbox file that an export left in front of it. */
export function afterMboxLines(raw: Buffer): number {
  const lines = new Lines(raw);
  while (lines.advance()) {
    if (!MBOX_LINE.test(raw.toString('latin1', lines.start, Math.min(lines.end, lines.start + 500))))
      return lines.start;
  }
  return raw.length;
}
