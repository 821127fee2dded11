import { replaceNul, sha256Hex } from './fingerprint.ts';
import { withCrlf, withoutLastCrs } from './mime/lines.ts';
import { afterMboxLines } from './mime/mbox-line.ts';
import { type Segment, segmentsOf } from './mime/structure.ts';
import { changeEncoding, repairBody } from './repair/body.ts';
import { Edits } from './repair/edits.ts';
import { faultsOf, hasLongLine, repairHeader } from './repair/header.ts';

/** What can be put right in a message, each as the report says it. */
export const REPAIRS = {
  nul: 'NUL bytes were replaced by 0x80, since no IMAP literal may carry them.',
  'mbox-from': 'A line of an mbox file in front of the header was dropped.',
  'line-ends': 'Lone CR or LF became CRLF.',
  'eight-bit-header': '8-bit bytes in the header were encoded by RFC 2047, in the charset that they seem to be in.',
  'long-header-line': 'Header lines that are too long were folded at white space.',
  receipt:
    'The request for a read receipt was given another name, since Exchange would answer it once more when its owner reads the copy.',
  'long-line': 'Parts with lines that are too long were encoded anew; their content is the same.',
} as const;

export type Repair = keyof typeof REPAIRS;

/** Repairs after which a signature over header or body (DKIM) does not hold, as its bytes are others. */
const DIGESTED: readonly Repair[] = ['nul', 'line-ends', 'eight-bit-header', 'long-header-line', 'long-line'];

export interface AppendRepair {
  readonly raw: Buffer;
  /** What was changed and why, as the report says it; null where the message goes as it is. */
  readonly detail: string | null;
}

export interface Repaired {
  /** The very buffer that was given where nothing was changed. */
  readonly raw: Buffer;
  /** What was put right, in the order of {@link REPAIRS}. */
  readonly repairs: readonly Repair[];
  /** What a target may refuse and could not be put right, e.g. inside a signed part. Not empty: rather wrap the message. */
  readonly left: readonly Repair[];
}

export interface RepairLimits {
  /**
   * Longest line that stays, without its line end. 9,900 by default: Exchange was seen to refuse lines of 9,900 and of 10,239 octets.
   * Less than the 998 of RFC 5322 §2.1.1 counts as 998.
   */
  readonly maxLineOctets?: number;
}

const CR = 0x0d;
const MAX_LINE_OCTETS = 9_899;
const MIN_LINE_OCTETS = 998;

/**
 * The least that must change before a message can be appended anywhere: NUL becomes 0x80, as Dovecot itself does, since no
 * IMAP literal may carry it (RFC 9051 §9, CHAR8 is %x01-ff). The fingerprint stays the same, and twice is the same as once.
 */
export function repairForAppend(raw: Buffer): AppendRepair {
  const repaired = replaceNul(raw);
  if (repaired === raw) return { raw, detail: null };
  return { raw: repaired, detail: REPAIRS.nul };
}

/**
 * The least that must change for a target that refused the message as it is. What a reader sees stays the same, and what has
 * nothing wrong with it keeps its bytes. What is signed or encrypted for its reader (S/MIME, PGP/MIME) is never touched: a fault
 * in there is told as `left`. Twice is the same as once. Takes time and memory in proportion to the bytes.
 */
export function repairMessage(raw: Buffer, limits: RepairLimits = {}): Repaired {
  const maxLineOctets = Math.max(MIN_LINE_OCTETS, limits.maxLineOctets ?? MAX_LINE_OCTETS);
  const log = new RepairLog();
  const start = afterMboxLines(raw);
  if (start > 0) log.repaired.add('mbox-from');
  const bytes = repairBytes(raw.subarray(start), log);
  const headed = repairHeaders(bytes, maxLineOctets, log);
  const repaired = repairBodies(headed, maxLineOctets, log);
  const inOrder = (found: ReadonlySet<Repair>) => (Object.keys(REPAIRS) as Repair[]).filter((each) => found.has(each));
  const repairs = inOrder(log.repaired);
  return { raw: repairs.length === 0 ? raw : repaired, repairs, left: inOrder(log.left) };
}

/** One line for the report: what was done and why, and SHA-256 of the bytes before and after. */
export function describeRepairs(before: Buffer, after: Buffer, repairs: readonly Repair[]): string {
  const done: string[] = repairs.map((repair) => REPAIRS[repair]);
  const head = before.subarray(0, 65_536).toString('latin1');
  if (/^DKIM-Signature:/im.test(head) && repairs.some((repair) => DIGESTED.includes(repair))) {
    done.push('A DKIM signature over what was changed no longer verifies.');
  }
  return [...done, `SHA-256 before ${sha256Hex(before)}, after ${sha256Hex(after)}.`].join(' ');
}

class RepairLog {
  readonly repaired = new Set<Repair>();
  readonly left = new Set<Repair>();
}

/** NUL and line ends, outside of what is sealed. */
function repairBytes(raw: Buffer, log: RepairLog): Buffer {
  const clean = replaceNul(raw);
  const edits = new Edits(raw);
  // NUL and its stand-in are one byte each, so that all offsets hold in both.
  const segments = segmentsOf(clean);
  const size = segments.at(-1)?.sealed ? raw.length : withoutLastCrs(raw).length;
  let keep = false;
  for (const { start, end, sealed } of segments) {
    if (start === end) continue;
    const before = raw.subarray(start, end);
    const without = replaceNul(before);
    // A CRLF after what ends with CR, and has to, would read as one line end with it.
    keep = sealed || (keep && raw[start - 1] === CR);
    const after = withCrlf(without.subarray(0, Math.max(0, size - start)));
    const found = keep ? log.left : log.repaired;
    if (without !== before) found.add('nul');
    if (!after.equals(without)) found.add('line-ends');
    if (!keep && !after.equals(before)) edits.replace(start, end, after);
  }
  return edits.apply();
}

function repairHeaders(raw: Buffer, maxLineOctets: number, log: RepairLog): Buffer {
  const edits = new Edits(raw);
  const note = (found: Set<Repair>, faults: { eightBit: boolean; longLine: boolean }) => {
    if (faults.eightBit) found.add('eight-bit-header');
    if (faults.longLine) found.add('long-header-line');
  };
  for (const segment of structureOf(raw)) {
    if (segment.kind !== 'header') continue;
    if (segment.sealed) {
      note(log.left, faultsOf(raw, segment.start, segment.end, maxLineOctets));
      continue;
    }
    const { repaired, left } = repairHeader(raw, segment, maxLineOctets, edits);
    note(log.repaired, repaired);
    note(log.left, left);
  }
  return edits.apply();
}

function repairBodies(raw: Buffer, maxLineOctets: number, log: RepairLog): Buffer {
  const edits = new Edits(raw);
  for (const segment of structureOf(raw)) {
    if (segment.kind === 'header' || !hasLongLine(raw, segment.start, segment.end, maxLineOctets)) continue;
    const repaired = segment.kind === 'body' && !segment.sealed ? repairBody(raw, segment, maxLineOctets) : null;
    if (repaired === null || segment.kind === 'glue') {
      log.left.add('long-line');
      continue;
    }
    log.repaired.add('long-line');
    if (repaired.encoding !== null) changeEncoding(segment.header, repaired.encoding, edits);
    edits.replace(segment.start, segment.end, repaired.content);
  }
  return edits.apply();
}

/** Read with the stand-in for NUL, like before the repair, so that what is sealed is found in the same places. */
function structureOf(raw: Buffer): Segment[] {
  return segmentsOf(replaceNul(raw));
}
