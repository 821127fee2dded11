import { describe, expect, test } from 'vitest';
import { MemoryMailSystem } from '../adapters/memory/mail.ts';
import type { Lane } from './copy-context.ts';
import { MigrationError } from './errors.ts';
import { type LaneControl, type LaneWork, workOnLanes } from './lanes.ts';

const system = new MemoryMailSystem();
const FIRST: Lane = { source: system.openSource(), target: system.openTarget() };

describe('lanes', () => {
  /** Pieces of work that take `costOf(lanes)` turns of the fake clock each, however many lanes there are. */
  function newWork(pieces: number, costOf: (lanes: number) => number) {
    const clock = { now: 0 };
    let left = pieces;
    let stopped = false;
    let done = 0;
    let most = 0;
    const onLane = new Map<Lane, number>();
    const work: LaneWork = {
      backlog: () => left,
      progress: () => done,
      stop: () => {
        stopped = true;
      },
      async drive(lane: Lane, control: LaneControl) {
        while (left > 0 && !stopped) {
          left -= 1;
          most = Math.max(most, control.lanes());
          const until = clock.now + costOf(control.lanes());
          while (clock.now < until) await tick();
          done += 1;
          onLane.set(lane, (onLane.get(lane) ?? 0) + 1);
          if (await control.mustEnd()) return;
        }
      },
    };
    const tick = async () => {
      clock.now += 1;
      await new Promise<void>((resolve) => setImmediate(resolve));
    };
    const pace = {
      now: () => clock.now,
      pause: async (ms: number) => {
        const until = clock.now + ms;
        while (clock.now < until) await tick();
      },
    };
    return { work, pace, done: () => done, most: () => most, onLane };
  }

  function opener(limit: number, isWanted = async () => false) {
    const closed: Lane[] = [];
    let opened = 0;
    const open = async () => {
      if (opened >= limit) return null;
      opened += 1;
      const lane = { ...FIRST, isWanted, close: async () => void closed.push(lane) };
      return lane;
    };
    return { open, opened: () => opened, closed };
  }

  test('does all the work on one lane where no other is granted', async () => {
    const { work, pace, done } = newWork(20, () => 1);
    const { open } = opener(0);
    await workOnLanes(FIRST, work, { open, pace });
    expect(done()).toBe(20);
  });

  test('opens what is granted, and closes every spare lane at the end', async () => {
    const { work, pace, done, most } = newWork(400, () => 50);
    const spare = opener(3);
    await workOnLanes(FIRST, work, { open: spare.open, pace });
    expect(done()).toBe(400);
    expect(most()).toBe(4);
    expect(spare.closed).toHaveLength(3);
  });

  test('goes beyond four only while another one helps', async () => {
    // Six lanes are what the server has; more of them only wait for one another.
    const { work, pace, most } = newWork(3_000, (lanes) => 20 * Math.max(1, lanes / 6));
    const spare = opener(50);
    await workOnLanes(FIRST, work, { open: spare.open, pace });
    expect(most()).toBeGreaterThan(4);
    expect(most()).toBeLessThan(12);
  });

  test('works on where a further connection is refused, with half of them', async () => {
    const { work, pace, done } = newWork(500, () => 20);
    let asked = 0;
    const spare = opener(50);
    const open = async () => {
      asked += 1;
      if (asked === 6) throw new MigrationError('SERVER_BUSY', 'too many connections');
      return await spare.open();
    };
    await workOnLanes(FIRST, work, { open, pace });
    expect(done()).toBe(500);
    expect(asked).toBe(6); // nobody asks a server again that has said no
    expect(spare.closed).toHaveLength(spare.opened());
  });

  test('gives a spare lane back that somebody else wants, and finishes on the others', async () => {
    const { work, pace, done, onLane } = newWork(200, () => 10);
    const spare = opener(3, async () => true);
    await workOnLanes(FIRST, work, { open: spare.open, pace });
    expect(done()).toBe(200);
    expect([...onLane.values()].toSorted((a, b) => a - b).slice(0, 3)).toEqual([1, 1, 1]);
  });

  test('the first fault ends the others after their piece, and is what is told', async () => {
    const { work, pace, done } = newWork(1_000, () => 10);
    const drive = work.drive;
    let begun = 0;
    const failing: LaneWork = {
      ...work,
      async drive(lane, control) {
        begun += 1;
        if (begun === 2) throw new MigrationError('THROTTLED', 'slow down', { retryAfterMs: 7 });
        await drive(lane, control);
      },
    };
    const spare = opener(3);
    const run = workOnLanes(FIRST, failing, { open: spare.open, pace });
    await expect(run).rejects.toMatchObject({ code: 'THROTTLED', retryAfterMs: 7 });
    expect(done()).toBeLessThan(10);
    expect(spare.closed).toHaveLength(spare.opened());
  });
});
