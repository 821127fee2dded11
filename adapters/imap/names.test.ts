import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeName, encodeName, pathOfWireName, wireNameOfPath } from './names.ts';

describe('modified UTF-7', () => {
  test.each([
    ['M&AOQ-rz', 'März'],
    ['&U,BTFw-', '台北'],
    ['R&-D', 'R&D'],
    ['&2D3cSw-', '\u{1f44b}'],
    ['Entw&APw-rfe', 'Entwürfe'],
  ])('%s is shown as %s and goes back as it came', (wire, shown) => {
    expect(decodeName(wire)).toBe(shown);
    expect(encodeName(shown)).toBe(wire);
  });

  test.each([
    ['&AOQ-&APY-', 'äö'],
    ['&AGE-b', 'ab'],
    ['&AOR-', 'ä'],
  ])('T10: %s, which no careful server writes, is shown as %s', (wire, shown) => {
    expect(decodeName(wire)).toBe(shown);
  });

  test.each([
    ['a raw ampersand', 'R&D'],
    ['one that looks like a run', 'R&D-Abteilung'],
    ['a run without its end', 'M&AOQ'],
    ['octets that are no UTF-16', '&AOQA-'],
    ['half a character', '&2D0-'],
    ['NUL', 'a&AAA-'],
    ['bytes over 127', 'März'],
    ['bytes over 127 beside a run', 'März &AOQ-'],
    ['a raw ampersand beside a run', 'R&D &AOQ-'],
  ])('T10: %s stays as it came', (_what, wire) => {
    expect(decodeName(wire)).toBe(wire);
  });

  test('T10: every name of whole characters comes back from the wire as it went', () => {
    const names = fc.string({ unit: 'binary' }).filter((name) => !name.includes('\0'));
    fc.assert(
      fc.property(names, (name) => {
        expect(encodeName(name)).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeName(encodeName(name))).toBe(name);
      }),
    );
  });

  test('T10: whatever a server sends, what is shown can be stored and stays the same when it is sent and read again', () => {
    const wire = fc.oneof(
      fc.string({ unit: fc.constantFrom('&', '-', 'A', 'O', 'Q', 'D', ',', '+', ' ', 'ä', '2') }),
      fc.string({ unit: 'grapheme' }),
    );
    fc.assert(
      fc.property(wire, (name) => {
        const shown = decodeName(name);
        expect(shown.isWellFormed() && !shown.includes('\0')).toBe(true);
        expect(decodeName(encodeName(shown))).toBe(shown);
      }),
    );
  });
});

describe('names on the wire', () => {
  const courier = { prefix: 'INBOX.', separator: '.' };
  const dovecot = { prefix: '', separator: '/' };

  test.each([
    ['INBOX', ['INBOX']],
    ['INBOX.Kunden.M&AOQ-rz', ['Kunden', 'März']],
    ['INBOX.INBOX', ['INBOX', 'INBOX']],
    ['INBOX.INBOX.INBOX', ['INBOX', 'INBOX', 'INBOX']],
    ['INBOX.INBOX.COMPTA', ['INBOX', 'COMPTA']],
  ])('T5: %s below a prefix is %j, and back', (wire, path) => {
    expect(pathOfWireName(wire, courier)).toEqual(path);
    expect(wireNameOfPath(path, courier)).toBe(wire);
  });

  test.each([
    ['inbox', ['INBOX'], 'INBOX'],
    ['INBOX/INBOX', ['INBOX', 'INBOX'], 'INBOX/INBOX'],
    ['Inbox/EOM', ['INBOX', 'EOM'], 'INBOX/EOM'],
    ['a//b', ['a', '', 'b'], 'a//b'],
  ])('%s without a prefix is %j, and back', (wire, path, back) => {
    expect(pathOfWireName(wire, dovecot)).toEqual(path);
    expect(wireNameOfPath(path, dovecot)).toBe(back);
  });
});
