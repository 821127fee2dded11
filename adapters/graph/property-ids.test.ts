import { expect, test } from 'vitest';
import { PROPERTY, samePropertyId } from './property-ids.ts';

test('a property is known again by the spelling of the answer', () => {
  expect(samePropertyId('Integer 0xe23', PROPERTY.uid)).toBe(true);
  expect(samePropertyId('String 0x7d', PROPERTY.headers)).toBe(true);
  expect(samePropertyId('Integer 0xe2', PROPERTY.uid)).toBe(false);
  expect(samePropertyId('String {D1C2A6F0-7B1E-4F43-9A3C-6D61696C6672} Name mailferry-key', PROPERTY.key)).toBe(true);
  expect(samePropertyId('String {d1c2a6f0-7b1e-4f43-9a3c-6d61696c6672} Name Mailferry-Key', PROPERTY.key)).toBe(false);
});
