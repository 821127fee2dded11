import { expect, test } from 'vitest';
import { createByteBudget, LARGE_BYTES } from './byte-budget.ts';

const never = new AbortController().signal;

/** Whether a promise has settled once everything that can run has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  return settled;
}

test('lets in what there is room for, and the next when room comes free', async () => {
  const budget = createByteBudget(200);
  const release = await budget.take(60, never);
  await budget.take(40, never);
  const third = budget.take(50, never);
  expect(await isSettled(third)).toBe(false);
  release();
  expect(await isSettled(third)).toBe(true);
});

test('a large one is not overtaken for ever by small ones', async () => {
  const budget = createByteBudget(200);
  const release = await budget.take(10, never);
  const large = budget.take(100, never);
  const small = budget.take(1, never);
  expect(await isSettled(small)).toBe(false);
  release();
  (await large)();
  expect(await isSettled(small)).toBe(true);
});

test('tells before a large message gets its room, and not before', async () => {
  const told: number[] = [];
  const budget = createByteBudget(undefined, (bytes) => told.push(bytes));
  await budget.take(1_000, never);
  const release = await budget.take(100_000_000, never);
  const next = budget.take(90_000_000, never);
  expect(await isSettled(next)).toBe(false);
  expect(told).toEqual([100_000_000]);
  release();
  await next;
  expect(told).toEqual([100_000_000, 90_000_000]);
});

test('nobody waits behind a large message', async () => {
  const budget = createByteBudget();
  await budget.take(150_000_000, never);
  expect(await isSettled(budget.take(10_000_000, never))).toBe(false);
  expect(await isSettled(budget.take(LARGE_BYTES, never))).toBe(true);
});

test('what is larger than its half goes alone', async () => {
  const budget = createByteBudget(200);
  const release = await budget.take(1, never);
  const huge = budget.take(101, never);
  expect(await isSettled(huge)).toBe(false);
  release();
  const releaseHuge = await huge;
  const after = budget.take(100, never);
  expect(await isSettled(after)).toBe(false);
  releaseHuge();
  releaseHuge();
  const releaseAfter = await after;
  expect(await isSettled(budget.take(1, never))).toBe(false); // giving back twice made no room of its own
  releaseAfter();
});

test('who is aborted while waiting takes nothing and holds nobody up', async () => {
  const budget = createByteBudget(200);
  const release = await budget.take(60, never);
  const abort = new AbortController();
  const waiting = budget.take(80, abort.signal);
  const next = budget.take(40, never);
  abort.abort(new Error('stop'));
  await expect(waiting).rejects.toThrow('stop');
  expect(await isSettled(next)).toBe(true);
  release();
  expect(await isSettled(budget.take(60, never))).toBe(true);
  await expect(budget.take(1, abort.signal)).rejects.toThrow('stop');
});
