import { expect, test } from 'vitest';
import { fingerprintOf } from './fingerprint.ts';
import { repairForAppend } from './repair.ts';

test('a sound message goes as it is, without a copy', () => {
  const raw = Buffer.from('Subject: x\n\nbare\rends\x80', 'latin1');
  expect(repairForAppend(raw)).toEqual({ raw, detail: null });
  expect(repairForAppend(raw).raw).toBe(raw);
});

test.each([
  ['NUL', 'a\0b\0', 'a\x80b\x80'],
  ['NUL among odd line ends', '\0\r\n\n\r', '\x80\r\n\n\r'],
])('%s is repaired, said, and does not change the fingerprint', (_, before, after) => {
  const raw = Buffer.from(before, 'latin1');
  const repaired = repairForAppend(raw);
  expect(repaired.raw.toString('latin1')).toBe(after);
  expect(repaired.detail).toEqual(expect.any(String));
  expect(fingerprintOf(repaired.raw)).toBe(fingerprintOf(raw));
  expect(repairForAppend(repaired.raw).raw).toBe(repaired.raw);
  expect(raw.toString('latin1')).toBe(before);
});
