/** Longest set in one command: Exchange takes lines of 10,240 octets (`MaxCommandSize`), Dovecot of 64 KiB. */
const LONGEST_SET = 8_000;

/** `3,5:7` of UIDs in any order, in as many sets as command lines need. Each UID is named once. */
export function sequenceSets(uids: Iterable<number>, longest = LONGEST_SET): readonly string[] {
  const sets: string[] = [];
  let set = '';
  for (const range of ranges([...new Set(uids)].sort((a, b) => a - b))) {
    if (set !== '' && set.length + 1 + range.length > longest) {
      sets.push(set);
      set = '';
    }
    set = set === '' ? range : `${set},${range}`;
  }
  if (set !== '') sets.push(set);
  return sets;
}

function* ranges(uids: readonly number[]): Iterable<string> {
  for (let at = 0; at < uids.length; ) {
    const first = uids[at] ?? 0;
    let last = first;
    for (at += 1; uids[at] === last + 1; at += 1) last += 1;
    yield first === last ? `${first}` : `${first}:${last}`;
  }
}

/** `3,7:5` as `[[3,3],[5,7]]` in the order of the set (RFC 3501 §9: `7:5` is `5:7`); null where it is none, or has a `*`. */
export function parseSet(set: string): readonly (readonly [first: number, last: number])[] | null {
  const parsed: (readonly [number, number])[] = [];
  for (const part of set.split(',')) {
    const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(part);
    if (match === null) return null;
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    parsed.push(first <= last ? [first, last] : [last, first]);
  }
  return parsed;
}
