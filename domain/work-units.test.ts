import { describe, expect, test } from 'vitest';
import { MemoryLedger } from '../adapters/memory/ledger.ts';
import type { CensusEntry } from './mail.ts';
import type { FolderEntry } from './ports/ledger.ts';
import { NOTHING_UNCLAIMED } from './unclaimed.ts';
import { noOutcome } from './unit-outcomes.ts';
import { type FolderJob, type Task, type WorkUnit, WorkUnits } from './work-units.ts';

const MAILBOX = 'mbx-1';
const PASS = { kind: 'initial', number: 1 } as const;
const MIB = 1024 * 1024;

describe('units of work', () => {
  /** Folders with messages of these sizes, UID 1 first. */
  async function newUnits(
    folders: Readonly<Record<string, readonly number[]>>,
    failures = 0,
    targets: Readonly<Record<string, string>> = {},
    suspects: readonly number[] = [],
  ) {
    const ledger = new MemoryLedger();
    ledger.addMailbox(MAILBOX);
    const lease = await ledger.takeLease(MAILBOX, 'test');
    const jobs: FolderJob[] = [];
    for (const [name, sizes] of Object.entries(folders)) {
      const targetPath = [targets[name] ?? name];
      const [entry] = await ledger.recordFolders(lease, [
        { sourceId: name, sourcePath: [name], role: null, targetPath },
      ]);
      const row: FolderEntry | undefined = entry;
      if (row === undefined) throw new Error('no row');
      const entries = sizes.map(
        (sizeBytes, at): CensusEntry => ({ uid: at + 1, sizeBytes, internalDate: null, flags: [] }),
      );
      await ledger.recordCensus(lease, row.id, '7', PASS, entries);
      const lost = suspects.map((uid) => noOutcome({ uidValidity: '7', uid }, 'planned'));
      await ledger.recordOutcomes(
        lease,
        row.id,
        PASS,
        lost.map((each) => ({ ...each, code: 'CONNECTION_LOST' })),
      );
      jobs.push({
        entry: row,
        source: { id: name, path: [name], role: null, selectable: true },
        targetPath,
        role: null,
      });
    }
    return new WorkUnits(ledger, jobs, failures);
  }

  function prepare(units: WorkUnits, task: Task | null): FolderJob {
    if (task?.kind !== 'folder') throw new Error(`a folder was expected, not ${task?.kind}`);
    const { job } = task;
    units.ready(
      { ...job, target: { id: '', path: job.targetPath, role: null }, unclaimed: NOTHING_UNCLAIMED, targetUidNext: 1 },
      job,
    );
    return job;
  }

  /** All of it on one lane, each unit ended before the next. */
  async function drain(units: WorkUnits, lanes = 1): Promise<WorkUnit[]> {
    const seen: WorkUnit[] = [];
    for (;;) {
      const task = await units.next(lanes);
      if (task === null) return seen;
      if (task.kind === 'folder') prepare(units, task);
      else {
        seen.push(task.unit);
        units.end(task.unit);
      }
    }
  }

  const uidsOf = (unit: WorkUnit) => unit.messages.map(({ uid }) => uid);

  test('are at most 50 messages and 2 MiB, newest first, each message once', async () => {
    const units = await drain(
      await newUnits({ A: Array.from({ length: 120 }, () => 1_000), B: [1.5 * MIB, 1.5 * MIB, 1_000] }),
    );
    const a = units.filter(({ work }) => work.source.id === 'A');
    expect(a.map(({ messages }) => messages.length)).toEqual([50, 50, 20]);
    expect(a.flatMap(uidsOf)).toEqual(Array.from({ length: 120 }, (_, at) => 120 - at));
    expect(units.filter(({ work }) => work.source.id === 'B').map(uidsOf)).toEqual([[3, 2], [1]]);
  });

  test('are spread over folders', async () => {
    const units = await newUnits({ A: Array.from({ length: 200 }, () => 1), B: Array.from({ length: 200 }, () => 1) });
    const names: string[] = [];
    while (names.length < 4) {
      const task = await units.next(4);
      if (task?.kind === 'unit') names.push(task.unit.work.source.id);
      else prepare(units, task);
    }
    expect(names).toEqual(['A', 'B', 'A', 'B']);
  });

  test('a message over 8 MiB goes alone and leaves one lane to the others', async () => {
    const units = await newUnits({ A: [1, 9 * MIB, 1, 9 * MIB, 1] });
    prepare(units, await units.next(2));
    const handed: WorkUnit[] = [];
    for (let n = 0; n < 2; n += 1) {
      const task = await units.next(2);
      if (task?.kind === 'unit') handed.push(task.unit);
    }
    expect(handed.map(uidsOf)).toEqual([[5, 3, 1], [4]]);
    const waiting = units.next(2); // the second large one has to wait for a lane
    units.end(handed[0] as WorkUnit);
    const last = await waiting;
    expect(last?.kind === 'unit' ? uidsOf(last.unit) : last).toEqual([2]);
  });

  test('two folders with one target take turns, since they may claim the same copies', async () => {
    const units = await newUnits({ A: [1], B: [1] }, 0, { A: 'Sent', B: 'Sent' });
    expect(prepare(units, await units.next(2)).source.id).toBe('A');
    const task = await units.next(2);
    const waiting = units.next(2);
    let settled = false;
    void waiting.then(() => {
      settled = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBe(false);
    if (task?.kind === 'unit') units.end(task.unit);
    expect(prepare(units, await waiting).source.id).toBe('B');
    expect((await drain(units)).map(uidsOf)).toEqual([[1]]);
  });

  test('a dropped folder is handed out no more and holds nobody up', async () => {
    const units = await newUnits({ A: Array.from({ length: 120 }, () => 1), B: [1] });
    const job = prepare(units, await units.next(1));
    const task = await units.next(1);
    units.drop(job);
    if (task?.kind === 'unit') units.end(task.unit);
    expect((await drain(units)).map(({ work }) => work.source.id)).toEqual(['B']);
  });

  test('after attempts that were broken off they are small, and grow with each that gets through', async () => {
    const sizes = (await drain(await newUnits({ A: Array.from({ length: 120 }, () => 1) }, 9))).map(
      ({ messages }) => messages.length,
    );
    expect(sizes.slice(0, 4)).toEqual([1, 1, 1, 2]);
    expect(Math.max(...sizes)).toBe(50);
  });

  test('T28: what was under way when a connection ended comes last, each alone', async () => {
    const units = await newUnits({ A: [1, 1, 1, 1, 1], B: [1, 1] }, 0, {}, [2, 4]);
    expect((await drain(units)).map((unit) => [unit.work.source.id, uidsOf(unit)])).toEqual([
      ['A', [5, 3, 1]],
      ['B', [1]],
      ['A', [4]],
      ['A', [2]],
      ['B', [2]],
    ]);
  });

  test('whoever waits is let go when the work is stopped', async () => {
    const units = await newUnits({ A: [1] });
    await units.next(2); // a folder that nobody makes ready
    const waiting = units.next(2);
    units.stop();
    expect(await waiting).toBeNull();
  });
});
