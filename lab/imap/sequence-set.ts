/** A sequence set of RFC 3501 §9, `*` as Infinity; null where it is none. */
export function parseSequenceSet(text: string): readonly (readonly [number, number])[] | null {
  const ranges: [number, number][] = [];
  for (const part of text.split(',')) {
    const match = /^(\d+|\*)(?::(\d+|\*))?$/.exec(part);
    if (match === null) return null;
    const one = numberOf(match[1] ?? '*');
    const other = match[2] === undefined ? one : numberOf(match[2]);
    if (one === 0 || other === 0) return null;
    ranges.push(one <= other ? [one, other] : [other, one]);
  }
  return ranges;
}

function numberOf(text: string): number {
  return text === '*' ? Number.POSITIVE_INFINITY : Number(text);
}

/**
 * Positions (from 0, ascending, each once) in `uids` that the set names, by UID or by sequence number. `*` is the last one there
 * is, so `500:*` names the last message even when its number is below 500 (RFC 3501 §6.4.8).
 */
export function positionsIn(text: string, uids: readonly number[], by: 'uid' | 'sequence'): readonly number[] | null {
  const ranges = parseSequenceSet(text);
  if (ranges === null) return null;
  const last = by === 'uid' ? (uids.at(-1) ?? 0) : uids.length;
  const positions = new Set<number>();
  for (const [from, to] of ranges) {
    const low = Math.min(from, to === Number.POSITIVE_INFINITY ? last : from);
    const high = to === Number.POSITIVE_INFINITY ? Math.max(last, Number.isFinite(from) ? from : last) : to;
    const start = by === 'uid' ? lowerBound(uids, low) : low - 1;
    for (let position = Math.max(0, start); position < uids.length; position += 1) {
      if ((by === 'uid' ? (uids[position] ?? 0) : position + 1) > high) break;
      positions.add(position);
    }
  }
  return [...positions].sort((one, other) => one - other);
}

/** Position of the first UID not below `uid`. */
export function lowerBound(uids: readonly number[], uid: number): number {
  let low = 0;
  let high = uids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((uids[middle] ?? 0) < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** UIDs as a compact set, `1:3,7`. */
export function formatUidSet(uids: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < uids.length; ) {
    let end = at;
    while (uids[end + 1] === (uids[end] ?? 0) + 1) end += 1;
    parts.push(end === at ? String(uids[at]) : `${uids[at]}:${uids[end]}`);
    at = end + 1;
  }
  return parts.join(',');
}

/** Whether a UID is in the set; `*` is past every UID, since vanished ones may be above the last that is left. */
export function uidsIn(text: string): (uid: number) => boolean {
  const ranges = parseSequenceSet(text) ?? [];
  return (uid) => ranges.some(([from, to]) => from <= uid && uid <= to);
}
