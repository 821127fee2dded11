import { expect, test } from 'vitest';
import { createTurn } from './turn.ts';

test('runs one after the other, and goes on after a failure', async () => {
  const inTurn = createTurn();
  const seen: string[] = [];
  const work = (name: string) => async () => {
    seen.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(`${name} ends`);
    if (name === 'two') throw new Error('no');
    return name;
  };
  const results = await Promise.allSettled(['one', 'two', 'three'].map((name) => inTurn(work(name))));
  expect(seen).toEqual(['one', 'two', 'three'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});
