import { describe, expect, test } from 'vitest';
import { localTime, withLocalTimes } from './local-time.ts';

describe('a moment as the client reads it', () => {
  test('is told in their zone, winter and summer', () => {
    expect(localTime('2026-11-23T14:43:22.444Z', 'Europe/Berlin')).toBe('2026-11-23 15:43:22 CET');
    expect(localTime('2026-07-01T23:30:00Z', 'Europe/Berlin')).toBe('2026-07-02 01:30 CEST');
    expect(localTime('2026-07-01T23:30:00Z', 'UTC')).toBe('2026-07-01 23:30 UTC');
  });

  test('stands in a sentence, however many there are', () => {
    const text = 'from 2026-11-23T14:00:00Z to 2026-11-23T15:00:00.000Z (2 passes)';
    expect(withLocalTimes(text, 'Europe/Berlin')).toBe('from 2026-11-23 15:00 CET to 2026-11-23 16:00 CET (2 passes)');
  });

  test('is left alone where it is none, or where nobody knows the zone', () => {
    expect(localTime('soon', 'Europe/Berlin')).toBe('soon');
    expect(localTime('2026-11-23T14:43:22Z', 'Harbour/Town')).toBe('2026-11-23T14:43:22Z');
    expect(withLocalTimes('mailbox 2026-11-23', 'Europe/Berlin')).toBe('mailbox 2026-11-23');
  });
});
