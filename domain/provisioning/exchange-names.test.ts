import { expect, test } from 'vitest';
import { faultOfAddress, faultOfDisplayName } from './exchange-names.ts';

test.each([
  ['anna@example.test', null],
  ["o'neil_a-b!#^~@example.test", null],
  [`${'a'.repeat(64)}@example.test`, null],
  [`${'a'.repeat(65)}@example.test`, '65 characters'],
  ['anna.@example.test', 'beginning or end'],
  ['.anna@example.test', 'beginning or end'],
  ['an..na@example.test', 'side by side'],
  ['änna@example.test', 'not ASCII'],
  ['an na@example.test', 'a space'],
  ['an&na@example.test', '`&`'],
  ['@example.test', 'not a mail address'],
  [`anna@${'x'.repeat(44)}.test`, '49 characters behind'],
  ['SystemMailbox{1f05a927}@example.test', '`{`'],
  ['HealthMailbox1@example.test', 'system mailboxes'],
])('%s as a user name: %s', (address, fault) => {
  const told = faultOfAddress(address, 'sign-in');
  if (fault === null) expect(told).toBeNull();
  else expect(told).toContain(fault);
});

test('a further address may hold what a user name may not', () => {
  expect(faultOfAddress('sales+eu&uk@example.test', 'further')).toBeNull();
  expect(faultOfAddress('sales(eu)@example.test', 'further')).toContain('`(`');
  expect(faultOfAddress('an..na@example.test', 'further')).toContain('side by side');
});

test('a display name has one line and 256 characters', () => {
  expect(faultOfDisplayName('Anna Müller')).toBeNull();
  expect(faultOfDisplayName('Anna\nMüller')).toContain('line end');
  expect(faultOfDisplayName('x'.repeat(257))).toContain('257');
});
