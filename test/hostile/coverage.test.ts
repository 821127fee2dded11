/** Which hostile cases have a test, by its name, and which wait, and for what. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listFiles, ROOT, readText } from '../support/source-map.ts';

/** Every id of ../shared/hostile-cases.md; the numbers that are missing there were never given. */
const IDS: readonly number[] = [
  ...[1, 2, 4, 5, 7, 8, 9, 10, 11, 13, 14, 15],
  ...[16, 18, 19, 21, 22, 23, 24, 26, 27, 28, 29, 30, 31],
  ...[32, 33, 35, 36, 37, 38, 40, 41, 42],
  ...[43, 44, 45, 46, 47, 48, 49, 50, 51, 52],
  ...[53, 54, 55, 56, 57, 58, 60, 61, 62, 63],
  ...[64, 66, 68, 69, 70, 71],
  ...[72, 73, 74, 75, 76, 77, 78, 79],
];

/** No test yet, and why; an id goes from here when it gets one. */
const WAITING: Readonly<Record<number, string>> = {
  74: 'stragglers after the change of MX: the DNS issue',
  75: 'a question of the portal: the portal issue',
  76: 'plans that change in mid-flight: the portal issue',
  77: 'an operator whose browser is closed: the portal issue',
};

const CASES_FILE = join(ROOT, '..', 'shared', 'hostile-cases.md');

/** Id → names of tests and groups of tests that begin with it, alone or in a list: `T16, T18: …`. */
function namesById(): ReadonlyMap<number, readonly string[]> {
  const names = new Map<number, string[]>();
  for (const path of listFiles().filter((each) => /\.(test|suite)\.ts$/.test(each))) {
    for (const [, name = ''] of readText(path).matchAll(/['"`](T\d+(?:, T\d+)*: [^'"`]{3,})/g)) {
      for (const [, id] of (name.split(':')[0] ?? '').matchAll(/T(\d+)/g)) {
        names.set(Number(id), [...(names.get(Number(id)) ?? []), `${path}: ${name}`]);
      }
    }
  }
  return names;
}

describe('the hostile cases', () => {
  const names = namesById();

  test('are those of the shared list', () => {
    if (!existsSync(CASES_FILE)) {
      console.warn('../shared/hostile-cases.md is missing: the ids are those that this test remembers.');
      return;
    }
    const listed = [...readFileSync(CASES_FILE, 'utf8').matchAll(/^\| (\d+) \|/gm)].map(([, id]) => Number(id));
    expect(listed).toEqual(IDS);
  });

  test('have a test each that is named after it, or wait for a reason', () => {
    expect(IDS.filter((id) => !names.has(id) && !(id in WAITING)).map((id) => `T${id}`)).toEqual([]);
  });

  test('that wait have no test yet', () => {
    expect(Object.keys(WAITING).filter((id) => names.has(Number(id)) || !IDS.includes(Number(id)))).toEqual([]);
  });

  test('are the only ones that tests are named after', () => {
    expect([...names].filter(([id]) => !IDS.includes(id)).flatMap(([, found]) => found)).toEqual([]);
  });
});
