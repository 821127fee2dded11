import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { repairPath } from './folders.ts';
import { flatten, numberName, placeKey, repairName } from './repair-name.ts';

const SLASH = { separator: '/' };

describe('repairing a name', () => {
  test.each([
    ['EOM Reports ', 'EOM Reports'],
    [' PROBLEM', 'PROBLEM'],
    ['\u00a0x\u3000', 'x'],
    ['a/b', 'a-b'],
    ['a\r\nb\u0085', 'a--b-'],
    ['half \ud83d', 'half \ufffd'],
    ['', 'unnamed'],
    [' \t ', '-'],
    ['..', '--'],
    [' . ', '-'],
    ['...', '...'],
    ['Files', 'Files (mail)'],
    ['CALENDAR', 'CALENDAR (mail)'],
    ['Filesystem', 'Filesystem'],
  ])('%j at the top becomes %j', (name, repaired) => {
    expect(repairName(name, 0, SLASH)).toBe(repaired);
  });

  test('T9: names of the mailbox in its own language are reserved where they are known', () => {
    expect(repairName('kalender', 0, { ...SLASH, reserved: ['Kalender'] })).toBe('kalender (mail)');
    expect(repairName('Kalender', 1, { ...SLASH, reserved: ['Kalender'] })).toBe('Kalender');
  });

  test('replaces what the target refuses, and only there', () => {
    expect(repairName('"a\\b"', 0, { ...SLASH, forbidden: '"\\' })).toBe('-a-b-');
    expect(repairName('"a\\b"', 0, SLASH)).toBe('"a\\b"');
    expect(repairName('a-b', 0, { separator: '-' })).toBe('a_b');
    expect(repairName('~a~', 0, { ...SLASH, forbiddenStart: '~' })).toBe('-a~');
  });

  test('cuts a long name to what fits on the wire, the same way each time, and tells long names apart', () => {
    const rules = { ...SLASH, maxNameOctets: 40 };
    const [one, other] = ['a', 'b'].map((end) => repairName(`${'Ärger'.repeat(20)}${end}`, 0, rules));
    expect(one).toMatch(/^Ärger.*~[0-9a-z]{7}$/);
    expect(one).not.toBe(other);
    expect(one).toBe(repairName(`${'Ärger'.repeat(20)}a`, 0, rules));
    expect(numberName(one ?? '', 12, rules)).toMatch(/ \(12\)$/);
  });

  test('twice is the same as once, and the target adapter changes nothing in a repaired name', () => {
    const rules = fc.record({
      separator: fc.constantFrom('/', '.', '-', null),
      forbidden: fc.constantFrom('', '"\\', '%*'),
      forbiddenStart: fc.constantFrom('', '~]'),
      inboxBelow: fc.boolean(),
      maxNameOctets: fc.constantFrom(30, 255),
    });
    const names = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('Files', ' . ', 'Files (mail)', '\ud800'));
    fc.assert(
      fc.property(names, fc.nat(2), rules, (name, level, each) => {
        const once = repairName(name, level, each);
        expect(repairName(once, level, each)).toBe(once);
        expect(once.trim()).toBe(once);
        expect(once).not.toBe('');
        const path = [...Array.from({ length: level }, () => 'x'), once];
        expect(repairPath(path, each.separator)).toEqual(path);
      }),
    );
  });
});

test('levels beyond the deepest become part of it', () => {
  expect(flatten(['a', 'b', 'c', 'd'], { ...SLASH, maxDepth: 2 })).toEqual(['a', 'b-c-d']);
  expect(flatten(['a', 'b'], { ...SLASH, maxDepth: 2 })).toEqual(['a', 'b']);
});

test('a target that does not tell cases apart has one place for all spellings', () => {
  const key = (name: string, caseInsensitive: boolean) => placeKey([name], { ...SLASH, caseInsensitive });
  expect(key('MÄRZ', true)).toBe(key('ma\u0308rz', true));
  expect(key('ΟΔΟΣ', true)).toBe(key('οδος', true));
  expect(key('MÄRZ', false)).not.toBe(key('März', false));
});
