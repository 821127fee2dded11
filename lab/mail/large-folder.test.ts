import { expect, test } from 'vitest';
import { largeFolder } from './large-folder.ts';

const COUNT = 100_000;
const folder = largeFolder({ seed: 1, count: COUNT });
const uids = [...Array(300).keys()].map((n) => 1 + n * 333);

test('has the shape of 50 GB in 100,000 messages', () => {
  let bytes = 0;
  for (let uid = 1; uid <= COUNT; uid += 1) bytes += folder.sizeOf(uid);
  expect(bytes / 1e9).toBeGreaterThan(45);
  expect(bytes / 1e9).toBeLessThan(55);
});

test('makes each message as large as it says, in whole lines', () => {
  const small = largeFolder({ seed: 1, count: COUNT, scale: 0.05 });
  for (const uid of uids) {
    const raw = small.messageOf(uid);
    expect(raw.length).toBe(small.sizeOf(uid));
    expect(raw.toString('latin1')).toMatch(/^(?:[^\r\n]{0,77}\r\n)+$/);
  }
});

test('makes the same message each time, and no two alike', () => {
  const again = largeFolder({ seed: 1, count: COUNT });
  for (const uid of uids.slice(0, 20)) expect(again.messageOf(uid).equals(folder.messageOf(uid))).toBe(true);
  const bodies = uids
    .slice(0, 20)
    .map((uid) => folder.messageOf(uid).toString('latin1').split('\r\n\r\n')[1]?.slice(0, 76));
  expect(new Set(bodies).size).toBe(20);
  expect(largeFolder({ seed: 2, count: COUNT }).sizeOf(1)).not.toBe(folder.sizeOf(1));
});

test('has dates that ascend, to the second, and flags', () => {
  const dates = uids.map((uid) => folder.dateOf(uid).getTime());
  expect(dates).toEqual(dates.toSorted((one, other) => one - other));
  expect(dates.every((date) => date % 1000 === 0)).toBe(true);
  expect([...folder.flagsOf(3)]).toEqual(['\\Seen', '\\Flagged']);
});
