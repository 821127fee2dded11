import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { oddMail } from '../test/support/odd-mail.ts';
import { fingerprintOf } from './fingerprint.ts';
import { decodeWords } from './mime/encoded-words.ts';
import { findField, readValue } from './mime/fields.ts';
import { messageFields } from './mime/message-header.ts';
import { receivedAtOf } from './received-at.ts';
import { repairMessage } from './repair.ts';
import { unwrapMessage, wrapMessage } from './wrap.ts';

const FACTS = { receivedAt: '2020-01-06T09:00:00Z', reason: 'The target refused a line of 12,000 octets.' };
const bytes = (...lines: string[]) => Buffer.from(lines.join('\r\n'), 'latin1');

function read(raw: Buffer, name: string): string | null {
  const field = findField(messageFields(raw), name);
  return field === undefined ? null : decodeWords(readValue(raw, field));
}

describe('T16: a wrapped message', () => {
  const original = bytes(
    'From: "M\xfcller, Hans" <hans@example.test>',
    'To: =?utf-8?Q?J=C3=BCrgen?= <j@example.test>, (x) b@example.test, Team: c@example.test;',
    'Subject: =?utf-8?B?R3LDvMOfZQ==?= aus K\xf6ln',
    'Date: Mon, 06 Jan 2020 10:00:00 +0100',
    'Message-ID: <own@example.test>',
    'Disposition-Notification-To: hans@example.test',
    'Return-Receipt-To: hans@example.test',
    'X-Confirm-Reading-To: hans@example.test',
    '',
    'x'.repeat(12_000),
  );
  const wrapped = wrapMessage(original, FACTS);

  test('shows sender, recipients, subject and date of the original', () => {
    expect(read(wrapped, 'from')).toBe('Müller, Hans <hans@example.test>');
    expect(read(wrapped, 'to')).toBe('Jürgen <j@example.test>, b@example.test, c@example.test');
    expect(read(wrapped, 'subject')).toBe('Grüße aus Köln');
    expect(read(wrapped, 'date')).toBe('Mon, 06 Jan 2020 10:00:00 +0100');
  });

  test('gives the reason in words', () => {
    expect(wrapped.toString('latin1').replaceAll('=\r\n', '')).toContain(FACTS.reason);
  });

  test('has a Message-ID of its own, made from the fingerprint, and always the same bytes', () => {
    expect(read(wrapped, 'message-id')).toBe(`<wrapped.${fingerprintOf(original)}@mailferry.invalid>`);
    expect(wrapMessage(Buffer.from(original), { ...FACTS }).equals(wrapped)).toBe(true);
  });

  test('T70: asks for no receipt', () => {
    expect(wrapped.toString('latin1')).not.toMatch(
      /^(?:disposition-notification|return-receipt|read-receipt|x-confirm)/im,
    );
  });

  test('is attached as application/octet-stream in base64 with lines of 76', () => {
    const text = wrapped.toString('latin1');
    expect(text).toContain(
      'Content-Type: application/octet-stream; name="original.eml"\r\nContent-Transfer-Encoding: base64\r\n',
    );
    expect(text.split('\r\n\r\n').at(-1)?.split('\r\n')[0]).toHaveLength(76);
  });

  test('gives back the original byte for byte, also after a server has changed line ends', () => {
    expect(unwrapMessage(wrapped)?.equals(original)).toBe(true);
    const lf = Buffer.from(wrapped.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
    expect(unwrapMessage(Buffer.concat([Buffer.from('Received: x\n'), lf]))?.equals(original)).toBe(true);
  });

  test('can be wrapped again and taken out twice', () => {
    const inner = unwrapMessage(wrapMessage(wrapped, FACTS));
    expect(inner?.equals(wrapped)).toBe(true);
  });

  test('is not taken for whole when a byte of it has changed', () => {
    const changed = Buffer.from(wrapped);
    const at = changed.lastIndexOf('eHh4') + 1;
    changed[at] = changed[at] === 0x41 ? 0x42 : 0x41;
    expect(unwrapMessage(changed)).toBe(null);
    expect(unwrapMessage(original)).toBe(null);
  });
});

describe('what cannot be read safely', () => {
  test.each([
    ['nothing at all', ''],
    ['a header of garbage', 'From: <>\r\nTo: @\r\nSubject: \0\x1b[31m\r\nDate: never\r\n\r\n'],
    [
      'hidden line ends',
      'From: =?utf-8?Q?a=0D=0AX-Evil:_y?= <a b@c>\r\nSubject: =?utf-8?Q?a=1BBcc:_z?=\r\nTo: (\r\n\r\n',
    ],
  ])('%s gets neutral words', (_, text) => {
    const wrapped = wrapMessage(Buffer.from(text, 'latin1'), FACTS);
    expect(read(wrapped, 'from')).toBe('unknown-sender@mailferry.invalid');
    expect(read(wrapped, 'to')).toBe('undisclosed-recipients:;');
    expect(read(wrapped, 'subject')).toBe('(original message attached)');
    expect(read(wrapped, 'date')).toBe('Mon, 06 Jan 2020 09:00:00 +0000');
  });

  test('a line end inside an encoded word makes no field', () => {
    const wrapped = wrapMessage(bytes('Subject: =?utf-8?Q?a=0D=0ABcc:_z?=', '', ''), FACTS);
    expect(read(wrapped, 'subject')).toBe('a Bcc: z');
    expect(read(wrapped, 'bcc')).toBe(null);
  });

  test('T31: without any date there is none', () => {
    const wrapped = wrapMessage(Buffer.alloc(0), { ...FACTS, receivedAt: null });
    expect(read(wrapped, 'date')).toBe(null);
    expect(receivedAtOf({ internalDate: null, raw: wrapped, now: '2026-01-01T00:00:00Z' }).from).toBe('none');
  });

  test('thousands of recipients are cut to a hundred', () => {
    const wrapped = wrapMessage(bytes(`To: ${'a@example.test, '.repeat(5_000)}`, '', ''), FACTS);
    expect(read(wrapped, 'to')?.split(', ')).toHaveLength(100);
  });
});

describe('whatever the bytes', () => {
  const any = fc.oneof(
    oddMail,
    fc.uint8Array({ maxLength: 500 }).map((array) => Buffer.from(array)),
  );

  test('what is taken out is what was put in', () => {
    fc.assert(
      fc.property(any, fc.string(), (raw, reason) => {
        expect(unwrapMessage(wrapMessage(raw, { receivedAt: null, reason }))?.equals(raw)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test('a stub is lawful everywhere: it needs no repair', () => {
    fc.assert(
      fc.property(any, fc.string({ unit: 'binary' }), (raw, reason) => {
        const wrapped = wrapMessage(raw, { receivedAt: null, reason });
        expect(repairMessage(wrapped, { maxLineOctets: 998 })).toEqual({ raw: wrapped, repairs: [], left: [] });
      }),
      { numRuns: 1_000 },
    );
  });
});
