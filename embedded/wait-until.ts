import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks again and again, every 50 ms.
 *
 * @returns false when the time was up before the condition held.
 */
export async function waitUntil(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() >= end) return false;
    await delay(50);
  }
  return true;
}
