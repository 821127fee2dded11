import { describe, expect, test } from 'vitest';
import { parseSet, sequenceSets } from './sequence-set.ts';

describe('sequence sets', () => {
  test('name neighbours as a range and each UID once, whatever their order', () => {
    expect(sequenceSets([9, 3, 5, 4, 5])).toEqual(['3:5,9']);
    expect(sequenceSets([])).toEqual([]);
  });

  test('are as many as lines of a bounded length need, and name all together', () => {
    const uids = Array.from({ length: 5_000 }, (_, at) => 1_000_000 + 2 * at);
    const sets = sequenceSets(uids);
    expect(Math.max(...sets.map((set) => set.length))).toBeLessThanOrEqual(8_000);
    expect(sets.join().split(',').map(Number)).toEqual(uids);
    expect(sets).toHaveLength(5);
  });

  test('are read with their ranges in ascending order, and not at all where they are none', () => {
    expect(parseSet('5,9:7')).toEqual([
      [5, 5],
      [7, 9],
    ]);
    for (const bad of ['', '1,', '1:*', 'x', '1:2:3', '-1']) expect(parseSet(bad)).toBeNull();
  });
});
