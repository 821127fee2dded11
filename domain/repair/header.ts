import type { Field } from '../mime/fields.ts';
import { Lines } from '../mime/lines.ts';
import type { HeaderSegment } from '../mime/structure.ts';
import type { Edits } from './edits.ts';
import { encodeFieldValue } from './eight-bit-field.ts';

/** RFC 5322 §2.1.1. */
const MAX_FOLDED = 998;

export interface HeaderFaults {
  readonly eightBit: boolean;
  readonly longLine: boolean;
}

interface HeaderRepair {
  readonly repaired: HeaderFaults;
  readonly left: HeaderFaults;
}

/** No sane field is longer; encoding one takes a hundred times its memory, so it is left to be wrapped. */
const MAX_FIELD = 1 << 20;

/** What a target may refuse in these bytes. */
export function faultsOf(bytes: Buffer, from: number, to: number, maxLineOctets: number): HeaderFaults {
  return { eightBit: hasEightBit(bytes, from, to), longLine: hasLongLine(bytes, from, to, maxLineOctets) };
}

export function hasLongLine(bytes: Buffer, from: number, to: number, maxLineOctets: number): boolean {
  for (const lines = new Lines(bytes, from, to); lines.advance(); ) {
    if (lines.end - lines.start > maxLineOctets) return true;
  }
  return false;
}

/** Encodes 8-bit bytes, then folds lines that are too long at white space. Fields without such faults are not touched. */
export function repairHeader(bytes: Buffer, header: HeaderSegment, maxLineOctets: number, edits: Edits): HeaderRepair {
  const repaired = { eightBit: false, longLine: false };
  const left = { eightBit: false, longLine: false };
  for (const field of header.fields) {
    const before = faultsOf(bytes, field.start, field.end, maxLineOctets);
    if (!before.eightBit && !before.longLine) continue;
    if (field.end - field.start > MAX_FIELD) {
      left.eightBit ||= before.eightBit;
      left.longLine ||= before.longLine;
      continue;
    }
    const text = repairField(bytes, field, before, maxLineOctets);
    const fixed = Buffer.from(text, 'latin1');
    const after = faultsOf(fixed, 0, fixed.length, maxLineOctets);
    if (!fixed.equals(bytes.subarray(field.start, field.end))) edits.replace(field.start, field.end, fixed);
    repaired.eightBit ||= before.eightBit && !after.eightBit;
    repaired.longLine ||= before.longLine && !after.longLine;
    left.eightBit ||= after.eightBit;
    left.longLine ||= after.longLine;
  }
  return { repaired, left };
}

function repairField(bytes: Buffer, field: Field, faults: HeaderFaults, maxLineOctets: number): string {
  const name = bytes.toString('latin1', field.start, field.valueStart);
  const text = bytes.toString('latin1', field.valueStart, field.end);
  if (field.name === '') return text;
  const lineEnd = text.endsWith('\r\n') ? '\r\n' : '';
  const value = text.slice(0, text.length - lineEnd.length);
  const encoded = faults.eightBit ? (encodeFieldValue(field.name, value) ?? value) : value;
  const lines = (name + encoded + lineEnd).split('\r\n');
  const folded = lines.flatMap((line) => (line.length > maxLineOctets ? fold(line) : [line]));
  // A repair that does not suffice is none.
  return (folded.some((line) => line.length > maxLineOctets) ? lines : folded).join('\r\n');
}

/** Folds before white space that has text on both sides of it (RFC 5322 §2.2.3). */
function fold(line: string): string[] {
  const folded: string[] = [];
  let current = '';
  for (const [piece] of line.matchAll(/[ \t]*[^ \t]+|[ \t]+$/g)) {
    if (current.length + piece.length > MAX_FOLDED && /[^ \t]/.test(current) && /^[ \t]+[^ \t]/.test(piece)) {
      folded.push(current);
      current = piece;
    } else {
      current += piece;
    }
  }
  folded.push(current);
  return folded;
}

function hasEightBit(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if ((bytes[at] ?? 0) >= 0x80) return true;
  return false;
}
