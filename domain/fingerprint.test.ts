import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fingerprintOf, replaceNul } from './fingerprint.ts';

const of = (text: string) => fingerprintOf(Buffer.from(text, 'latin1'));

describe('the fingerprint', () => {
  test('of a message with CRLF and without NUL is the SHA-256 of its bytes', () => {
    const raw = Buffer.from('Subject: x\r\n\r\nGrüße\r\n');
    expect(fingerprintOf(raw)).toBe(createHash('sha256').update(raw).digest('hex'));
  });

  test.each([
    ['a lone LF', 'a\nb'],
    ['a lone CR', 'a\rb'],
    ['CRLF', 'a\r\nb'],
  ])('reads %s as one line end', (_, text) => {
    expect(of(text)).toBe(of('a\r\nb'));
  });

  test('reads LF LF and CR CR as two line ends, and CR CR LF as one', () => {
    expect(of('a\n\nb')).toBe(of('a\r\n\r\nb'));
    expect(of('a\r\rb')).toBe(of('a\r\n\r\nb'));
    expect(of('a\r\r\r\nb')).toBe(of('a\r\nb'));
  });

  test('does not see a CR at the very end', () => {
    expect(of('a\r\r')).toBe(of('a'));
    expect(of('a\r\n')).not.toBe(of('a'));
    expect(of('a\r\n\r')).toBe(of('a\r\n'));
  });

  test('sees line ends at the very start and end', () => {
    expect(of('\na\n')).toBe(of('\r\na\r\n'));
  });

  test('reads NUL as 0x80', () => {
    expect(of('a\0b')).toBe(of('a\x80b'));
  });

  test('differs for anything else', () => {
    expect(of('a b')).not.toBe(of('a  b'));
    expect(of('a\r\n')).not.toBe(of('a'));
  });

  test('stays the same when it is taken of bytes that a server has put right', () => {
    const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array.map((byte) => byte % 16)));
    fc.assert(
      fc.property(bytes, (raw) => {
        const latin1 = raw.toString('latin1');
        const mended = latin1
          .replace(/\r+$/, '')
          .replace(/\r+\n|\r|\n/g, '\r\n')
          .replaceAll('\0', '\x80');
        return fingerprintOf(raw) === createHash('sha256').update(mended, 'latin1').digest('hex');
      }),
    );
  });
});

describe('replacing NUL', () => {
  test('changes nothing else and copies nothing where there is none', () => {
    const clean = Buffer.from('a\nb\rc\x80', 'latin1');
    expect(replaceNul(clean)).toBe(clean);
    const dirty = Buffer.from('\0a\n\0\0', 'latin1');
    expect(replaceNul(dirty).toString('latin1')).toBe('\x80a\n\x80\x80');
    expect(dirty.includes(0)).toBe(true);
  });
});

test('T30: takes no longer for a million CRs in a row than for as many letters', () => {
  // By the square of their number it would take minutes, and the test would run into its limit.
  const raw = Buffer.concat([Buffer.alloc(1_000_000, '\r'), Buffer.from('x')]);
  expect(fingerprintOf(raw)).toBe(fingerprintOf(Buffer.from(`${'\r\n'.repeat(1_000_000)}x`)));
});
