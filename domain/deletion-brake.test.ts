import { expect, test } from 'vitest';
import { findBrake, type VanishedFrom } from './deletion-brake.ts';

const from = (vanished: number, left: number | null = 1_000, folder = 'INBOX'): VanishedFrom => {
  return { folder, vanished, left };
};

test.each([
  ['nothing has vanished', [], 10, null],
  ['100 of 2,000', [from(60), from(40)], 2_000, null],
  ['101 of a million', [from(60), from(41)], 1_000_000, 'more than 100 at once need a person'],
  ['5 % of 40', [from(2)], 40, null],
  ['just over 5 %', [from(3)], 40, 'more than 5 % of 40 copies need a person'],
  ['T73: a folder that was emptied of ten', [from(10, 0)], 10_000, null],
  ['T73: a folder that was emptied of eleven', [from(11, 0)], 10_000, 'the folder "INBOX" is empty at the source'],
  ['T73: a folder that is gone', [from(1), from(1, null, 'Old')], 10_000, 'the folder "Old" is gone at the source'],
])('%s', (_name, folders, copies, why) => {
  expect(findBrake({ folders, copies, allowed: null })).toBe(why);
});

test('a person lets go what was asked for, and no more', () => {
  const folders = [from(150, 0), from(5, null)];
  expect(findBrake({ folders, copies: 200, allowed: 155 })).toBeNull();
  expect(findBrake({ folders, copies: 200, allowed: 154 })).not.toBeNull();
});
