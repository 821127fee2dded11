import { describe, expect, test } from 'vitest';
import {
  firstPace,
  quicker,
  shareOf,
  slower,
  UPLOAD_LIMIT_BYTES,
  UPLOAD_SLICE_MS,
  UPLOAD_WINDOW_MS,
  uploadWaitMs,
} from './throttle.ts';

const MINUTE = 60_000;

describe('the pace of a mailbox', () => {
  test('begins with two, grows by one in each quiet minute, and stops at four', () => {
    const pace = firstPace(0);
    const at = [0, MINUTE - 1, MINUTE, 2 * MINUTE, 10 * MINUTE].map((now) => quicker(pace, now).places);
    expect(at).toEqual([2, 2, 3, 4, 4]);
  });

  test('is half when the server refuses, never none, and quiet begins with the end of the wait', () => {
    const four = quicker(firstPace(0), 2 * MINUTE);
    const two = slower(four, 2 * MINUTE, 2_128);
    expect(two).toMatchObject({ places: 2, notBeforeMs: 2 * MINUTE + 2_128 });
    const one = slower(two, 3 * MINUTE, 30_000);
    expect(one.places).toBe(1);
    expect(slower(one, 4 * MINUTE, 1).places).toBe(1);
    expect(quicker(one, 4 * MINUTE).places).toBe(1);
    expect(quicker(one, 4 * MINUTE + 30_000).places).toBe(2);
  });

  test('several refusals at once are one, and the longest wait of them counts', () => {
    const four = quicker(firstPace(0), 2 * MINUTE);
    const now = 2 * MINUTE;
    const refused = [3_000, 9_000, 1_000].reduce((pace, forMs) => slower(pace, now, forMs), four);
    expect(refused).toMatchObject({ places: 2, notBeforeMs: now + 9_000 });
  });

  test('doubles the wait where the server does not say how long', () => {
    let now = 0;
    let pace = firstPace(now);
    const waits: number[] = [];
    for (let refusal = 0; refusal < 10; refusal++) {
      pace = slower(pace, now, null);
      waits.push(pace.notBeforeMs - now);
      now = pace.notBeforeMs;
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300].map((seconds) => seconds * 1_000));
    expect(slower(quicker(pace, now + MINUTE), now + MINUTE, null).notBeforeMs).toBe(now + MINUTE + 1_000);
  });
});

describe('a share', () => {
  test('is all that is free while nobody goes short', () => {
    expect(shareOf(4, { running: 0, wanted: 9, held: 0 }, [{ places: 1, wanted: 1 }])).toBe(3);
    expect(shareOf(4, { running: 0, wanted: 2, held: 0 }, [])).toBe(2);
  });

  test('shrinks to an equal part when another goes short, but running requests keep their places', () => {
    const short = [{ places: 0, wanted: 5 }];
    expect(shareOf(4, { running: 1, wanted: 9, held: 4 }, short)).toBe(2);
    expect(shareOf(4, { running: 4, wanted: 9, held: 4 }, short)).toBe(4);
  });

  test('takes what is over when every other has an equal part', () => {
    expect(shareOf(3, { running: 1, wanted: 3, held: 1 }, [{ places: 1, wanted: 3 }])).toBe(2);
    expect(shareOf(4, { running: 0, wanted: 9, held: 0 }, [{ places: 0, wanted: 9 }])).toBe(2);
  });

  test('is left for a while where there are fewer places than processes', () => {
    const short = [{ places: 0, wanted: 1 }];
    expect(shareOf(1, { running: 0, wanted: 1, held: 1 }, short)).toBe(0);
    expect(shareOf(1, { running: 0, wanted: 1, held: 0 }, short)).toBe(1);
  });
});

describe('the upload window', () => {
  test('is full until the oldest slices have left it', () => {
    const slices = [
      { endMs: 2 * UPLOAD_SLICE_MS, bytes: UPLOAD_LIMIT_BYTES / 2 },
      { endMs: UPLOAD_SLICE_MS, bytes: UPLOAD_LIMIT_BYTES / 2 },
    ];
    const now = 3 * UPLOAD_SLICE_MS;
    expect(uploadWaitMs(slices, 1, now)).toBe(UPLOAD_WINDOW_MS + UPLOAD_SLICE_MS - now);
    expect(uploadWaitMs(slices, UPLOAD_LIMIT_BYTES, now)).toBe(UPLOAD_WINDOW_MS + 2 * UPLOAD_SLICE_MS - now);
    expect(uploadWaitMs(slices, 1, UPLOAD_WINDOW_MS + UPLOAD_SLICE_MS)).toBe(0);
  });

  test('lets what is larger than itself pass when nothing else is in it', () => {
    expect(uploadWaitMs([], 2 * UPLOAD_LIMIT_BYTES, 0)).toBe(0);
  });
});
