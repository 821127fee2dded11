import { expect, test } from 'vitest';
import { atMost } from '../../activities/lanes.ts';

const LANE = { isWanted: async () => false, close: async () => undefined };

test('three asked for at the same time get no more than the limit allows', async () => {
  const open = atMost(1, async () => ({ ...LANE }));

  const lanes = await Promise.all([open(), open(), open()]);

  expect(lanes.filter((lane) => lane !== null)).toHaveLength(1);
});

test('a place comes back with the lane that closes, and with one that could not be opened', async () => {
  const answers = ['fault', 'none', 'lane', 'lane'];
  const open = atMost(1, async () => {
    const answer = answers.shift();
    if (answer === 'fault') throw new Error('refused');
    return answer === 'none' ? null : { ...LANE };
  });

  await expect(open()).rejects.toThrow('refused');
  expect(await open()).toBeNull();
  const lane = await open();
  expect(lane).not.toBeNull();
  expect(await open()).toBeNull();
  await lane?.close();
  expect(await open()).not.toBeNull();
});
